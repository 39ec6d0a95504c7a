"""Load checkpoints and fail on missing tensors instead of leaving them random."""

import os
import re
import sys
from typing import Any

from mmengine.model import BaseModel, is_model_wrapper
from torch import Tensor, nn

from mmseg_gl.engine.plain_values import has_form
from mmseg_gl.engine.pretrained import pretrained_parts
from mmseg_gl.errors import UserError
from mmseg_gl.files import is_first_process
from mmseg_gl.weights.files import below, check_tensors, read_checkpoint, tensors_of

LAST = 'last_checkpoint'  # the file in a work dir that names the newest checkpoint
RUN = dict(  # contents that a run needs to be resumed
    state_dict=dict,
    optimizer=dict,
    meta=dict(epoch=int, iter=int),
    message_hub=dict(log_scalars=dict, runtime_info=dict, resumed_keys={str: bool}),
)


def check_run(path: str, contents: dict[str, Any]) -> None:
    """Raise a UserError unless a training run can be resumed from the contents of a checkpoint."""
    if not has_form(contents, RUN):
        raise UserError(
            f'{path} holds weights but not the state of a training run, so it cannot be resumed; '
            'to start from its weights use --cfg-options load_from=...'
        )


def has_checkpoints(work_dir: str) -> bool:
    """Return True if a folder, which need not exist, holds any checkpoint."""
    names = os.listdir(work_dir) if os.path.isdir(work_dir) else []
    return any(name.endswith('.pth') for name in names)


def last_checkpoint(work_dir: str) -> str | None:
    """Return the path of the checkpoint that the file ``last_checkpoint`` names, None without one.

    The path is always in this work dir, which may have been moved since.
    """
    path = os.path.join(work_dir, LAST)
    if not os.path.isfile(path):
        return None
    with open(path, errors='replace') as file:
        name = os.path.basename(file.read().strip())
    return os.path.join(work_dir, name) if name else None


def newest_whole_checkpoint(work_dir: str) -> tuple[str, dict[str, Any]] | None:
    """Read the newest undamaged checkpoint of a run, and report the damaged ones on stderr.

    It is the checkpoint that ``last_checkpoint`` names or, if that is damaged, the newest one
    before it.

    Args:
        work_dir: Work dir of the run.

    Returns:
        The path and the contents of the checkpoint, None when there are no checkpoints at all.

    Raises:
        UserError: When all checkpoints are damaged.
    """
    names = os.listdir(work_dir) if os.path.isdir(work_dir) else []
    names = [name for name in names if re.fullmatch(r'iter_\d+\.pth', name)]
    names.sort(key=lambda name: int(name[5:-4]), reverse=True)
    paths = [os.path.join(work_dir, name) for name in names]
    last = last_checkpoint(work_dir)
    if last in paths:
        paths = paths[paths.index(last) :]
    elif last:  # under another name, or gone
        paths = [last, *paths]
    damage = []
    for path in paths:
        try:
            contents = read_checkpoint(path)
        except UserError as error:
            damage.append(str(error))
            continue
        for sentence in damage if is_first_process() else ():
            print(f'{sentence}; continuing from {path}', file=sys.stderr)
        return path, contents
    if damage:
        raise UserError(
            f'--resume: no checkpoint in {work_dir} can be read: {damage[0]}; name another one: '
            '--resume CKPT'
        )
    return None


def load_segmentor(model: nn.Module, path: str) -> None:
    """Load the complete segmentor of a checkpoint into a :class:`UDASegmentor`, for testing.

    With ``evaluated='teacher'`` it is the teacher's network. The other parts of the model may be
    missing. A checkpoint of the segmentor alone (keys without the ``segmentor.`` prefix) can be
    loaded, too.

    Args:
        model: The model, possibly wrapped for distributed use.
        path: Checkpoint file.

    Raises:
        UserError: When tensors are missing or have another shape, or there is no teacher.
    """
    weights = tensors_of(read_checkpoint(path))
    evaluated = unwrapped(model).evaluated
    network: Any = unwrapped(model).network
    prefix = 'segmentor.' if evaluated == 'segmentor' else 'teacher.module.'
    if evaluated == 'teacher' and below(weights, 'segmentor.') and not below(weights, prefix):
        raise UserError(
            f'{path} has no teacher; evaluate its segmentor (--weights segmentor), or name the '
            'checkpoint of a run with a teacher'
        )
    weights = below(weights, prefix) or weights
    if not weights.keys() & network.state_dict().keys():
        raise UserError(
            f"{path} has none of the tensors of this config's network (its first is "
            f'{next(iter(weights), "none")}); convert official checkpoints with '
            'tools/convert_weights.py'
        )
    check_tensors(network, weights, path)
    network.load_state_dict(weights)


def check_start(model: nn.Module, path: str, contents: dict[str, Any], resume: bool) -> None:
    """Check that training can start from a checkpoint; mmengine ignores missing weights.

    A file of pretrained weights is not read, and need not exist, for parts whose weights the
    checkpoint has: the segmentor's always.

    Args:
        model: The model, possibly wrapped for distributed use.
        path: Checkpoint file.
        contents: Contents of the file.
        resume: Resume the run, which needs all tensors and the optimizers' state, instead of
            starting a new run from the weights, which needs those of the segmentor (of which a
            published file has no others) or of the generators.

    Raises:
        UserError: When the checkpoint lacks any of these.
    """
    model, weights = unwrapped(model), tensors_of(contents)
    start = 'segmentor' if hasattr(model, 'segmentor') else 'generators'
    if resume:
        check_run(path, contents)
        check_tensors(model, weights, path)
    else:
        own = weights if is_segmentor_alone(weights) else below(weights, f'{start}.')
        check_tensors(getattr(model, start), own, path)
    for name, module, _ in pretrained_parts(model):
        if name.startswith(f'{start}.') or below(weights, f'{name}.'):
            module.init_cfg = None


def is_segmentor_alone(weights: dict[str, Tensor]) -> bool:
    """Return whether weights have mmseg's names, as those of a published file do."""
    return bool(below(weights, 'decode_head.'))


def unwrapped(model: nn.Module) -> BaseModel:
    """Return the model inside a distributed wrapper, or the model itself."""
    return model.module if is_model_wrapper(model) else model
