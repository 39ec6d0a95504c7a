"""Recipes: stages of training, translation and pseudo-labelling that run one after the other."""

import os
import re
import runpy
from typing import Any

from mmseg_gl.config.arguments import check_value
from mmseg_gl.errors import UserError, check_is_file
from mmseg_gl.experiments.stage import REPORTS, Stage

STAGE = dict(name=str, tool=str, config=str, checkpoint=str | None, options=dict | None)
REFERENCE = re.compile(r'\{([^{}]*)\}')
TOOLS = ('train', *REPORTS)


def load_recipe(
    path: str, work_dir: str, seed: int, common: dict[str, Any] | None = None
) -> list[Stage]:
    """Read a recipe file and check all its stages.

    A recipe is a Python file with a list ``stages`` of dicts with the keys ``name``, ``tool``,
    ``config`` (relative to the recipe), ``checkpoint`` and ``options`` (see :class:`Stage`). In the
    last two, ``{NAME}`` is replaced by the output of the earlier stage NAME.

    Args:
        path: The recipe file.
        work_dir: Folder that contains the stages' folders.
        seed: Random seed of training.
        common: Changes to the configs of all stages that have the key, dotted key -> value.

    Returns:
        The stages in the order in which they run.

    Raises:
        UserError: If the file cannot be read, or a stage is incomplete, has an unknown tool, has a
            missing or wrong config, refers to a stage that does not come before it, or if no
            stage has a key of ``common``.
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
            common=common or {},
            inputs=inputs,
            work_dir=work_dir,
            seed=seed,
        )
    for key in common or {}:
        if not any(key in stage.common for stage in stages.values()):
            raise UserError(f'--cfg-options {key}: no stage of {path} has such a key')
    return list(stages.values())
