"""Sheets of training pairs: the cells of each method, and what is in them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS, MODELS

from mmseg_gl.config.load import load_config
from mmseg_gl.models import GlobalDiscriminatorHead, LocalDiscriminatorHead, Outputs
from mmseg_gl.visualization import training_sheets
from mmseg_gl.visualization.colours import ENTROPY, colour_table
from mmseg_gl.visualization.training_sheets import training_rows

CONFIGS = Path(__file__).parents[2] / 'configs'


@pytest.fixture
def built(street_scenes, monkeypatch):
    """The function that builds a method: its model, a batch and the classes."""
    monkeypatch.setenv('STREET_SCENES', str(street_scenes))

    def built(method):
        folder = method.removesuffix('-gl').replace('-', '_')
        cfg = load_config(CONFIGS / f'{folder}/{method}_deeplabv2-tiny_street-scenes.py')
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        return model, pseudo_collate([dataset[0, n] for n in range(2)]), dataset.metainfo

    return built


@pytest.mark.parametrize(
    'method, cells',
    [
        ('source-only', [3]),
        ('adaptsegnet-gl', [3, 5]),  # both heads
        ('minent', [3, 3]),
        ('dacs', [3, 3, 3]),
        ('daformer-gl', [3, 4, 3]),
        ('hrda', [3, 3, 3]),
        ('mic', [3, 3, 3, 3]),
    ],
)
def test_cells_of_each_method(built, method, cells):
    model, batch, metainfo = built(method)
    rows = training_rows(model, batch, metainfo, 2)
    assert [[len(row) for row in of_pair] for of_pair in rows] == [cells] * 2
    assert {cell.pixels.shape for of_pair in rows for row in of_pair for cell in row} == {
        (32, 64, 3)
    }
    pictures = training_sheets(model, batch, metainfo, 1)
    assert [picture.shape[1] for picture in pictures] == [4 + max(cells) * (256 + 4)]
    before = training_rows(model, batch, metainfo, 1, predict=False)
    assert [len(row) for row in before[0]] == [2, 1, 3, 3][: len(cells)]


def test_what_is_in_them(built):
    model, batch, metainfo = built('adaptsegnet')
    for parameter in model.segmentor.decode_head.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    ((source, target),) = training_rows(model, batch, metainfo, 1)
    palette = np.array([*metainfo['palette'], *[[0, 0, 0]] * (256 - 19)])
    labels = batch['source']['data_samples'][0].gt_sem_seg.data[0]
    np.testing.assert_array_equal(source[1].pixels, palette[labels])
    for domain, cells in (('source', source), ('target', target)):
        image = batch[domain]['inputs'][0].flip(0).movedim(0, 2)  # BGR
        np.testing.assert_array_equal(cells[0].pixels, image)
    images = model.data_preprocessor(batch['target'], False)['inputs'][:1]
    predicted = model.segmentor.eval()(images).argmax(dim=1)[0]
    assert len(predicted.unique()) > 2
    shown = target[1].pixels
    logits = torch.nn.functional.interpolate(
        model.segmentor(images), (32, 64), mode='bilinear', align_corners=True
    )
    np.testing.assert_array_equal(shown, palette[logits.argmax(dim=1)[0]])
    p = logits.softmax(dim=1).clamp(min=1e-30)
    entropy = -(p * p.log()).sum(dim=1)[0] / np.log(19)
    steps = (target[2].pixels[:, :, None] == colour_table(ENTROPY)).all(axis=3).argmax(axis=2)
    assert abs(steps / 255 - entropy.detach().numpy()).max() < 0.01


@pytest.mark.parametrize('gan', ['bce', 'lsgan'])
@pytest.mark.parametrize('kernel_size', [1, 3])
def test_probability_of_the_source(gan, kernel_size):
    torch.manual_seed(0)
    outputs = Outputs(torch.zeros(1, 3, 32, 64), logits=dict(decode=torch.randn(1, 5, 32, 64)))
    options = dict(num_classes=5, loss_weights=dict(decode=1.0), gan=gan)
    local = LocalDiscriminatorHead(**options, kernel_size=kernel_size)
    scores = local.score('decode', outputs.logits['decode'])[0]
    expected = 1 - (scores.sigmoid() if gan == 'bce' else scores.clamp(0, 1))
    torch.testing.assert_close(local.source_probability(outputs, (32, 64)), expected)
    half = local.source_probability(outputs, (16, 32))
    torch.testing.assert_close(half, expected[:, 1::2, 1::2])  # the pixels in the middle
    head = GlobalDiscriminatorHead(**options)
    torch.nn.init.constant_(head.discriminators['decode'][-1].bias, 99.0)  # sure of the target
    assert head.source_probability(outputs, (32, 64)).shape == (1, 1, 2)
    assert head.source_probability(outputs, (32, 64)).max() < 1e-6
