"""Variables of config files that settings have copied: changing them is refused, with the key."""

import re
from pathlib import Path

import pytest

from mmseg_gl.config.load import load_config
from mmseg_gl.errors import UserError

CONFIGS = Path(__file__).parents[2] / 'configs'
ADAPTSEGNET = CONFIGS / 'adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'
FEWER_POINTS = CONFIGS / (
    'adaptsegnet/ablations/adaptsegnet-gl_deeplabv2-tiny_street-scenes_512-points.py'
)
CYCLEGAN = CONFIGS / 'bdl/cyclegan_perceptual_deeplabv2-tiny_street-scenes.py'


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
    with pytest.raises(UserError, match=f'{re.escape(key)}: .* {use}'):
        load_config(ADAPTSEGNET, {key: 1})


@pytest.mark.parametrize(
    'config, key, use',
    [
        (FEWER_POINTS, 'local_head.num_points', 'model.heads.local_head.num_points'),
        (CYCLEGAN, 'cyclegan.pool_size', 'model.pool_size'),
    ],
)
def test_a_copy_that_was_changed_is_known_by_its_name_or_type(config, key, use):
    with pytest.raises(UserError, match=f' {use}$'):
        load_config(config, {key: 1})


def test_a_number_is_looked_for_under_its_name(tmp_path):
    config = tmp_path / 'config.py'
    for name in ('points', 'num_points'):
        config.write_text(
            f'_base_ = {str(FEWER_POINTS)!r}\n{name} = 16\n'
            f'model = dict(heads=dict(local_head=dict(num_points={name})))\n'
        )
        with pytest.raises(UserError, match=f'`{name}`') as error:
            load_config(config, {name: 1})
        found = 'model.heads.local_head.num_points' in str(error.value)
        assert found == (name == 'num_points')


def test_the_data_preprocessor_at_the_top_is_for_models_without_one(tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = {str(ADAPTSEGNET)!r}\ndata_preprocessor = dict(type='SegDataPreProcessor')\n"
    )
    option = {'data_preprocessor.size_divisor': 8}
    with pytest.raises(UserError, match=' model.data_preprocessor.size_divisor$'):
        load_config(config, option)
    with config.open('a') as file:
        file.write(
            "model = dict(_delete_=True, type='UDASegmentor', segmentor=_base_.model.segmentor)\n"
        )
    assert load_config(config, option).data_preprocessor.size_divisor == 8


def test_a_helper_that_nothing_reads(tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(f'_base_ = {str(ADAPTSEGNET)!r}\nmy_rate = 3\n')
    with pytest.raises(UserError, match='`my_rate`'):
        load_config(config, {'my_rate': 4})


@pytest.mark.parametrize(
    'text, use',
    [
        ('global_head = dict(loss_weights=dict(decode=5.0))', 'model.heads.global_head'),
        ("data_root = 'elsewhere'", 'train_dataloader.dataset.target.data_root'),
        (
            'target_pipeline = [dict(type="LoadImage"), dict(type="PackSegInputs")]',
            'train_dataload',
        ),
        (  # the copy is changed, but not in this
            "global_head = dict(gan='lsgan')\n"
            'model = dict(heads=dict(global_head=dict(channels=(8, 16))))',
            'model.heads.global_head',
        ),
    ],
)
def test_a_leaf_that_changes_a_helper(text, use, tmp_path):
    config, leaf = tmp_path / 'config.py', tmp_path / 'leaf.py'
    config.write_text(f'_base_ = {str(ADAPTSEGNET)!r}\n{text}\n')
    leaf.write_text("_base_ = './config.py'\n")
    for path in (config, leaf):
        with pytest.raises(UserError, match=f'config.py: .* {re.escape(use)}'):
            load_config(path)


@pytest.mark.parametrize(
    'text',
    [
        'global_head = dict(loss_weights=dict(decode=5.0, auxiliary=2e-3))\n'
        'model = dict(heads=dict(global_head=global_head))',
        'model = dict(heads=dict(global_head=dict(_base_.global_head, gan="lsgan")))',
        "global_head = dict(gan='lsgan')\n"
        'model = dict(heads=dict(global_head=dict(global_head, channels=(8, 16))))',
        "test_pipeline = [dict(type='LoadImage'), dict(type='PackSegInputs')]\n"
        'val_dataloader = dict(dataset=dict(pipeline=test_pipeline))',
        "data_root = '{{$NOWHERE:elsewhere}}'\n"
        "train_dataloader = dict(dataset=dict(source=dict(data_root=data_root + '/games')))",
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
    config.write_text("_base_ = 'mmseg::_base_/models/fcn_r50-d8.py'\nnorm_cfg = dict(type='BN')\n")
    with pytest.raises(UserError, match='`norm_cfg` .* model.backbone.norm_cfg'):
        load_config(config)
