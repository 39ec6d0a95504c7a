"""Variables of config files that settings have copied: changing them is refused, with the key."""

import re
from pathlib import Path

import pytest

from mmseg_gl.apis import load_config
from mmseg_gl.errors import UserError

CONFIGS = Path(__file__).parents[2] / 'configs'
ADAPTSEGNET = CONFIGS / 'adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'


@pytest.mark.parametrize(
    'key, use',
    [
        ('global_head.loss_weights.decode', 'model.heads.global_head.loss_weights.decode'),
        ('global_head', 'model.heads.global_head'),
        ('data_root', 'train_dataloader.dataset.target.data_root, train_dataloader.dataset.sou'),
        ('source_pipeline.2.prob', 'train_dataloader.dataset.source.pipeline.2.prob'),
    ],
)
def test_an_option_for_a_helper(key, use):
    with pytest.raises(UserError, match=f'{re.escape(key)}: .* does nothing; use {use}'):
        load_config(ADAPTSEGNET, {key: 1})


def test_a_helper_that_nothing_reads(tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(f'_base_ = {str(ADAPTSEGNET)!r}\nmy_rate = 3\n')
    with pytest.raises(UserError, match='my_rate: .* no part of the run reads it'):
        load_config(config, {'my_rate': 4})


@pytest.mark.parametrize(
    'text, use',
    [
        ('global_head = dict(loss_weights=dict(decode=5.0))', 'model.heads.global_head.loss_wei'),
        ("data_root = 'elsewhere'", 'train_dataloader.dataset.target.data_root'),
        (
            'target_pipeline = [dict(type="LoadImage"), dict(type="PackSegInputs")]',
            'train_dataload',
        ),
    ],
)
def test_a_leaf_that_changes_a_helper(text, use, tmp_path):
    config, leaf = tmp_path / 'config.py', tmp_path / 'leaf.py'
    config.write_text(f'_base_ = {str(ADAPTSEGNET)!r}\n{text}\n')
    leaf.write_text("_base_ = './config.py'\n")
    for path in (config, leaf):
        with pytest.raises(UserError, match=f'config.py: .* does nothing; use {re.escape(use)}'):
            load_config(path)


@pytest.mark.parametrize(
    'text',
    [
        'global_head = dict(loss_weights=dict(decode=5.0, auxiliary=2e-3))\n'
        'model = dict(heads=dict(global_head=global_head))',
        'model = dict(heads=dict(global_head=dict(_base_.global_head, gan="lsgan")))',
        'my_own = 3',
    ],
)
def test_what_is_copied_anew_is_fine(text, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(f'_base_ = [{str(ADAPTSEGNET)!r}]\n{text}\n')
    load_config(config)


def test_bases_of_mmseg(tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(
        "_base_ = 'mmseg::_base_/models/segformer_mit-b0.py'\n"
        "model = dict(_delete_=True, type='UDASegmentor', segmentor=_base_.model)\n"
    )
    assert load_config(config).model.segmentor.decode_head.type == 'SegformerHead'
