"""Bad input: one sentence on stderr, exit code 2, never a traceback, and nothing lost.

The cases are in tests/bad_input_table.py; here is what one tool in this process cannot show.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import mmseg_gl_command
from tests import bad_input_table

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def shared(tmp_path_factory):
    return bad_input_table.Shared(tmp_path_factory.mktemp('bad_input'))


@pytest.fixture
def bench(shared, tmp_path):
    return bad_input_table.Bench(shared, tmp_path)


@pytest.mark.parametrize(
    'case', bad_input_table.cases(), ids=lambda case: f'{case.tool}: {case.what}'
)
def test_bad_input(case, shared):
    answer = bad_input_table.run_case(case, shared)
    assert answer.code == 2, answer.text
    lines = answer.text.splitlines()
    assert len(lines) == 1 and lines[0].startswith('error: '), answer.text
    assert case.words in lines[0]


def test_every_tool_has_cases():
    tools = {name.replace('-', '_') for name in mmseg_gl_command.TOOLS}
    assert {case.tool for case in bad_input_table.cases()} == tools


def test_a_process_of_its_own_prints_one_line_too(bench):
    bench.truncate(bad_input_table.SOURCE_IMAGE)
    command = [
        sys.executable,
        ROOT / 'tools/train.py',
        *bench.train('train_dataloader.num_workers=1'),
    ]
    environment = {**os.environ, **bench.environment, 'OMP_NUM_THREADS': '1'}
    outcome = subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment)
    assert outcome.returncode == 2
    assert len(outcome.stderr.splitlines()) == 1, outcome.stderr
    assert f'{bad_input_table.SOURCE_IMAGE} is truncated' in outcome.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason='--amp fp16 works here')
def test_amp_without_a_gpu(run, bench, monkeypatch):
    assert '--amp fp16 needs a GPU' in run('train', *bench.train(more=['--amp', 'fp16'])).error
    monkeypatch.setattr(torch.ops.mkldnn, '_is_mkldnn_bf16_supported', lambda: False)
    assert 'no fast bfloat16' in run('train', *bench.train(more=['--amp'])).error


def test_other_metrics_are_kept(run, bench, monkeypatch):
    monkeypatch.setenv('STREET_SCENES', bench.environment['STREET_SCENES'])
    kept = bench.path('work/metrics.json', 'precious')
    assert run('test', *bench.test()).code == 0
    new = kept.read_text()
    assert json.loads(new)['checkpoint'] == str(bench.weights)
    assert (kept.parent / 'metrics.1.json').read_text() == 'precious'

    assert run('test', *bench.test()).code == 0  # the same figures again: nothing to keep
    assert sorted(p.name for p in kept.parent.glob('*.json')) == ['metrics.1.json', 'metrics.json']
    other = shutil.copy(bench.weights, bench.folder / 'other.pth')
    # The checkpoint of the command line counts; mmengine would load load_from after it.
    assert run('test', *bench.test('load_from=gone.pth', weights=other)).code == 0
    assert (kept.parent / 'metrics.2.json').read_text() == new
