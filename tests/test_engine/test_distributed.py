"""Two gloo processes train; their checkpoint has the keys of one process and loads in it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_gl.config.load import load_config
from mmseg_gl.weights.files import read_checkpoint

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


@pytest.mark.slow
def test_two_processes_train_and_their_checkpoint_loads(street_scenes, data_options, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = '{ROOT / CONFIG}'\n"
        'one_level = dict(_delete_=True, decode=1.0)  # the auxiliary head gets no gradient on it\n'
        'head = dict(loss_weights=one_level)\n'
        'model = dict(heads=dict(global_head=head, local_head=head))\n'
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


@pytest.mark.slow
@pytest.mark.parametrize('method', ['decode,auxiliary', 'decode', 'mic'])
def test_two_processes_step_as_one_with_both_images(method, tmp_path):
    script = ('tests/test_engine/ddp_steps.py', str(tmp_path / 'two'), method)
    run(
        *('-m', 'torch.distributed.run', '--nproc_per_node=2', f'--master_port={free_port()}'),
        *script,
    )
    run(script[0], str(tmp_path / 'one'), method)
    one = read_checkpoint(tmp_path / 'one.0')['state_dict']
    for rank in (0, 1):
        results = read_checkpoint(tmp_path / f'two.{rank}')
        assert results['state_dict'].keys() == one.keys()
        for key, value in one.items():
            assert torch.allclose(results['state_dict'][key], value, rtol=1e-6, atol=1e-9), key


@pytest.mark.slow
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


@pytest.fixture
def distributed(street_scenes, data_options, tmp_path):
    """Start dist_train.sh with so many processes: (processes, iterations, options) -> Popen."""

    def start(processes, iters, *arguments):
        options = [*data_options(street_scenes), 'train_dataloader.batch_size=1']
        options += [f'train_cfg.max_iters={iters}', 'default_hooks.checkpoint.interval=2']
        command = ['tools/dist_train.sh', CONFIG, str(processes), '--work-dir', str(tmp_path)]
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ['PATH']])
        return subprocess.Popen(
            [*command, *arguments, '--cfg-options', *options],
            cwd=ROOT,
            env={**os.environ, 'OMP_NUM_THREADS': '1', 'PATH': path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(distributed, tmp_path):
    for processes, iters in ((2, 2), (1, 4), (2, 6)):
        run = distributed(processes, iters, '--resume')
        out = run.communicate(timeout=300)[0]
        assert run.returncode == 0, out[-3000:]
    checkpoint = read_checkpoint(tmp_path / 'iter_6.pth')
    assert checkpoint['meta']['iter'] == 6
    assert all(torch.isfinite(value).all() for value in checkpoint['state_dict'].values())


@pytest.mark.slow
def test_a_dying_process_ends_the_run(distributed, tmp_path):
    run = distributed(2, 100_000)
    while not (tmp_path / 'iter_2.pth').exists() and run.poll() is None:
        time.sleep(0.2)
    children = Path(f'/proc/{run.pid}/task/{run.pid}/children').read_text().split()
    assert len(children) == 2
    os.kill(int(children[1]), signal.SIGKILL)
    out = run.communicate(timeout=120)[0]
    assert run.returncode != 0 and 'SIGKILL' in out
    assert read_checkpoint(tmp_path / 'iter_2.pth')['meta']['iter'] == 2


@pytest.mark.slow
def test_exit_codes_are_the_processes(distributed, tmp_path):
    run = distributed(2, 100_000)
    while not (tmp_path / 'iter_2.pth').exists() and run.poll() is None:
        time.sleep(0.2)
    run.terminate()
    out = run.communicate(timeout=120)[0]
    assert run.returncode == 143 and 'Traceback' not in out, out[-3000:]
    assert re.search(r'SIGTERM: .* iteration \d+', out)
    run = distributed(2, 4)  # into the same folder
    out = run.communicate(timeout=120)[0]
    assert run.returncode == 2 and 'Traceback' not in out, out[-3000:]
    (line,) = set(out.splitlines())
    assert line.startswith(f'error: {tmp_path} ') and '--resume' in line


def test_slurm_script_says_what_is_wrong(tmp_path):
    script = ROOT / 'tools/slurm_train.sh'
    for variables, words in (
        (dict(GPUS='x'), 'GPUS=x '),
        (dict(GPUS='0'), 'expected whole numbers, at least 1'),
        (dict(), 'there is no srun here'),
    ):
        result = subprocess.run(
            [script, 'part', 'name', 'config.py'],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 2 and words in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize('tool', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh'])
def test_scripts_say_what_they_expect(tool):
    result = subprocess.run([ROOT / 'tools' / tool], capture_output=True, text=True)
    assert result.returncode == 2 and result.stderr.startswith(f'error: expected {tool} ')


def test_slurm_script(tmp_path):
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\necho "$@"\n')
    srun.chmod(0o755)
    environment = {**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'GPUS': '16'}
    script = ROOT / 'tools/slurm_train.sh'
    out = subprocess.run(
        [script, 'part', 'name', 'config.py', '--seed', '1'],
        env=environment,
        capture_output=True,
        text=True,
    ).stdout
    assert '--partition=part --job-name=name --ntasks=16 --ntasks-per-node=8 --gres=gpu:8' in out
    assert out.strip().endswith('train.py config.py --launcher slurm --seed 1')
