"""What changes a network or its images at test time, against straight-line code."""

from pathlib import Path

import pytest
import torch
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_gl.config.load import load_config
from mmseg_gl.errors import UserError
from mmseg_gl.evaluation import UnsupervisedScores
from mmseg_gl.models.test_time import AveragedViews, Tent, target_batch_norm
from mmseg_gl.models.test_time.target_batch_norm import batch_statistics

CONFIGS = Path(__file__).parents[2] / 'configs'
SOURCE_ONLY = CONFIGS / 'source_only/source-only_deeplabv2-tiny_street-scenes.py'  # group norm
DACS = CONFIGS / 'dacs/dacs_deeplabv2-tiny_street-scenes.py'  # batch norm


def model_of(config, **options):
    torch.manual_seed(0)
    model = MODELS.build(dict(load_config(config).model, **options)).eval()
    torch.nn.init.normal_(model.segmentor.decode_head.branches[0].weight, std=0.2)
    return model


@pytest.fixture
def batches():
    """Batches of two and one images of 32x16."""
    rng = torch.Generator().manual_seed(0)
    images = [torch.randint(0, 255, (3, 16, 32), generator=rng).byte() for _ in range(3)]
    return [batch_of(images[:2]), batch_of(images[2:])]


def batch_of(images, **metainfo):
    metainfo = dict(ori_shape=(16, 32), img_shape=(16, 32), **metainfo)
    return dict(inputs=images, data_samples=[SegDataSample(metainfo=metainfo) for _ in images])


def tensors_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def changed(model, before):
    return {name for name, tensor in model.state_dict().items() if not tensor.equal(before[name])}


def test_target_batch_norm(batches):
    model = model_of(DACS, evaluated='segmentor')
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.BatchNorm2d) and name.startswith('segmentor.')
    }
    seen = {name: [] for name in layers}
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs, name=name: seen[name].append(inputs[0]))
        for name, layer in layers.items()
    ]
    before = tensors_of(model)
    assert target_batch_norm(model, batches) == 3
    for hook in hooks:
        hook.remove()
    statistics = {f'{name}.{what}' for name in layers for what in ('running_mean', 'running_var')}
    counts = {f'{name}.num_batches_tracked' for name in layers}
    assert changed(model, before) == statistics | counts  # no weight, and nothing of the teacher
    for name, layer in layers.items():
        assert len(seen[name]) == len(batches)
        for statistic, expected in (
            (layer.running_mean, [x.mean(dim=(0, 2, 3)) for x in seen[name]]),
            (layer.running_var, [x.var(dim=(0, 2, 3)) for x in seen[name]]),
        ):
            torch.testing.assert_close(statistic, torch.stack(expected).mean(dim=0))
        assert not layer.training and layer.momentum == 0.1

    with pytest.raises(UserError):
        target_batch_norm(model, [])
    with pytest.raises(UserError):
        target_batch_norm(model_of(SOURCE_ONLY), batches)


@pytest.mark.parametrize('config', [DACS, SOURCE_ONLY], ids=['batch norm', 'group norm'])
def test_tent(config, batches):
    model = model_of(config, evaluated='segmentor')
    tent = Tent(model, lr=1e-2)
    before = tensors_of(model)

    def entropy_of(batch):
        with torch.no_grad():
            (first, *_) = tent.test_step(batch)
        p = first.seg_logits.data.softmax(dim=0)
        assert not p.requires_grad
        return -(p * p.log()).sum(dim=0).mean().item()

    entropies = [entropy_of(batches[1]) for _ in range(8)]
    assert entropies[-1] < entropies[0] - 0.01
    norms = [
        f'{name}.{kind}'
        for name, layer in model.named_modules()
        for kind in ('weight', 'bias')
        if isinstance(layer, torch.nn.BatchNorm2d | torch.nn.GroupNorm)
        and name.startswith('segmentor.')
    ]
    assert changed(model, before) == set(norms)
    tent.reset()
    assert changed(model, before) == set()
    assert entropy_of(batches[1]) == entropies[0]  # the optimizer has forgotten, too


def test_tent_predicts_before_it_adapts(batches):
    model = model_of(SOURCE_ONLY)
    with torch.no_grad():
        (expected,) = model.test_step(batches[1])
        (sample,) = Tent(model, lr=1e-2).test_step(batches[1])
    assert sample.seg_logits.data.equal(expected.seg_logits.data)


def test_a_single_value_has_no_variance():
    layer = torch.nn.BatchNorm2d(2).eval()
    with pytest.raises(UserError), batch_statistics([layer], track=True):
        layer(torch.rand(1, 2, 1, 1))
    assert not layer.training


def test_tent_needs_a_norm():
    with pytest.raises(UserError):
        Tent(torch.nn.Conv2d(3, 2, 1))


@pytest.mark.parametrize('upsample', ['logits', 'probabilities'])
def test_averaged_views(upsample, batches):
    segmentor = load_config(SOURCE_ONLY).model.segmentor
    segmentor.test_cfg.upsample = upsample
    model = model_of(SOURCE_ONLY, segmentor=segmentor)
    (image,) = batches[1]['inputs']
    large = torch.nn.functional.interpolate(image[None], scale_factor=2)[0]
    views = [
        batch_of([image], flip=False),
        batch_of([image.flip(2)], flip=True, flip_direction='horizontal'),
        batch_of([large], flip=False),
    ]
    expected = 0
    with torch.no_grad():
        for view in views:
            maps = model.test_step(view)[0].seg_logits.data
            if upsample == 'logits':
                maps = maps.softmax(dim=0)
            expected = expected + maps / 3
            assert maps.shape[1:] == (16, 32)
        data = {key: [view[key] for view in views] for key in views[0]}
        (merged,) = AveragedViews(model).test_step(data)
    torch.testing.assert_close(merged.seg_logits.data, expected)
    assert merged.pred_sem_seg.data.equal(expected.argmax(dim=0, keepdim=True))
    scores = UnsupervisedScores()
    scores.process(None, [merged.to_dict()])
    torch.testing.assert_close(scores.results[0].sum(dim=1), torch.ones(100))
    assert scores.results[0].max() > expected.max() / 2  # no second softmax
    with pytest.raises(UserError):
        AveragedViews(model).test_step({key: [batches[1][key]] for key in data})
