"""tools/benchmark.py: what it measures and how it says it; never how long something takes."""

import json
import re
from pathlib import Path

import pytest
import torch

from mmseg_gl.experiments.step_timing import LAYOUTS, StepBenchmark
from mmseg_gl.models import MultiOutputEncoderDecoder
from mmseg_gl.models.decode_heads import deeplabv2_head

CONFIGS = Path(__file__).parents[2] / 'configs'
LOCAL = CONFIGS / 'adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
SOURCE_ONLY = CONFIGS / 'source_only/source-only_deeplabv2-tiny_street-scenes.py'


def test_parts_of_the_step(run, tmp_path):
    file = tmp_path / 'figures.json'
    size = ['--size', '64x32', '96x48', '--batch-size', 1]
    outcome = run('benchmark', LOCAL, *size, '--iters', 2, '--json', file)
    assert outcome.code == 0, outcome.err
    *table, line = outcome.out.splitlines()
    figures = json.loads(line)
    assert json.loads(file.read_text()) == figures
    assert figures['sizes'] == dict(source='64x32', target='96x48')
    assert figures['active'] == ['global_head', 'local_head'] and figures['iters'] == 2
    assert figures['precision'] == 'float32' and figures['batch_size'] == 1
    parts = figures['parts_s']
    assert list(parts) == [
        *(f'segmentor {way}, {d}' for d in ('source', 'target') for way in ('forward', 'backward')),
        'discriminators',
        'optimizers',
        'upsampling, losses, rest',
    ]
    assert sum(parts.values()) == pytest.approx(figures['step_s'], rel=0.01)
    assert all(figures[name] > 0 for name in ('step_s', 'floor_s', 'ratio', 'peak_memory_gib'))
    assert any('whole step' in row for row in table)
    assert f'--json {file}' in run('benchmark', LOCAL, '--json', file).error


def test_a_self_training_step(run):
    mic = CONFIGS / 'mic/mic_deeplabv2-tiny_street-scenes.py'
    outcome = run('benchmark', mic, '--size', '64x32', '64x32', '--iters', 1)
    assert outcome.code == 0, outcome.err
    parts = json.loads(outcome.out.splitlines()[-1])['parts_s']
    passes = [part.split(', ')[1] for part in parts if part.startswith('segmentor forward')]
    assert passes == ['source', 'mixed', 'masked']  # no pass for the unmixed target
    assert {'views and their teacher', 'update of the teacher'} <= set(parts)


@pytest.mark.parametrize('faster', LAYOUTS)
def test_the_faster_layout_is_the_floor(run, monkeypatch, faster):
    extract_feat, floor, seen = MultiOutputEncoderDecoder.extract_feat, StepBenchmark.floor, {}

    def watched(self, images):
        seen['channels_last'] = images.is_contiguous(memory_format=torch.channels_last)
        return extract_feat(self, images)

    def known(self, layout):
        floor(self, layout)
        assert seen['channels_last'] == (layout == 'channels-last')
        return dict(segmentor=1000.0 if layout == faster else 1001.0)

    monkeypatch.setattr(MultiOutputEncoderDecoder, 'extract_feat', watched)
    monkeypatch.setattr(StepBenchmark, 'floor', known)
    outcome = run('benchmark', SOURCE_ONLY, '--size', '64x32', '--iters', 1)
    assert outcome.code == 0, outcome.err
    figures = json.loads(outcome.out.splitlines()[-1])
    assert figures['layout'] == faster and figures['floor_s'] == 1000
    assert figures['ratio'] < 1 and 'a ratio below 1' in outcome.out
    assert figures['parts_s']['upsampling, losses, rest'] < 0
    assert not re.search(r'\s-\d', outcome.out.partition('{')[0])  # in the table it is about 0


def test_a_method_without_a_target_is_timed_without_one(run):
    outcome = run('benchmark', SOURCE_ONLY, '--size', '64x32', '--iters', 1)
    assert outcome.code == 0, outcome.err
    figures = json.loads(outcome.out.splitlines()[-1])
    assert figures['sizes'] == dict(source='64x32') and figures['active'] == []
    assert not any('target' in part or 'discriminators' in part for part in figures['parts_s'])


def test_plain_floor_is_measured_in_a_process_of_its_own(run):
    ours = deeplabv2_head.summed_dilated_conv
    outcome = run('benchmark', SOURCE_ONLY, '--size', '64x32', '--iters', 1, '--plain')
    assert outcome.code == 0, outcome.err
    figures = json.loads(outcome.out.splitlines()[-1])
    assert figures['plain_floor_s'] > 0 and figures['floor_over_plain'] > 0
    assert deeplabv2_head.summed_dilated_conv is ours
