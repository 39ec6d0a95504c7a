"""What a top-level metainfo does to a config, and which classes do not go together."""

from itertools import combinations
from pathlib import Path

import pytest
from mmengine.config import Config
from mmseg.datasets import CityscapesDataset
from mmseg.registry import DATASETS

from mmseg_gl.config.classes import check_classes, set_classes
from mmseg_gl.config.load import load_config
from mmseg_gl.datasets.palette import default_palette
from mmseg_gl.errors import UserError

CONFIGS = Path(__file__).parents[2] / 'configs'
LOCAL = CONFIGS / 'adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
PAPER = CONFIGS / 'adaptsegnet/adaptsegnet-gl_deeplabv2-r101_gta5-to-cityscapes.py'
TEMPLATE = CONFIGS / 'own_data/template.py'
FIVE = CONFIGS / 'own_data/adaptsegnet-gl_deeplabv2-tiny_street-scenes-5-classes.py'
COLOURS = dict(zip(*CityscapesDataset.METAINFO.values()))
DOMAINS = ('train_dataloader.dataset.source', 'train_dataloader.dataset.target')
LOADED = ('val_dataloader.dataset', 'test_dataloader.dataset')


@pytest.fixture
def load(tmp_path):
    """Read a config of the given text and base."""

    def load(text, base=LOCAL, options=None):
        path = tmp_path / 'own.py'
        path.write_text(f'_base_ = {str(base)!r}\n{text}\n')
        return load_config(str(path), options)

    return load


def value(cfg, key):
    for part in key.split('.'):
        cfg = cfg[part]
    return cfg


def test_without_metainfo_nothing_changes():
    cfg = load_config(str(LOCAL))
    assert not any('metainfo' in value(cfg, key) for key in (*DOMAINS, *LOADED))
    assert cfg.model.segmentor.decode_head.num_classes == 19


def test_some_of_cityscapes_classes_keep_their_colours(load):
    cfg = load("metainfo = dict(classes=('sky', 'road', 'car'))")
    names = ('sky', 'road', 'car')
    wanted = dict(classes=names, palette=[COLOURS[name] for name in names])
    for key in (*DOMAINS, *LOADED):
        assert value(cfg, key).metainfo == wanted
        dataset = DATASETS.build({**value(cfg, key), 'lazy_init': True})
        assert dataset.metainfo['palette'] == wanted['palette']
        assert [dataset.label_map[i] for i in (10, 0, 13, 1)] == [0, 1, 2, 255]
    head = cfg.model.segmentor
    heads = (head.decode_head, head.auxiliary_head, *cfg.model.heads.values())
    assert [part.num_classes for part in heads] == [3] * 4


def test_lists_of_data_sets_and_heads_of_any_name_follow():
    head = dict(type='X', num_classes=19)
    sources = [dict(type='GTA5Dataset'), dict(dataset=dict(type='SYNTHIADataset'), weight=2)]
    cfg = Config(
        dict(
            metainfo=dict(classes=('a', 'b')),
            model=dict(
                segmentor=dict(decode_head=[head, head], auxiliary_head=[head]),
                heads=dict(mine=head),
            ),
            train_dataloader=dict(dataset=dict(type='UDADataset', source=sources)),
            val_dataloader=None,
            translation_dataset=dict(type='GTA5Dataset'),
        )
    )
    set_classes(cfg)
    check_classes(cfg)
    assert '19' not in str(cfg.model) and str(cfg.model).count("'num_classes': 2") == 4
    gta5, synthia = cfg.train_dataloader.dataset.source
    for dataset in (gta5, synthia.dataset, cfg.translation_dataset):
        assert dataset.metainfo == dict(classes=('a', 'b'), palette=default_palette(2))
    cfg.model.heads.mine.num_classes = 3
    with pytest.raises(UserError, match=r'decode_head\.0\.num_classes.*model\.heads\.mine\.num_cl'):
        check_classes(cfg)
    cfg.model.heads.mine.num_classes = 2
    gta5.metainfo.classes = ('b', 'a')
    with pytest.raises(UserError, match=r'\.source\.0 .*b, a.*\.source\.1\.dataset'):
        check_classes(cfg)


@pytest.mark.parametrize('type_name', ['GTA5Dataset', 'SYNTHIADataset', 'ImageFolderDataset'])
@pytest.mark.parametrize('count', [2, 19, 100])
def test_data_sets_take_any_classes(type_name, count):
    classes = [f'class {i}' for i in range(count)]
    options = dict(type=type_name, data_root='nowhere', lazy_init=True)
    dataset = DATASETS.build({**options, 'metainfo': dict(classes=classes)})
    assert dataset.label_map is None and dataset.metainfo['classes'] == classes
    assert dataset.metainfo['palette'] == default_palette(count)
    palette = [[1, 2, i] for i in range(count)]
    dataset = DATASETS.build({**options, 'metainfo': dict(classes=classes, palette=palette)})
    assert dataset.metainfo['palette'] == palette


