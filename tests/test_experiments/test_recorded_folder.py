"""An output folder is resumed by its own run, and refused to all others."""

import json
import os
import subprocess
import sys

import pytest

from mmseg_gl.errors import UserError
from mmseg_gl.experiments.recorded_folder import RecordedFolder
from mmseg_gl.files import only_writer

RUN = dict(seed=0, size=(32, 64), data=dict(type='A', root='a'))
FILES = ['images/1.png', 'images/deep/2.png']


@pytest.fixture
def make(tmp_path):
    """The function that describes tmp_path/out: (changes of the run) -> RecordedFolder."""

    def make(inputs=(), files=FILES, **run):
        return RecordedFolder(
            str(tmp_path / 'out'),
            'record.json',
            run={**RUN, **run},
            about=dict(command='c'),
            files=files,
            interim=['parts/1.npz'],
            inputs=[str(tmp_path / name) for name in inputs],
        )

    return make


def write_all(folder, names):
    for name in names:
        with folder.write(name) as file:
            file.write(name.encode())


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def test_interrupted_run_goes_on_and_a_complete_one_is_left_alone(make, tmp_path):
    out = tmp_path / 'out'
    folder = make()
    with pytest.raises(KeyboardInterrupt), folder.open():
        assert not folder.done and not folder.complete
        write_all(folder, [FILES[1], 'parts/1.npz'])
        raise KeyboardInterrupt
    assert json.loads((out / 'record.json').read_text())['complete'] is False
    (out / 'images/1.png.tmp').write_bytes(b'of a run that was killed')

    folder = make()
    with folder.open():
        assert not (out / 'images/1.png.tmp').exists()
        assert folder.done == {'record.json', FILES[1], 'parts/1.npz'}
        write_all(folder, FILES[:1])
        folder.finish(mean=0.5)
    before = contents(out)
    assert sorted(before) == [*FILES, 'record.json'] and not (out / 'parts').exists()
    expected = dict(RUN, size=[32, 64], command='c', complete=True, mean=0.5)
    assert json.loads(before['record.json']) == expected

    folder = make()
    with folder.open():
        assert folder.complete and folder.contents['mean'] == 0.5
        assert not (out / '.lock').exists()
        folder.finish()
    assert contents(out) == before


def test_lost_and_new_files_are_to_be_written(make, tmp_path):
    for files in (FILES, [*FILES, 'images/3.png']):
        folder = make(files=files)
        with folder.open():
            write_all(folder, files)
            folder.finish()
    (tmp_path / 'out/images/1.png').unlink()
    folder = make(files=files)
    with folder.open():
        assert not folder.complete and set(files) - folder.done == {'images/1.png'}


@pytest.mark.parametrize(
    'record', [b'', b'[]', b'3', b'null', b'{"seed": 0', b'\xff\0', b'[' * 10**5, None]
)
def test_damaged_record(make, tmp_path, record):
    path = tmp_path / 'out/record.json'
    path.parent.mkdir()
    path.mkdir() if record is None else path.write_bytes(record)
    (path.parent / 'images').mkdir()
    (path.parent / 'images/1.png').touch()
    before = contents(tmp_path)
    with pytest.raises(UserError, match='out/record.json'), make().open():
        pass
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    'changes, different',
    [
        (dict(seed=1), 'seed'),
        (dict(seed=1, data=dict(type='A', root='b')), 'seed, data.root'),
        (dict(data=dict(type='A')), 'data.root'),
        (dict(new=3), 'new'),
    ],
)
def test_another_run(make, changes, different):
    with make().open():
        pass
    with pytest.raises(UserError, match=f'record.json: {different}'):
        with make(**changes).open():
            pass


@pytest.mark.parametrize('begun', [False, True])
@pytest.mark.parametrize('name', ['mine.txt', 'images/mine.png', 'images/mine.png.tmp', 'link'])
def test_files_of_others(make, tmp_path, begun, name):
    path = tmp_path / 'out' / name
    if begun:
        with make().open():
            pass
    path.parent.mkdir(parents=True, exist_ok=True)
    if name == 'link':  # to a folder, in which files would be replaced
        path.symlink_to(tmp_path)
    else:
        path.write_text('precious')
    before = contents(tmp_path / 'out')
    with pytest.raises(UserError, match=name if begun else 'record.json'):
        with make().open():
            pass
    assert contents(tmp_path / 'out') == before


@pytest.mark.parametrize('inputs', ['out', 'out/images', '.', 'link', 'out/images/1.png'])
def test_inputs_that_could_be_replaced(make, tmp_path, inputs):
    (tmp_path / 'link').symlink_to(tmp_path / 'out')
    with pytest.raises(UserError, match='--out '):
        with make(inputs=['elsewhere', inputs]).open():
            pass
    assert os.listdir(tmp_path) == ['link']


def test_two_processes_do_not_write_to_one_folder(make, tmp_path):
    program = (
        'import sys, time; from mmseg_gl.files import only_writer\n'
        'with only_writer(sys.argv[1]): print("held", flush=True); time.sleep(60)'
    )
    (tmp_path / 'out').mkdir()
    command = [sys.executable, '-c', program, tmp_path / 'out']
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == 'held\n'
        with pytest.raises(UserError, match=f'process {other.pid}.*--out'):
            with make().open():
                pass
        assert os.listdir(tmp_path / 'out') == ['.lock']
        other.kill()
    with make().open():
        pass


def test_lock_that_has_just_been_removed(tmp_path, monkeypatch):
    """A second process has opened the lock file of a first one, which removes it and ends."""
    lockf = 'mmseg_gl.files.fcntl.lockf'
    monkeypatch.setattr(lockf, lambda *_: os.remove(tmp_path / '.lock'))
    with pytest.raises(UserError, match=f'{tmp_path}: '), only_writer(tmp_path):
        pass


def test_class_statistics_may_lie_in_it(make, tmp_path):
    folder = make()
    with folder.open():
        write_all(folder, FILES)
        folder.finish()
    statistics = tmp_path / 'out/images/class_statistics_0123456789ab.json'
    statistics.write_text('of the images here, used as a data set')
    with make().open():
        pass
    assert statistics.exists()
