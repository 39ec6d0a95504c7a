"""--resume goes on with the work dir's own run and its own settings, and no two runs share one."""

import functools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmseg_gl.engine.checkpoint import last_checkpoint
from mmseg_gl.engine.resumption import settings_of

CONFIGS = Path(__file__).parents[2] / 'configs'
CONFIG = CONFIGS / 'adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
ADVENT = CONFIGS / 'advent/advent-gl_deeplabv2-tiny_street-scenes.py'


def start(run, data, work_dir, *arguments, config=CONFIG, iterations=2, options=()):
    always = [*data, f'train_cfg.max_iters={iterations}', 'train_cfg.val_interval=100']
    always += ['default_hooks.checkpoint.interval=1']
    always += ['val_dataloader.dataset.pipeline.1.scale=(64,32)']
    arguments = ['--work-dir', work_dir, *arguments, '--cfg-options', *always, *options]
    return run('train', config, *arguments)


@pytest.fixture
def launch(run, data_options, street_scenes, tmp_path):
    """Train into ``tmp_path/work``: (arguments, options) -> Outcome."""
    return functools.partial(start, run, data_options(street_scenes), tmp_path / 'work')


@pytest.fixture(scope='module')
def finished(run, data_options, street_scenes, tmp_path_factory):
    """The work dir of a finished run of two iterations, to read only."""
    folder = tmp_path_factory.mktemp('finished') / 'work'
    assert start(run, data_options(street_scenes), folder).code == 0
    return folder


@pytest.fixture
def work_dir(finished, tmp_path):
    """A copy of that work dir."""
    return Path(shutil.copytree(finished, tmp_path / 'work'))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob('*.pth')}


def test_another_runs_checkpoint_does_not_replace_this_runs(launch, work_dir, tmp_path):
    other = Path(shutil.copytree(work_dir, tmp_path / 'other')) / 'iter_1.pth'
    before = contents(work_dir)
    error = launch('--resume', other).error
    assert f'--resume {other}: {work_dir} ' in error and contents(work_dir) == before
    shutil.rmtree(work_dir)
    assert launch('--resume', other).code == 0  # into an empty one
    assert torch.equal(
        *(
            torch.load(path, weights_only=True)['state_dict']['segmentor.backbone.conv1.weight']
            for path in (work_dir / 'iter_2.pth', tmp_path / 'other/iter_2.pth')
        )
    )


@pytest.mark.parametrize(
    'option, was, now',
    [
        ('optim_wrapper.segmentor.optimizer.lr=0.125', '0.02', '0.125'),
        ('param_scheduler.0.end=99', '1201', '99'),
        ('model.heads.local_head.background=ignore', 'keep', 'ignore'),
    ],
)
def test_settings_that_a_resumed_run_would_not_take_up(launch, work_dir, option, was, now):
    before, key = contents(work_dir), option.split('=')[0]
    error = launch('--resume', options=[option], iterations=4).error
    assert re.search(rf'iter_2\.pth .*{key} .*{was} .*{now} ', error)
    assert f'--cfg-options load_from={work_dir}/iter_2.pth' in error
    assert contents(work_dir) == before


def test_other_methods_and_seeds_are_refused(launch, work_dir):
    assert 'model.heads.global_head.' in launch('--resume', config=ADVENT).error
    assert 'randomness.seed' in launch('--resume', '--seed', 5).error


def test_a_seed_that_was_drawn_goes_on(launch, tmp_path):
    for iterations in (1, 2, 3):
        options = ['randomness.seed=None']
        assert launch('--resume', options=options, iterations=iterations).code == 0
    meta = [
        torch.load(tmp_path / f'work/iter_{n}.pth', weights_only=True)['meta'] for n in (1, 2, 3)
    ]
    seeds = [m['settings']['randomness']['seed'] for m in meta]
    assert seeds == [None, meta[0]['seed'], meta[0]['seed']]


