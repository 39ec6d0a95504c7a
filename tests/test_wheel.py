"""The command mmseg-gl, and a wheel in a venv of its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import setuptools
import tomllib

import mmseg_gl

ROOT = Path(__file__).parents[1]
SOURCES = ('mmseg_gl', 'configs', 'tools', 'pyproject.toml', 'README.md')
NAME = 'adaptsegnet_deeplabv2-tiny_street-scenes'


def execute(*command, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)


def test_the_command_imports_nothing_before_it_knows_the_tool():
    code = (
        'import sys, mmseg_gl_command; code = mmseg_gl_command.main(); '
        'sys.exit(code if not {"torch", "mmseg_gl"} & set(sys.modules) else 1)'
    )
    outcome = execute(sys.executable, '-c', code, 'trian', cwd=ROOT)
    assert outcome.returncode == 2
    assert 'error: ' in outcome.stderr and 'train?' in outcome.stderr.split()
    outcome = execute(sys.executable, '-c', code, '--help', cwd=ROOT)
    assert outcome.returncode == 0
    for path in (ROOT / 'tools').glob('*.py'):
        assert f'\n  {path.stem.replace("_", "-")} ' in outcome.stdout


def test_all_packages_are_listed():
    settings = tomllib.loads((ROOT / 'pyproject.toml').read_text())['tool']['setuptools']
    folders = {path.parent for path in (ROOT / 'mmseg_gl').rglob('*.py')}
    folders |= {path.parent for path in (ROOT / 'configs').rglob('*.py')}
    names = {'.'.join(folder.relative_to(ROOT).parts) for folder in folders}
    names = {f'mmseg_gl.{name}' if name.startswith('configs') else name for name in names}
    assert names | {'mmseg_gl_command', 'mmseg_gl.configs'} == set(settings['packages'])


@pytest.fixture
def environment(tmp_path):
    """The folder of an environment with the wheel; all else comes from the tests' own."""
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / 'source' / name)
    pip = [sys.executable, '-m', 'pip', '--disable-pip-version-check']
    major, minor = map(int, setuptools.__version__.split('.')[:2])
    alone = (major, minor) >= (70, 1)  # needs no other package to build wheels
    options = ['--no-deps', *(['--no-build-isolation'] if alone else [])]
    built = execute(*pip, 'wheel', *options, '-w', tmp_path, tmp_path / 'source')
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob('*.whl')
    folder = tmp_path / 'venv'
    execute(sys.executable, '-m', 'venv', '--without-pip', folder, check=True)
    python = folder / 'bin/python'
    execute(*pip, '--python', python, 'install', '--no-deps', '--no-index', wheel, check=True)
    (site,) = folder.glob('lib/*/site-packages')
    (site / 'tests.pth').write_text(
        sysconfig.get_path('purelib')
    )  # its own .pth files do not count
    shutil.rmtree(tmp_path / 'source')
    return folder


@pytest.mark.slow
def test_from_the_wheel_to_figures(environment, tmp_path):
    empty = tmp_path / 'empty'
    empty.mkdir()
    variables = {k: v for k, v in os.environ.items() if not k.startswith('PYTHON')}

    def succeed(*command):
        outcome = execute(environment / 'bin' / command[0], *command[1:], cwd=empty, env=variables)
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout

    where = succeed('python', '-c', 'import mmseg_gl; print(mmseg_gl.__file__)')
    assert Path(where).is_relative_to(environment)
    assert succeed('mmseg-gl', '--version').strip() == mmseg_gl.__version__
    size = ('--size', '32x64', '--train', 4, '--val', 2)
    succeed('mmseg-gl', 'make-street-scenes', 'data/street_scenes', *size)
    assert f'adaptsegnet/{NAME}.py\n' in succeed('mmseg-gl', 'configs', 'list', 'adaptsegnet')
    succeed('mmseg-gl', 'configs', 'copy', NAME)
    config = f'configs/adaptsegnet/{NAME}.py'
    short = ('--cfg-options', 'train_cfg.max_iters=2', 'train_cfg.val_interval=2')
    succeed('mmseg-gl', 'train', config, *short)
    succeed('mmseg-gl', 'test', config, f'work_dirs/{NAME}/iter_2.pth')
    assert (empty / f'work_dirs/{NAME}/metrics.json').is_file()
