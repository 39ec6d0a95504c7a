"""Two gloo processes train; their checkpoint has the keys of one process and loads in test.py."""

import os
import socket
import subprocess
import sys

import torch

from mmseg_gl.apis import load_config, read_checkpoint

CONFIG = 'configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def run(repository, *arguments):
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout


def test_two_processes_train_and_their_checkpoint_loads(
    street_scenes_options, tmp_path, repository
):
    options = [f'{key}={value}' for key, value in street_scenes_options.items()]
    options += ['train_cfg.max_iters=3', 'train_dataloader.batch_size=1']
    run(
        repository,
        *('-m', 'torch.distributed.run', '--nproc_per_node=2', f'--master_port={free_port()}'),
        *('tools/train.py', CONFIG, '--launcher', 'pytorch', '--work-dir', str(tmp_path)),
        *('--cfg-options', *options),
    )
    checkpoint = tmp_path / 'iter_3.pth'
    weights = read_checkpoint(checkpoint)['state_dict']

    from mmseg.registry import MODELS

    model = MODELS.build(load_config(os.path.join(repository, CONFIG)).model)
    assert weights.keys() == model.state_dict().keys()
    assert all(torch.isfinite(value).all() for value in weights.values())
    out = run(
        repository,
        *('tools/test.py', CONFIG, str(checkpoint), '--work-dir', str(tmp_path / 'test')),
        *('--cfg-options', *options),
    )
    assert 'mIoU' in out and (tmp_path / 'test' / 'metrics.json').exists()
