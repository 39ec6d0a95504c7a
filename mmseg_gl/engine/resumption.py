"""Whether a checkpoint is one that a run can go on from: its own, with its own settings."""

import ast
import os
import re

from mmseg_gl.engine.checkpoint import has_checkpoints, read_run
from mmseg_gl.errors import UserError
from mmseg_gl.files import is_first_process

# What a resumed run takes from the checkpoint (optimizers, schedules), or must not change under it.
# The data may have moved, and there may be another number of processes, workers or iterations.
OWN_SETTINGS = ('model', 'metainfo.classes', 'optim_wrapper', 'param_scheduler', 'randomness.seed')
OWN_DATA = re.compile(  # of one data set, or of each in a list
    r'train_dataloader\.dataset\.(source|target)((\.\d+)?\.type|_weights(\.\d+)?)'
)
FREE = ('init_cfg', 'test_cfg')  # what a network starts from, and how it is tested
IN_WORDS = 'nothing'  # for a setting that is not there


def check_resumption(cfg, path):
    """Make sure that a run may go on from a checkpoint.

    Args:
        cfg (Config): The run's, with ``work_dir``.
        path (str): The checkpoint.

    Raises:
        UserError: When it belongs to another run, whose files would replace those of the work dir,
            or when settings have changed that a resumed run does not take up.
    """
    outside = os.path.realpath(os.path.dirname(path) or '.') != os.path.realpath(cfg.work_dir)
    if outside and has_checkpoints(cfg.work_dir):
        raise UserError(
            f'--resume {path}: {cfg.work_dir} holds checkpoints of its own, which this run would '
            'replace; choose another --work-dir'
        )
    settings = read_settings(read_run(path)['meta'].get('cfg'))
    before = own_settings(settings)
    now = own_settings(cfg.to_dict())
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if before and changed:
        key, more = changed[0], len(changed) - 1
        raise UserError(
            f'--resume: {path} is of a run with other settings: {key} was '
            f'{before.get(key, IN_WORDS)} and is {now.get(key, IN_WORDS)} now'
            + (f' (and {more} more)' if more else '')
            + '; go on with the settings of that run, or start a new one from its weights: another '
            f'--work-dir and --cfg-options load_from={path}'
        )
    planned = flattened(settings).get('train_cfg.max_iters')
    if planned and planned != cfg.train_cfg.max_iters and is_first_process():
        print(
            f'--resume: the run was planned for {planned} iterations and has '
            f'{cfg.train_cfg.max_iters} now; its schedules and phases stay where they were'
        )


def read_settings(text):
    """Read a config as mmengine writes it, ``key = value`` with plain values, without running it.

    Args:
        text (str): ``Config.pretty_text``.

    Returns:
        dict: Its settings, with lists for tuples; a value that is no plain one as its source text.
        Empty where the text is something else.
    """
    try:
        statements = ast.parse(text).body
    except (SyntaxError, TypeError, ValueError, RecursionError):
        return {}
    return {
        statement.targets[0].id: plain_value(statement.value)
        for statement in statements
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }


def plain_value(node):
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        entries = plain_value(node.args[0]) if node.args else {}
        for keyword in node.keywords:  # `name=value`, or `**{...}`
            value = plain_value(keyword.value)
            entries.update(value if keyword.arg is None else {keyword.arg: value})
        return entries
    if isinstance(node, ast.Dict):
        return {plain_value(k): plain_value(v) for k, v in zip(node.keys, node.values)}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [plain_value(item) for item in node.elts]
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


def own_settings(settings):
    """Return what must stay the same, dotted key -> value."""
    flat = flattened(settings)
    return {
        key: value
        for key, value in flat.items()
        if (OWN_DATA.fullmatch(key) or any(f'{key}.'.startswith(f'{own}.') for own in OWN_SETTINGS))
        and not set(key.split('.')) & set(FREE)
    }


def flattened(value, where=''):
    """Return the values inside nested dicts and lists by their dotted keys."""
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {where: value}
    flat = {}
    for key, entry in value.items():
        flat.update(flattened(entry, f'{where}.{key}' if where else str(key)))
    return flat
