"""docs/add_a_method.md: its files are a user's project, beside the library's configs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_gl.weights.files import read_checkpoint
from tests.run_states import assert_same
from tests.test_engine.test_distributed import free_port

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / 'tests/user_project'
PAGE = ROOT / 'docs/add_a_method.md'


@pytest.fixture
def project(tmp_path, monkeypatch, street_scenes):
    """A copy of the project beside the library's configs; its configs by name."""
    folder = Path(shutil.copytree(PROJECT, tmp_path / 'my_project'))
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    monkeypatch.setenv('STREET_SCENES', str(street_scenes))
    monkeypatch.setenv('PYTHONPATH', f'{folder}:{ROOT}')  # for processes of their own
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    monkeypatch.syspath_prepend(folder)
    return {path.stem.split('_')[0]: path for path in (folder / 'configs').iterdir()}


def options(iterations, *more):
    return [
        *('--cfg-options', f'train_cfg.max_iters={iterations}', 'train_cfg.val_interval=4'),
        *('default_hooks.checkpoint.interval=2', 'default_hooks.logger.interval=1'),
        *('val_dataloader.dataset.pipeline.1.scale=(64,32)', *more),
    ]


def test_the_page_shows_the_files():
    shown = dict(re.findall(r'```python\n# (\S+\.py)\n(.*?)```', PAGE.read_text(), re.DOTALL))
    files = {str(path.relative_to(PROJECT)): path.read_text() for path in PROJECT.glob('*/*.py')}
    assert shown == files


@pytest.mark.parametrize(
    'name, losses',
    [
        ('feature-head', ('loss_adv_feature_last', 'loss_d_feature_last')),
        ('prototypes', ('loss_prototype',)),
        ('cut-mix', ('loss_cut_mix_decode',)),
    ],
)
def test_it_trains_and_resumes_bit_by_bit(name, losses, project, run, tmp_path):
    for folder, stops in (('straight', (4,)), ('resumed', (2, 4))):
        for stop in stops:
            arguments = ['--work-dir', tmp_path / folder, '--resume', *options(stop)]
            outcome = run('train', project[name], *arguments)
            assert outcome.code == 0, outcome.err
    straight, resumed = (
        read_checkpoint(tmp_path / folder / 'iter_4.pth') for folder in ('straight', 'resumed')
    )
    for part in ('state_dict', 'optimizer', 'random_states'):
        assert_same(straight[part], resumed[part], part)
    for loss in losses:
        assert len(straight['message_hub']['log_scalars'][f'train/{loss}']['values']) == 4


def test_prototypes_are_learned(project, run, tmp_path):
    outcome = run('train', project['prototypes'], '--work-dir', tmp_path / 'work', *options(2))
    assert outcome.code == 0, outcome.err
    contents = read_checkpoint(tmp_path / 'work/iter_2.pth')
    assert contents['optimizer']['prototypes']['state'][0]['exp_avg'].any()
    config = project['prototypes']
    config.write_text(config.read_text().split('optim_wrapper')[0])
    error = run('train', config, '--work-dir', tmp_path / 'other', *options(2)).error
    assert 'optim_wrapper.prototypes' in error


@pytest.mark.slow
def test_two_processes_and_the_teacher_alone(project, run, tmp_path):
    work = tmp_path / 'work'
    launcher = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2']
    command = ['tools/train.py', project['cut-mix'], '--launcher', 'pytorch', '--work-dir', work]
    subprocess.run(
        [*launcher, f'--master_port={free_port()}', *command, *options(2)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=300,
    )
    test = (project['cut-mix'], work / 'iter_2.pth', '--work-dir', tmp_path / 'test')
    scale = ('--cfg-options', options(0)[-1])
    assert run('test', *test, '--weights', 'teacher', *scale).code == 0
    teacher = (tmp_path / 'test/metrics.json').read_text()
    assert run('test', *test, *scale).code == 0
    assert (tmp_path / 'test/metrics.json').read_text() != teacher
    assert (tmp_path / 'test/metrics.1.json').read_text() == teacher


@pytest.mark.slow
def test_it_is_compared(project, run, tmp_path):
    configs = sorted(project.values())
    outcome = run('compare', *configs, '--work-dir', tmp_path / 'compare', *options(2))
    assert outcome.code == 0, outcome.err
    report = (tmp_path / 'compare/report.md').read_text()
    for name in ('cut-mix', 'feature-head', 'prototypes'):
        assert f'\n| {name} | ' in report
