"""Recipes: stages of training, translation and pseudo-labelling that run one after the other."""

from __future__ import annotations

import json
import os
import re
import runpy
from typing import Any

from mmseg_gl.config.arguments import check_value
from mmseg_gl.config.load import check_required_options, load_config
from mmseg_gl.engine.checkpoint import last_checkpoint
from mmseg_gl.errors import UserError, check_is_file
from mmseg_gl.experiments.recorded_folder import differences
from mmseg_gl.files import read_record, write_text

STAGE = dict(name=str, tool=str, config=str, checkpoint=str | None, options=dict | None)
REFERENCE = re.compile(r'\{([^{}]*)\}')
# The record in which a tool says whether its folder is complete.
REPORTS = {'translate': 'translation.json', 'pseudo_label': 'pseudo_labels.json'}
TOOLS = ('train', *REPORTS)


class Stage:
    """One stage of a recipe.

    Args:
        name: Name of the stage and of its folder.
        tool: 'train', 'translate' or 'pseudo_label'.
        config: Config file.
        checkpoint: Checkpoint for 'translate' and 'pseudo_label'.
        options: Changes to the config, dotted key -> value.
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
        inputs: list[Stage],
        work_dir: str,
        seed: int,
    ) -> None:
        self.name, self.tool, self.config = name, tool, config
        self.checkpoint, self.options, self.inputs, self.seed = checkpoint, options, inputs, seed
        self.dir = os.path.join(work_dir, name)
        self.cfg = load_config(config, options)
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
            return last_checkpoint(self.dir) == self.output and os.path.exists(self.output)
        report = read_record(os.path.join(self.dir, REPORTS[self.tool])) or {}
        return report.get('complete') is True

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


def load_recipe(path: str, work_dir: str, seed: int) -> list[Stage]:
    """Read a recipe file and check all its stages.

    A recipe is a Python file with a list ``stages`` of dicts with the keys ``name``, ``tool``,
    ``config`` (relative to the recipe), ``checkpoint`` and ``options`` (see :class:`Stage`). In the
    last two, ``{NAME}`` is replaced by the output of the earlier stage NAME.

    Args:
        path: The recipe file.
        work_dir: Folder that contains the stages' folders.
        seed: Random seed of training.

    Returns:
        The stages in the order in which they run.

    Raises:
        UserError: If the file cannot be read, or a stage is incomplete, has an unknown tool, has a
            missing or wrong config, or refers to a stage that does not come before it.
    """
    check_is_file(path, 'recipe')
    try:
        entries = runpy.run_path(path).get('stages')
    except (Exception, SystemExit) as error:
        reason = f'{type(error).__name__}: {error}'
        raise UserError(f'cannot read the recipe {path}: {reason}') from error
    if not (isinstance(entries, list) and entries and all(isinstance(e, dict) for e in entries)):
        raise UserError(f'the recipe {path} has no list "stages" of dicts')
    stages: dict[str, Stage] = {}
    for number, entry in enumerate(entries, 1):
        where = f'{path}, stage {number}'
        if unknown := sorted(set(entry) - set(STAGE)):
            raise UserError(
                f'{where}: unknown key "{unknown[0]}"; known: {", ".join(sorted(STAGE))}'
            )
        for key, annotation in STAGE.items():
            check_value(f'{where}: {key}', entry.get(key), annotation)
        where += f' ("{entry["name"]}")'
        if entry['tool'] not in TOOLS:
            raise UserError(f'{where}: unknown tool "{entry["tool"]}"; known: {", ".join(TOOLS)}')
        if not re.fullmatch(r'[\w.-]+', entry['name']) or entry['name'] in stages:
            raise UserError(
                f'{where}: expected a name of letters, digits, "-", "_" and "." that no other '
                'stage has'
            )
        needs_checkpoint = entry['tool'] in REPORTS
        if needs_checkpoint != (entry.get('checkpoint') is not None):
            need = 'needs a' if needs_checkpoint else 'takes no'
            raise UserError(f'{where}: the tool {entry["tool"]} {need} "checkpoint"')
        inputs: list[Stage] = []

        def fill(value: Any, where: str = where, inputs: list[Stage] = inputs) -> Any:
            if not isinstance(value, str):
                return value
            for name in REFERENCE.findall(value):
                if name not in stages:
                    raise UserError(
                        f'{where}: {value} names the stage "{name}", but there is no such stage '
                        'before it'
                    )
                inputs.append(stages[name])
            return REFERENCE.sub(lambda match: stages[match[1]].output, value)

        stages[entry['name']] = Stage(
            name=entry['name'],
            tool=entry['tool'],
            config=os.path.normpath(os.path.join(os.path.dirname(path), entry['config'])),
            checkpoint=fill(entry.get('checkpoint')),
            options={key: fill(value) for key, value in (entry.get('options') or {}).items()},
            inputs=inputs,
            work_dir=work_dir,
            seed=seed,
        )
    return list(stages.values())