def test_what_may_change(launch, work_dir, street_scenes, tmp_path):
    moved = shutil.copytree(street_scenes, tmp_path / 'moved')
    options = [
        f'train_dataloader.dataset.source.data_root={moved}/GTA5',
        'train_dataloader.num_workers=1',
        'train_dataloader.batch_size=1',
        'default_hooks.nonfinite_loss.action=skip',
    ]
    outcome = launch('--resume', iterations=3, options=options)
    assert outcome.code == 0, outcome.err
    assert (work_dir / 'iter_3.pth').exists()


def test_settings_are_plain_values():
    cfg = Config(dict(a=dict(b=(1, -2.5, None), c={1: 'x'}), d=len, e=object()))
    settings = settings_of(cfg)
    assert settings == dict(a=dict(b=[1, -2.5, None], c={'1': 'x'}), d='len', e='object')
    assert json.loads(json.dumps(settings)) == settings


def test_two_processes_do_not_train_into_one_folder(launch, work_dir):
    program = (
        'import sys, time; from mmseg_gl.files import only_writer\n'
        'with only_writer(sys.argv[1]): print("held", flush=True); time.sleep(60)'
    )
    command = [sys.executable, '-c', program, work_dir]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == 'held\n'
        before = contents(work_dir)
        for arguments in (['--resume'], []):  # the lock comes before every other question
            error = launch(*arguments, iterations=4).error
            assert f'{work_dir}: ' in error and f'process {other.pid}' in error
        assert contents(work_dir) == before
        other.kill()
    assert launch('--resume', iterations=4).code == 0  # the lock has gone with the process


@pytest.mark.parametrize('what', ['bytes', 'folder', 'zeros'])
def test_last_checkpoint_that_is_no_text(tmp_path, what):
    path = tmp_path / 'last_checkpoint'
    if what == 'folder':
        path.mkdir()
    else:
        path.write_bytes(dict(bytes=b'\xff\xfe\x80', zeros=b'\0\0')[what])
    assert last_checkpoint(tmp_path) is None or not Path(last_checkpoint(tmp_path)).exists()


def test_the_config_is_not_replaced_by_its_own_copy(run, data_options, street_scenes, tmp_path):
    config = tmp_path / 'mine.py'
    text = f'# precious\n_base_ = {str(CONFIG)!r}\n'
    config.write_text(text)
    options = [*data_options(street_scenes), 'train_cfg.max_iters=1']
    outcome = run('train', config, '--work-dir', tmp_path, '--cfg-options', *options)
    assert outcome.code == 0, outcome.err
    assert config.read_text() == text


def test_nothing_of_a_checkpoint_is_executed_and_no_foreign_file_removed(
    launch, work_dir, tmp_path
):
    checkpoint = work_dir / 'iter_2.pth'
    contents = torch.load(checkpoint, weights_only=True)
    contents['meta']['config'] = f'open({str(tmp_path / "executed")!r}, "w")'
    kept = [work_dir / 'mine.pth', work_dir / 'notes.txt', tmp_path / 'iter_7.pth']
    for path in kept:
        path.write_text('precious')
    names = ['mine.pth', 'notes.txt', '../iter_7.pth', str(tmp_path / 'iter_7.pth'), 'iter_1.pth']
    info = contents['message_hub']['runtime_info']
    info.update(outdated_ckpts=names, best_ckpt=str(kept[1]), best_score=0.0)
    torch.save(contents, checkpoint)
    outcome = launch('--resume', iterations=3, options=['train_cfg.val_interval=3'])
    assert outcome.code == 0, outcome.err
    assert (work_dir / 'iter_3.pth').exists() and not (work_dir / 'iter_1.pth').exists()
    assert not (tmp_path / 'executed').exists()
    assert all(path.read_text() == 'precious' for path in kept)


def test_more_iterations_than_planned_are_said(launch, work_dir):
    assert 'planned for 2 iterations' in launch('--resume', iterations=3).out
