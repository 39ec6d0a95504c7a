"""tools/flops.py against counts by hand."""

from pathlib import Path

import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_gl.config.load import load_config

CONFIG = (
    Path(__file__).parents[2] / 'configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'
)


def test_counts(run):
    outcome = run('flops', CONFIG, '--size', '32x64')
    assert outcome.code == 0, outcome.err
    rows = [line.split() for line in outcome.out.splitlines()[2:]]
    found = {row[0]: (float(row[1]), float(row[3])) for row in rows}

    segmentor = MODELS.build(load_config(CONFIG).model).segmentor
    counts = []

    def count(conv, _, output):
        counts.append(output.numel() * conv.weight[0].numel())

    for module in segmentor.backbone.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    *_, features = segmentor.backbone(torch.zeros(1, 3, 32, 64))
    taps = 4 * 8 + 1  # four dilated 3x3 convolutions share the one in the centre
    expected = {
        'backbone': sum(counts),
        'decode_head': features.numel() * 19 * taps,
        'auxiliary_head': 0,
    }
    expected['total'] = sum(expected.values())
    parts = {**dict(segmentor.named_children()), 'total': segmentor}
    for name, operations in expected.items():
        parameters = sum(parameter.numel() for parameter in parts[name].parameters())
        assert found[name] == (round(parameters / 1e6, 3), round(operations / 1e9, 3))
