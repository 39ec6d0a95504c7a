"""tools/browse.py: a sheet of each pair, with predictions if there is a checkpoint."""

from pathlib import Path

import pytest
import torch
from mmseg.registry import MODELS
from PIL import Image

from mmseg_gl.config.load import load_config

CONFIG = Path(__file__).parents[2] / 'configs/dacs/dacs-gl_deeplabv2-tiny_street-scenes.py'


@pytest.mark.parametrize('trained', [False, True])
def test_sheets(run, street_scenes, data_options, tmp_path, trained):
    more = []
    if trained:
        model = MODELS.build(load_config(CONFIG).model)
        torch.save(dict(meta={}, state_dict=model.state_dict()), tmp_path / 'iter_9.pth')
        more = ['--checkpoint', tmp_path / 'iter_9.pth']
    command = ['browse', CONFIG, '--out', tmp_path / 'out', '--num', 3, *more]
    outcome = run(*command, '--cfg-options', *data_options(street_scenes))
    assert outcome.code == 0, outcome.err
    paths = sorted((tmp_path / 'out').iterdir())
    assert [path.name for path in paths] == [f'sheet_{n:04}.png' for n in range(3)]
    cells = 4 if trained else 3  # the local head's map is the fourth
    assert {Image.open(path).width for path in paths} == {4 + cells * (256 + 4)}
