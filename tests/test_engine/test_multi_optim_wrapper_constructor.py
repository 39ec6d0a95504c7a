import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmseg_gl.engine.optimizers import MultiOptimWrapperConstructor, RepeatedSGD
from mmseg_gl.errors import UserError


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.segmentor = nn.ModuleDict(
            dict(
                conv1=nn.Conv2d(1, 1, 1, bias=False),
                layer1=nn.ModuleDict(dict(conv1=nn.Conv2d(1, 1, 1), downsample=nn.Conv2d(1, 1, 1))),
                decode_head=nn.Conv2d(1, 1, 1),
            )
        )
        self.global_head, self.local_head = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)
        self.entropy = nn.Identity()
        self.names = dict(heads=('global_head', 'local_head'), target_losses=('entropy',))


def configuration(**changes):
    cfg = dict(
        segmentor=dict(
            optimizer=dict(type='RepeatedSGD', lr=0.1, momentum=0.9),
            paramwise_cfg=dict(
                custom_keys={
                    'layer': dict(repeats=3),
                    'downsample': dict(repeats=4),
                    'decode_head': dict(lr_mult=10.0),
                }
            ),
        ),
        heads=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99))),
        local_head=dict(optimizer=dict(lr=1e-3)),
    )
    cfg.update(changes)
    return Config(cfg)._cfg_dict


def test_one_optimizer_per_child_with_its_own_groups():
    model = Model()
    wrappers = MultiOptimWrapperConstructor(configuration())(model)
    assert list(wrappers.keys()) == ['segmentor', 'global_head', 'local_head']
    assert isinstance(wrappers['segmentor'].optimizer, RepeatedSGD)
    for head, lr in (('global_head', 1e-4), ('local_head', 1e-3)):
        assert isinstance(wrappers[head].optimizer, torch.optim.Adam)
        assert wrappers[head].optimizer.defaults['lr'] == lr
        assert wrappers[head].optimizer.defaults['betas'] == (0.9, 0.99)
    groups = {
        id(p): (group['lr'], group['repeats'])
        for group in wrappers['segmentor'].optimizer.param_groups
        for p in group['params']
    }
    net = model.segmentor
    assert groups[id(net['conv1'].weight)] == (0.1, 1)
    assert groups[id(net['layer1']['conv1'].weight)] == (0.1, 3)
    assert groups[id(net['layer1']['downsample'].weight)] == (0.1, 4)
    assert groups[id(net['decode_head'].weight)] == (1.0, 1)
    assert len(groups) == len(list(net.parameters()))


def test_orphans_are_refused():
    cfg = configuration()
    del cfg['heads']
    with pytest.raises(UserError, match='global_head has 2 .*optim_wrapper.global_head'):
        MultiOptimWrapperConstructor(cfg)(Model())


@pytest.mark.parametrize('name', ['local_haed', 'entropy'])
def test_entries_for_nothing_are_refused(name):
    cfg = configuration(**{name: dict(optimizer=dict(type='Adam'))})
    with pytest.raises(UserError, match=f'optim_wrapper.{name} '):
        MultiOptimWrapperConstructor(cfg)(Model())


def test_misplaced_options_are_refused():
    with pytest.raises(UserError, match='paramwise_cfg'):
        MultiOptimWrapperConstructor(configuration(), paramwise_cfg=dict())
    cfg = configuration()
    cfg.segmentor.accumulative_counts = 2
    with pytest.raises(UserError, match='accumulative_counts'):
        MultiOptimWrapperConstructor(cfg)(Model())
