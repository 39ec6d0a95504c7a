"""Logging of a run to TensorBoard and Weights & Biases, beside its own files."""

import json
import os
import secrets
from typing import Any

from mmengine.config import Config

from mmseg_gl.engine.plain_values import has_form
from mmseg_gl.errors import UserError
from mmseg_gl.files import is_first_process, read_record, write_text

WANDB_RECORD = 'wandb.json'  # in the work dir: the id of the run at Weights & Biases


def add_backends(
    cfg: Config, tensorboard: bool, wandb: bool, checkpoint: dict[str, Any] | None
) -> None:
    """Add backends to the visualizer of a run's config, which go on with those of a resumed run.

    Args:
        cfg: Config with ``work_dir``, changed in place.
        tensorboard: Write event files to ``WORK_DIR/tensorboard``.
        wandb: Log to Weights & Biases.
        checkpoint: Contents of the checkpoint that the run is resumed from, if it is.
    """
    backends = []
    if tensorboard:
        folder = os.path.join(cfg.work_dir, 'tensorboard')
        purge_step = checkpoint['meta']['iter'] + 1 if checkpoint else None
        backends.append(
            dict(type='GroupedTensorboardVisBackend', save_dir=folder, purge_step=purge_step)
        )
    if wandb and is_first_process():
        init = dict(
            dir=cfg.work_dir,
            id=wandb_id(cfg.work_dir, checkpoint is not None),
            name=os.path.basename(os.path.abspath(cfg.work_dir)),
            resume='allow',
        )
        backends.append(
            dict(type='GroupedWandbVisBackend', save_dir=cfg.work_dir, init_kwargs=init)
        )
    visualizer = cfg.get('visualizer') or dict(type='SegLocalVisualizer', name='visualizer')
    visualizer['vis_backends'] = [*(visualizer.get('vis_backends') or []), *backends]
    cfg.visualizer = visualizer


def wandb_id(work_dir: str, resumed: bool) -> str:
    """Return the id of a run at Weights & Biases, the recorded one if the run is resumed.

    Raises:
        UserError: If another file has the record's name.
    """
    path = os.path.join(work_dir, WANDB_RECORD)
    record = read_record(path)
    if record is not None and not has_form(record, dict(id=str)):
        raise UserError(
            f'{path} has the name of a record of this tool but is not one; move it away'
        )
    if record is None or not resumed:
        record = dict(id=secrets.token_hex(4))
        write_text(path, json.dumps(record))
    return record['id']
