"""Stage of a recipe: a tool with its settings, its folder, and what it takes from other stages."""

from __future__ import annotations

import json
import os
from typing import Any

from mmseg_gl.config.load import check_required_options, load_config
from mmseg_gl.config.options import find
from mmseg_gl.engine.checkpoint import last_checkpoint
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.recorded_folder import differences
from mmseg_gl.experiments.scalars import read_scalars
from mmseg_gl.files import read_record, write_text

# The record in which a tool says whether its folder is complete.
REPORTS = {'translate': 'translation.json', 'pseudo_label': 'pseudo_labels.json'}


class Stage:
    """One stage of a recipe.

    Args:
        name: Name of the stage and of its folder.
        tool: 'train', 'translate' or 'pseudo_label'.
        config: Config file.
        checkpoint: Checkpoint for 'translate' and 'pseudo_label'.
        options: Changes to the config, dotted key -> value.
        common: The same for all stages of the recipe; keys that the config lacks are left out.
        inputs: The earlier stages whose outputs ``checkpoint`` and ``options`` refer to.
        work_dir: Folder of the recipe's output.
        seed: Random seed of training.
    """

    def __init__(
        self,
        name: str,
        tool: str,
        config: str,
        checkpoint: str | None,
        options: dict[str, Any],
        common: dict[str, Any],
        inputs: list[Stage],
        work_dir: str,
        seed: int,
    ) -> None:
        self.name, self.tool, self.config = name, tool, config
        self.checkpoint, self.inputs, self.seed = checkpoint, inputs, seed
        self.dir = os.path.join(work_dir, name)
        cfg = load_config(config, options)
        self.common = {key: v for key, v in common.items() if find(cfg, key) is not None}
        self.options = {**options, **self.common}
        self.cfg = load_config(config, self.options) if self.common else cfg
        if tool == 'train':
            check_required_options(self.cfg)

    @property
    def output(self) -> str:
        """Path that replaces ``{name}`` in later stages: the last checkpoint or a folder of PNGs.

        It is the last iterate, not the best one by validation, so that no target labels are used to
        select it.
        """
        if self.tool == 'train':
            return os.path.join(self.dir, f'iter_{self.cfg.train_cfg.max_iters}.pth')
        return os.path.join(self.dir, 'images') if self.tool == 'translate' else self.dir

    def is_done(self) -> bool:
        """Return whether the stage has run to its end."""
        if self.tool == 'train':
            written = last_checkpoint(self.dir) == self.output and os.path.exists(self.output)
            return written and (not self.ends_with_validation() or self.is_validated())
        report = read_record(os.path.join(self.dir, REPORTS[self.tool])) or {}
        return report.get('complete') is True

    def ends_with_validation(self) -> bool:
        """Return whether training ends with a validation, after its last checkpoint is written."""
        begin, end = self.cfg.train_cfg.get('val_begin', 1), self.cfg.train_cfg.max_iters
        return self.cfg.get('val_cfg') is not None and begin <= end

    def is_validated(self) -> bool:
        """Return whether the last iteration's validation is logged."""
        last = self.cfg.train_cfg.max_iters
        return any(r['step'] == last and 'iter' not in r for r in read_scalars(self.dir))

    def state(self) -> str:
        """Return 'done', 'interrupted' or 'to do'."""
        if self.is_done():
            return 'done'
        return 'interrupted' if os.path.exists(self.record_file) else 'to do'

    def arguments(self) -> list[str]:
        """Return the command line arguments for the tool."""
        if self.tool == 'train':
            arguments = [self.config, '--work-dir', self.dir, '--seed', str(self.seed), '--resume']
        else:
            arguments = [self.config, str(self.checkpoint), '--out', self.dir]
        if self.options:
            arguments += ['--cfg-options', *(f'{k}={v}' for k, v in self.options.items())]
        return arguments

    @property
    def record_file(self) -> str:
        """Path of the stage's record, beside its folder, as that belongs to the tool."""
        return f'{self.dir}.stage.json'

    @property
    def log_file(self) -> str:
        return f'{self.dir}.log'

    def record(self) -> dict[str, Any]:
        """Return the settings of the stage, by which its folder is recognised later."""
        return dict(
            tool=self.tool,
            config=self.config,
            settings=repr(self.cfg.to_dict()),
            checkpoint=self.checkpoint,
            seed=self.seed if self.tool == 'train' else None,
        )

    def check(self) -> None:
        """Check that an existing folder belongs to this stage and that its inputs still exist.

        Raises:
            UserError: If it was made with other settings or not by this recipe, if an input of a
                finished stage is unfinished, or if the record is damaged.
        """
        before = read_record(self.record_file)
        if before is None and os.path.isdir(self.dir) and os.listdir(self.dir):
            raise UserError(
                f'{self.dir}, the folder of the stage "{self.name}", holds files that this recipe '
                'did not write; choose another --work-dir'
            )
        if before is not None and (changed := differences(before, self.record())):
            raise UserError(
                f'the stage "{self.name}" in {self.dir} was run with different settings '
                f'({", ".join(changed)}); choose another --work-dir, or delete that folder and '
                f'{self.record_file} to run it again'
            )
        for stage in self.inputs:
            if self.is_done() and not stage.is_done():
                raise UserError(
                    f'the stage "{self.name}" is finished, but its input "{stage.name}" is not; '
                    f'delete {self.dir} and {self.record_file} to run it again'
                )

    def begin(self) -> None:
        """Write the record of the stage, before its tool starts.

        Raises:
            UserError: If an input is missing.
        """
        for stage in self.inputs:
            if not (stage.is_done() and os.path.exists(stage.output)):
                raise UserError(
                    f'the stage "{self.name}" needs {stage.output} of "{stage.name}", which does '
                    'not exist'
                )
        os.makedirs(self.dir, exist_ok=True)
        write_text(self.record_file, json.dumps(self.record(), indent=1))