def test_default_colours_are_distinct_and_none_is_nearly_black():
    palette = default_palette(254)
    assert len(set(map(tuple, palette))) == 254 and palette[:10] == default_palette(10)
    assert min(map(max, palette)) > 100
    for one, other in combinations(palette[:10], 2):
        assert sum(abs(a - b) for a, b in zip(one, other)) > 90


@pytest.mark.parametrize('base', [LOCAL, PAPER], ids=['tiny', 'r101'])
def test_template_fits_the_config_that_it_starts_from_and_the_one_that_it_names(base, tmp_path):
    text = TEMPLATE.read_text()
    first = next(line for line in text.splitlines() if line.startswith('_base_'))
    assert str(PAPER.relative_to(CONFIGS)) in text
    path = tmp_path / 'mine.py'
    path.write_text(text.replace(first, f'_base_ = {str(base)!r}'))
    cfg = load_config(str(path))
    assert cfg.val_dataloader == cfg.test_dataloader and cfg.val_evaluator == []
    assert cfg.model.segmentor.decode_head.num_classes == len(cfg.metainfo.classes) == 5
    assert cfg.train_dataloader.dataset.target.type == 'ImageFolderDataset'


OWN = "metainfo = dict(classes=('flat', 'sky'))\n"
FOLDER = "train_dataloader = dict(dataset=dict(target=dict(type='ImageFolderDataset')))\n"
STEPS = "[dict(type='LoadTrainIds', ids={}), dict(type='PackSegInputs')]"


@pytest.mark.parametrize(
    'text, named',
    [
        (OWN, "source.pipeline.1.ids='gta5'.* flat, sky"),
        (
            "metainfo = dict(classes=('car', 'sky'))\n"
            "train_dataloader = dict(dataset=dict(source=dict(type='BaseSegDataset')))",
            "source.pipeline.1.ids='gta5'.* car, sky",
        ),
        (
            OWN + f'steps = {STEPS.format("{7: 0, 8: 2}")}\n'
            'train_dataloader = dict(dataset=dict(source=dict(pipeline=steps)))',
            'source.pipeline.0.ids .*8.* 2.*2 classes',
        ),
        (
            OWN + f'steps = {STEPS.format("{7: 0, 8: 1}")}\n'
            'train_dataloader = dict(dataset=dict(source=dict(pipeline=steps)))',
            "target.*BaseSegDataset', img_suffix='_leftImg8bit.png', seg_map_suffix=",
        ),
        (
            "train_dataloader = dict(dataset=dict(target=dict(type='BaseSegDataset')))",
            'target.*BaseSegDataset',
        ),
        ('metainfo = 3', '^metainfo=3'),
        ("metainfo = dict(classes='road')", "metainfo.classes='road'"),
        ('metainfo = dict(classes=[])', r'metainfo.classes=\[\]'),
        ("metainfo = dict(classes=('a', 'b', 'a'))", 'metainfo.classes .*"a"'),
        ('metainfo = dict(classes=[str(i) for i in range(255)])', 'metainfo.classes .*255.* 254'),
        ("metainfo = dict(classes=('a',), palette=[[0, 0, 256]])", 'metainfo.palette'),
        ("metainfo = dict(classes=('a',), palette='red')", 'metainfo.palette'),
        ("metainfo = dict(classes=('a', 'b'), palette=[[1, 2, 3]])", 'metainfo.palette .*1.* 2 '),
        (
            'val_dataloader = dict(dataset=dict(metainfo=dict(palette=[[1, 2, 3]])))',
            'val_dataloader.dataset.metainfo=',
        ),
        ("metainf = dict(classes=('a', 'b'))", '"metainf".*"metainfo"'),
    ],
)
def test_classes_that_do_not_go_together(load, text, named):
    with pytest.raises(UserError, match=named):
        load(text)


def test_an_option_may_not_contradict(load):
    key = 'model.heads.local_head.num_classes'
    with pytest.raises(UserError, match=f'decode_head.num_classes .*5.*{key} .*7'):
        load_config(str(FIVE), {key: 7})
    assert load_config(str(FIVE), {key: 5}).model.heads.local_head.num_classes == 5
    cfg = load('', options={'metainfo.classes': ['road', 'car']})
    assert cfg.model.heads.global_head.num_classes == 2
