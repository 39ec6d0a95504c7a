"""Two gloo processes train; their checkpoint has the keys of one process and loads in it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_gl.apis import load_config, read_checkpoint

ROOT = Path(__file__).parents[2]
CONFIG = 'configs/adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def run(*arguments):
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout


def test_two_processes_train_and_their_checkpoint_loads(street_scenes, data_options, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = '{ROOT / CONFIG}'\n"
        'one_level = dict(_delete_=True, decode=1.0)  # the auxiliary head gets no gradient on it\n'
        'model = dict(\n'
        '    global_head=dict(loss_weights=one_level), local_head=dict(loss_weights=one_level)\n'
        ')\n'
    )
    options = data_options(street_scenes)
    options += ['train_cfg.max_iters=4', 'train_dataloader.batch_size=1']
    run(
        *('-m', 'torch.distributed.run', '--nproc_per_node=2', f'--master_port={free_port()}'),
        *('tools/train.py', str(config), '--launcher', 'pytorch', '--work-dir', str(tmp_path)),
        *('--cfg-options', *options),
    )
    checkpoint = tmp_path / 'iter_4.pth'
    weights = read_checkpoint(checkpoint)['state_dict']

    model = MODELS.build(load_config(str(config)).model)
    assert weights.keys() == model.state_dict().keys()
    assert all(torch.isfinite(value).all() for value in weights.values())
    out = run(
        *('-m', 'torch.distributed.run', '--nproc_per_node=2', f'--master_port={free_port()}'),
        *('tools/test.py', str(config), str(checkpoint), '--work-dir', str(tmp_path / 'test')),
        *('--launcher', 'pytorch', '--out', str(tmp_path / 'out'), '--cfg-options', *options),
    )
    assert 'mIoU' in out and (tmp_path / 'test' / 'metrics.json').exists()
    assert len(list((tmp_path / 'out').iterdir())) == 3


@pytest.mark.parametrize('levels, synchronised', [('decode,auxiliary', 1), ('decode', 2)])
def test_two_processes_step_as_one_with_both_images(levels, synchronised, tmp_path):
    script = ('tests/test_engine/ddp_steps.py', str(tmp_path / 'two'), levels)
    run(
        *('-m', 'torch.distributed.run', '--nproc_per_node=2', f'--master_port={free_port()}'),
        *script,
    )
    run(script[0], str(tmp_path / 'one'), levels)
    one = read_checkpoint(tmp_path / 'one.0')['state_dict']
    for rank in (0, 1):
        results = read_checkpoint(tmp_path / f'two.{rank}')
        assert results['state_dict'].keys() == one.keys()
        for key, value in one.items():
            assert torch.allclose(results['state_dict'][key], value, rtol=1e-6, atol=1e-9), key
        # Gradients travel once a step; the segmentor's twice if the target skips a level.
        ends = [name for name, is_last in results['reductions'] if is_last]
        assert ends.count('segmentor') == 2 * synchronised
        assert ends.count('global_head') == ends.count('local_head') == 2


def test_two_processes_train_a_cycle_gan(street_scenes, tmp_path):
    config = ROOT / 'configs/bdl/cyclegan_perceptual_deeplabv2-tiny_street-scenes.py'
    model = MODELS.build(load_config(str(config)).model)
    torch.save(model.semantics.segmentor.state_dict(), tmp_path / 'segmentor.pth')
    work_dir = tmp_path / 'work'
    options = [
        f'model.segmentor_checkpoint={tmp_path}/segmentor.pth',
        'train_dataloader.batch_size=1',
        'train_cfg.max_iters=2',
        f'train_dataloader.dataset.source.data_root={street_scenes}/GTA5',
        f'train_dataloader.dataset.target.data_root={street_scenes}/cityscapes',
        'train_dataloader.dataset.source.pipeline.1.crop_size=32',
        'train_dataloader.dataset.target.pipeline.1.crop_size=32',
    ]
    run(
        *('-m', 'torch.distributed.run', '--nproc_per_node=2', f'--master_port={free_port()}'),
        *('tools/train.py', str(config), '--launcher', 'pytorch', '--work-dir', str(work_dir)),
        *('--cfg-options', *options),
    )
    weights = read_checkpoint(work_dir / 'iter_2.pth')['state_dict']
    assert weights.keys() == model.state_dict().keys()
    model.load_state_dict(weights)
    assert weights['pools.target.images'].shape == (2, 3, 32, 32)
