"""Recipes: several stages of training, translation and pseudo-labelling, one after the other."""

import json
import os
import re
import runpy

from mmseg_gl.config.load import check_required_options, load_config
from mmseg_gl.engine.checkpoint import last_checkpoint
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.recorded_folder import differences
from mmseg_gl.files import read_record, write_text

STAGE_KEYS = {'name', 'tool', 'config', 'checkpoint', 'options'}
REFERENCE = re.compile(r'\{([^{}]*)\}')
# The file in which a tool says whether its folder is complete.
REPORTS = {'translate': 'translation.json', 'pseudo_label': 'pseudo_labels.json'}
TOOLS = ('train', *REPORTS)


class Stage:
    """One stage of a recipe.

    Args:
        name (str): Its name and the name of its folder.
        tool (str): 'train', 'translate' or 'pseudo_label'.
        config (str): Config file.
        checkpoint (str | None): What 'translate' and 'pseudo_label' use.
        options (dict[str, object]): Changes of the config, dotted key -> value.
        inputs (list[Stage]): The earlier stages whose outputs these name.
        work_dir (str): The recipe's folder.
        seed (int): Random seed of training.
    """

    def __init__(self, name, tool, config, checkpoint, options, inputs, work_dir, seed):
        self.name, self.tool, self.config = name, tool, config
        self.checkpoint, self.options, self.inputs, self.seed = checkpoint, options, inputs, seed
        self.dir = os.path.join(work_dir, name)
        self.cfg = load_config(config, options)
        if tool == 'train':
            check_required_options(self.cfg)

    @property
    def output(self):
        """What ``{name}`` stands for in later stages: the last checkpoint, or the folder of PNGs.

        The last iterate, not the best validation: no labels of the target choose it.
        """
        if self.tool == 'train':
            return os.path.join(self.dir, f'iter_{self.cfg.train_cfg.max_iters}.pth')
        return os.path.join(self.dir, 'images') if self.tool == 'translate' else self.dir

    def is_done(self):
        """Return whether the stage has run to its end."""
        if self.tool == 'train':
            return last_checkpoint(self.dir) == self.output and os.path.exists(self.output)
        report = read_record(os.path.join(self.dir, REPORTS[self.tool])) or {}
        return report.get('complete') is True

    def state(self):
        """Return 'done', 'interrupted' or 'to do'."""
        if self.is_done():
            return 'done'
        return 'interrupted' if os.path.exists(self.record_file) else 'to do'

    def arguments(self):
        """Return the command line arguments for the tool."""
        if self.tool == 'train':
            arguments = [self.config, '--work-dir', self.dir, '--seed', str(self.seed), '--resume']
        else:
            arguments = [self.config, self.checkpoint, '--out', self.dir]
        if self.options:
            arguments += ['--cfg-options', *(f'{k}={v}' for k, v in self.options.items())]
        return arguments

    @property
    def record_file(self):
        """Beside the stage's folder, which belongs to its tool."""
        return f'{self.dir}.stage.json'

    @property
    def log_file(self):
        return f'{self.dir}.log'

    def record(self):
        """Return what the stage is made from, to recognise its folder later."""
        return dict(
            tool=self.tool,
            config=self.config,
            settings=repr(self.cfg.to_dict()),
            checkpoint=self.checkpoint,
            seed=self.seed if self.tool == 'train' else None,
        )

    def check(self):
        """Refuse a folder that was made with other settings, or from inputs that are gone.

        Raises:
            UserError: In either case, or when its record is damaged.
        """
        before = read_record(self.record_file)
        if before is None and os.path.isdir(self.dir) and os.listdir(self.dir):
            raise UserError(
                f'{self.dir} is in the way of the stage "{self.name}": it holds files that this '
                'recipe has not made; choose another --work-dir'
            )
        if before is not None and (changed := differences(before, self.record())):
            raise UserError(
                f'the stage "{self.name}" in {self.dir} was made with another '
                f'{" and ".join(changed)}; choose another --work-dir, or delete that folder and '
                f'{self.record_file} to make it again'
            )
        for stage in self.inputs:
            if self.is_done() and not stage.is_done():
                raise UserError(
                    f'the stage "{self.name}" is finished, but "{stage.name}", which it was made '
                    f'from, is not; delete {self.dir} and {self.record_file} to make it again'
                )

    def begin(self):
        """Write down what the stage is made from, before its tool starts.

        Raises:
            UserError: When an input is missing.
        """
        for stage in self.inputs:
            if not (stage.is_done() and os.path.exists(stage.output)):
                raise UserError(
                    f'the stage "{self.name}" needs {stage.output} of "{stage.name}", which is not '
                    'there'
                )
        os.makedirs(self.dir, exist_ok=True)
        write_text(self.record_file, json.dumps(self.record(), indent=1))


def load_recipe(path, work_dir, seed):
    """Read a recipe file and check every stage of it.

    A recipe is a Python file with a list ``stages`` of dicts with the keys ``name``, ``tool``,
    ``config`` (relative to the recipe), ``checkpoint`` and ``options`` (see :class:`Stage`). In the
    last two, ``{NAME}`` stands for the output of the earlier stage NAME.

    Args:
        path (str): The recipe.
        work_dir (str): Where the stages' folders are.
        seed (int): Random seed of training.

    Returns:
        list[Stage]: In the order in which they run.

    Raises:
        UserError: When the file cannot be read, or a stage is incomplete, has an unknown tool or a
            config that is missing or wrong, or names a stage that does not come before it.
    """
    if not os.path.isfile(path):
        raise UserError(f'there is no recipe file {path}')
    try:
        entries = runpy.run_path(path).get('stages')
    except (Exception, SystemExit) as error:
        reason = f'{type(error).__name__}: {error}'
        raise UserError(f'cannot read the recipe {path}: {reason}') from error
    if not (isinstance(entries, list) and entries and all(isinstance(e, dict) for e in entries)):
        raise UserError(f'the recipe {path} has no list "stages" of dicts')
    stages = {}
    for number, entry in enumerate(entries, 1):
        where = f'{path}, stage {number}'
        for key in ('name', 'tool', 'config'):
            if not isinstance(entry.get(key), str):
                raise UserError(f'{where}: expected a text as "{key}"')
        where += f' ("{entry["name"]}")'
        if unknown := sorted(set(entry) - STAGE_KEYS):
            raise UserError(
                f'{where}: unknown key "{unknown[0]}"; known: {", ".join(sorted(STAGE_KEYS))}'
            )
        if entry['tool'] not in TOOLS:
            raise UserError(f'{where}: unknown tool "{entry["tool"]}"; known: {", ".join(TOOLS)}')
        if not re.fullmatch(r'[\w.-]+', entry['name']) or entry['name'] in stages:
            raise UserError(
                f'{where}: expected a name of letters, digits, "-", "_" and "." that no other '
                'stage has'
            )
        if not isinstance(entry.get('options', {}), dict):
            raise UserError(f'{where}: expected a dict as "options"')
        needs_checkpoint = entry['tool'] in REPORTS
        if needs_checkpoint != isinstance(entry.get('checkpoint'), str):
            need = 'needs a' if needs_checkpoint else 'takes no'
            raise UserError(f'{where}: the tool {entry["tool"]} {need} "checkpoint"')
        inputs = []

        def fill(value, where=where, inputs=inputs):
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
            options={key: fill(value) for key, value in entry.get('options', {}).items()},
            inputs=inputs,
            work_dir=work_dir,
            seed=seed,
        )
    return list(stages.values())
