from pathlib import Path

import mmseg
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmseg_gl.config.arguments import arguments_of, check_arguments
from mmseg_gl.errors import UserError

MMSEG = Path(mmseg.__file__).parent / '.mim/configs'
# One config per method, without those whose networks are in other packages or warn at import.
OTHERS = ('beit', 'convnext', 'mae', 'mask2former', 'maskformer', 'poolformer', 'san', 'vpd')
FILES = [
    sorted(folder.glob('*.py'))[0]
    for folder in sorted(MMSEG.iterdir())
    if folder.name not in ('_base_', *OTHERS) and any(folder.glob('*.py'))
]


class Parent:
    def __init__(self, size: int, name='x', other=3, **kwargs): ...


class Child(Parent):
    def __init__(self, lr: 'float', **kwargs): ...


def test_arguments_of_a_class():
    assert arguments_of(Parent) == {}  # it takes any
    assert arguments_of(print) != {}


def test_errors_name_key_and_value():
    init_default_scope('mmseg')
    for settings, named in (
        (dict(log_level=3), 'log_level=3'),
        (dict(model=dict(type='ResNet', deph=50)), 'model.deph: .*"depth"'),
        (dict(train_dataloader=dict(num_workers='2')), "train_dataloader.num_workers='2'"),
        (dict(randomness=dict(sed=1)), 'randomness.*"sed".*"seed"'),
        (dict(modell=3), '"modell".*"model"'),
    ):
        with pytest.raises(UserError, match=named):
            check_arguments(Config(settings))


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.parent.name)
def test_networks_of_mmseg_are_right(file):
    init_default_scope('mmseg')
    check_arguments(Config(dict(model=Config.fromfile(file).model)))
