import errno
import subprocess
import sys
from pathlib import Path

from mmseg_gl.cli.tool import file_error, import_error, worker_error

ROOT = Path(__file__).parents[2]
CONFIG = 'configs/source_only/source-only_deeplabv2-tiny_street-scenes.py'


def test_output_that_nobody_reads_ends_a_tool_without_a_word(data_options, street_scenes):
    options = data_options(street_scenes, target=False)
    command = [sys.executable, 'tools/check_data.py', CONFIG, '--cfg-options', *options]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ''
    assert process.returncode == 141


def test_files_and_disks_that_cannot_be_used_are_said():
    assert 'work/a.json' in file_error(
        FileNotFoundError(errno.ENOENT, 'No such file', 'work/a.json')
    )
    assert 'full' in file_error(OSError(errno.ENOSPC, 'disk full'))
    assert file_error(OSError('a bug')) is None


def test_packages_that_are_not_installed_are_named():
    try:  # as mmengine does
        try:
            import tensorboard_of_nobody.summary  # noqa: F401
        except ImportError:
            raise ImportError('Please run pip')  # noqa: B904
    except ImportError as error:
        assert 'tensorboard_of_nobody is not installed' in import_error(error)
    assert import_error(ModuleNotFoundError('a bug', name='mmseg_gl.gone')) is None
    assert import_error(ImportError('a bug')) is None


def test_lost_data_workers_are_said_and_bugs_in_them_are_not():
    killed = RuntimeError(
        'DataLoader worker (pid 7) is killed by signal: Bus error. It is possible'
    )
    full = RuntimeError(
        'Caught RuntimeError in DataLoader worker process 0.\nTraceback ...\nRuntimeError: unable '
        'to allocate shared memory(shm) for file </torch_1>: No space left on device (28)'
    )
    bug = RuntimeError('Caught ValueError in DataLoader worker process 0.\nValueError: my bug')
    assert 'signal: Bus error' in worker_error(killed) and '/dev/shm' in worker_error(killed)
    assert 'No space left' in worker_error(full)
    assert worker_error(bug) is None
