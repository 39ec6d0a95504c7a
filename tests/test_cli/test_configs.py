import os
import runpy
from pathlib import Path

from mmseg_gl.cli.configs import FOLDER, needed, shipped
from mmseg_gl.config.helpers import base_files
from mmseg_gl.config.load import load_config


def test_list(run):
    listed = run('configs', 'list', 'recipes/').out.split()
    assert listed and listed == [path for path in shipped() if path.startswith('bdl/recipes/')]


def test_show(run, tmp_path):
    name = 'adaptsegnet_deeplabv2-tiny_street-scenes'
    options = ['--cfg-options', 'train_cfg.max_iters=7']
    shown = tmp_path / 'shown.py'
    shown.write_text(run('configs', 'show', name, *options).out)
    again = run('configs', 'show', shown).out
    assert again == shown.read_text()
    expected = load_config(f'{FOLDER}/adaptsegnet/{name}.py', {'train_cfg.max_iters': 7})
    assert load_config(shown).to_dict() == expected.to_dict()


def test_a_copy_comes_with_all_that_it_needs(run, tmp_path):
    name = 'adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'
    for _ in range(2):  # what is there already is left as it is
        assert run('configs', 'copy', name, tmp_path).code == 0
    copies = {path.relative_to(tmp_path): path for path in tmp_path.rglob('*') if path.is_file()}
    assert set(map(str, copies)) == needed(name)
    for path, copy in copies.items():
        assert copy.read_bytes() == Path(FOLDER, path).read_bytes()


def test_needed_files_of_all_configs():
    for name in shipped():
        files = needed(name)
        assert name in files
        for path in files:
            file = Path(FOLDER, path)
            named = base_files(str(file))
            if file.parent.name == 'recipes':
                stages = runpy.run_path(str(file))['stages']
                named += [str(file.parent / stage['config']) for stage in stages]
            inside = {os.path.relpath(other, FOLDER) for other in named if '.mim' not in other}
            assert inside <= files, file
