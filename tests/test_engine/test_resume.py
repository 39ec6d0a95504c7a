"""Ten iterations and ten more after a resume equal twenty in one go, bit for bit."""

from pathlib import Path

import torch
from mmengine.runner import Runner

from mmseg_gl.apis import load_config, read_checkpoint

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / 'configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py')


def train(work_dir, options, max_iters, resume=False):
    cfg = load_config(CONFIG, options)
    cfg.merge_from_dict(
        {
            'work_dir': str(work_dir),
            'experiment_name': f'{work_dir.name}_{max_iters}',
            'train_cfg.max_iters': max_iters,
            'train_cfg.val_interval': 100,
            'default_hooks.checkpoint.interval': 10,
            'default_hooks.checkpoint.save_best': None,
            'resume': resume,
        }
    )
    cfg.train_dataloader.num_workers = 2
    Runner.from_cfg(cfg).train()
    return read_checkpoint(work_dir / f'iter_{max_iters}.pth')


def assert_same(one, other, path=''):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), path
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_same(one[key], other[key], f'{path}.{key}')
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for i, (a, b) in enumerate(zip(one, other)):
            assert_same(a, b, f'{path}.{i}')
    else:
        assert one == other, path


def test_resumed_training_equals_uninterrupted_training(street_scenes, data_options, tmp_path):
    options = dict(option.split('=') for option in data_options(street_scenes))
    straight = train(tmp_path / 'straight', options, 20)
    train(tmp_path / 'resumed', options, 10)
    resumed = train(tmp_path / 'resumed', options, 20, resume=True)
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_same(straight[part], resumed[part], part)
    assert straight['meta']['iter'] == resumed['meta']['iter'] == 20
    assert set(straight['optimizer']) == {'segmentor', 'global_head'}
    momentum = straight['optimizer']['segmentor']['state'][0]['momentum_buffer']
    assert momentum.abs().sum() > 0
