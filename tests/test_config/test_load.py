from pathlib import Path

import pytest

from mmseg_gl.config.load import load_config
from mmseg_gl.errors import UserError

CONFIG = Path(__file__).parents[2] / (
    'configs/source_only/source-only_deeplabv2-tiny_street-scenes.py'
)


@pytest.mark.parametrize(('name', 'hint'), [('FooHead', None), ('FPNHaed', 'FPNHead')])
def test_only_close_types_are_suggested(name, hint):
    with pytest.raises(UserError, match=name) as error:
        load_config(CONFIG, {'model.segmentor.decode_head.type': name})
    assert str(error.value).endswith(f'; did you mean "{hint}"?' if hint else f'"{name}"')


def test_the_environment_variable_is_not_logged_for_every_file(monkeypatch, capsys):
    monkeypatch.setenv('STREET_SCENES', 'elsewhere')
    assert load_config(CONFIG).data_root == 'elsewhere'
    assert capsys.readouterr().out == ''
