"""What two runs must have in common if one is the other, interrupted and resumed."""

import json
from pathlib import Path

import torch

CLOCK = ('time', 'data_time', 'eta', 'memory')  # last parts of names that tell how long it took
# What says how and when a process was started; cfg has resume=True, the version a commit.
OTHER_START = ('cfg', 'settings', 'experiment_name', 'time', 'mmengine_version')


def state_of(path):
    """Return a checkpoint's contents without what is about clocks and folders."""
    state = torch.load(path, weights_only=True)
    hub = state['message_hub']
    hub['log_scalars'] = without(hub['log_scalars'], CLOCK)
    hub['runtime_info'] = without(hub['runtime_info'], (*CLOCK, *OTHER_START))
    hub['resumed_keys'] = without(hub['resumed_keys'], CLOCK)
    state['meta'] = without(state['meta'], OTHER_START)
    return state


def log_of(work_dir):
    """Return what a run has logged: (step, names) -> figures, of the last time that it did so."""
    log = {}
    for path in sorted(Path(work_dir).glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            try:
                record = without(json.loads(line), CLOCK)
            except json.JSONDecodeError:  # the last line of a process that was killed
                continue
            log[record['step'], tuple(sorted(record))] = record
    return log


def assert_same_run(work_dir, other):
    """Compare all files of two runs' work dirs."""
    names = [sorted(p.name for p in Path(d).iterdir() if p.is_file()) for d in (work_dir, other)]
    assert names[0] == names[1]
    for name in names[0]:
        if name.endswith('.pth'):
            assert_same(state_of(Path(work_dir, name)), state_of(Path(other, name)), name)
    assert_same(log_of(work_dir), log_of(other), 'log')
    last = [Path(Path(d, 'last_checkpoint').read_text()).name for d in (work_dir, other)]
    assert last[0] == last[1]


def assert_same(one, other, where):
    """Compare nested containers of tensors and plain values; figures that are nan are the same."""
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype and one.shape == other.shape, where
        assert torch.equal(one, other) or torch.allclose(one, other, 0, 0, equal_nan=True), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f'{where}.{key}')
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other)):
            assert_same(a, b, f'{where}.{index}')
    else:
        assert one == other or (one != one and other != other), where


def without(entries, names):
    return {k: v for k, v in entries.items() if k.split('/')[-1] not in names}
