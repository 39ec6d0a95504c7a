"""Bad input: one sentence on stderr, exit code 2, never a traceback, and nothing lost.

The cases are in tests/bad_input_table.py; here is what they cannot show.
"""

import json
import shutil

import pytest
import torch

import mmseg_gl_command
from tests.bad_input_table import CASES, Bench, Shared


@pytest.fixture(scope='module')
def shared(tmp_path_factory, street_scenes, run):
    folder = tmp_path_factory.mktemp('bad_input')
    shared = Shared(folder, street_scenes)
    bench = Bench(shared, folder / 'run')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('STREET_SCENES', str(bench.data))
        assert run('train', *bench.train()).code == 0
    shared.trained = folder / 'run/work/iter_1.pth'
    return shared


@pytest.fixture
def bench(shared, tmp_path, monkeypatch):
    bench = Bench(shared, tmp_path)
    monkeypatch.setenv('STREET_SCENES', str(bench.data))
    return bench


@pytest.mark.parametrize('tool, what', [(tool, what) for tool in CASES for what in CASES[tool]])
def test_bad_input(tool, what, bench, run):
    arguments = CASES[tool][what](bench)
    precious = [p for p in bench.folder.rglob('*') if p.is_file() and p.read_bytes() == b'precious']
    named = what.split('`')[1] if '`' in what else what.partition('=')[0]
    assert named in run(tool, *arguments).error
    assert all(path.read_bytes() == b'precious' for path in precious)


def test_every_tool_has_cases():
    assert CASES.keys() == {name.replace('-', '_') for name in mmseg_gl_command.TOOLS}


@pytest.mark.skipif(torch.cuda.is_available(), reason='--amp fp16 works here')
def test_amp_without_a_gpu(run, bench, monkeypatch):
    assert '--amp fp16' in run('train', *bench.train(more=['--amp', 'fp16'])).error
    monkeypatch.setattr(torch.ops.mkldnn, '_is_mkldnn_bf16_supported', lambda: False)
    assert '--amp' in run('train', *bench.train(more=['--amp'])).error


def test_other_metrics_are_kept(run, bench):
    kept = bench.path('work/metrics.json', 'precious')
    assert run('test', *bench.test()).code == 0
    new = kept.read_text()
    assert json.loads(new)['checkpoint'] == str(bench.weights)
    assert (kept.parent / 'metrics.1.json').read_text() == 'precious'

    assert run('test', *bench.test()).code == 0  # the same figures again: nothing to keep
    assert sorted(p.name for p in kept.parent.glob('metrics*')) == [
        'metrics.1.json',
        'metrics.json',
    ]
    other = shutil.copy(bench.weights, bench.folder / 'other.pth')
    # The checkpoint of the command line counts; mmengine would load load_from after it.
    assert run('test', *bench.test('load_from=gone.pth', weights=other)).code == 0
    assert (kept.parent / 'metrics.2.json').read_text() == new
