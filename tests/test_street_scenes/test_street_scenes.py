"""The street scenes: determinism, formats on disk, content, and care with what is there."""

import itertools
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_gl.errors import UserError
from mmseg_gl.street_scenes import Split, StreetScenesConfig, generate, render
from mmseg_gl.street_scenes.materials import PALETTE, SYNTHIA_IDS, Material

SMALL = StreetScenesConfig(height=32, width=64, train=4, val=2)


def read_files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def label_shares(config, split, count):
    """Share of the pixels of each material over the first images of a split."""
    labels = np.stack([render(config, split, index)[1] for index in range(count)])
    return np.bincount(labels.ravel(), minlength=256) / labels.size


@pytest.fixture(scope='module')
def gta5_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp('gta5')
    assert generate(SMALL, folder, workers=1)
    return folder


@pytest.fixture(scope='module')
def synthia_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp('synthia')
    assert generate(replace(SMALL, source_format='synthia'), folder, workers=1)
    return folder


class TestDeterminism:
    def test_bytes_do_not_depend_on_workers(self, gta5_dir, tmp_path):
        generate(SMALL, tmp_path, workers=2)
        assert read_files(tmp_path) == read_files(gta5_dir)

    def test_images_do_not_depend_on_their_number(self, gta5_dir, tmp_path):
        generate(replace(SMALL, train=6, val=3), tmp_path, workers=1)
        more = read_files(tmp_path)
        assert len(more) == 2 * (6 + 6 + 3) + 1
        for name, content in read_files(gta5_dir).items():
            assert name == 'street_scenes.json' or more[name] == content

    def test_seeds_splits_and_indices_differ(self):
        images = [
            render(replace(SMALL, seed=seed), split, index)[0].tobytes()
            for seed in (0, 1)
            for split in Split
            for index in (0, 1)
        ]
        assert len(set(images)) == len(images)

    def test_clutter_leaves_the_rest_of_the_scene(self):
        without, _ = render(replace(SMALL, source_clutter=0), Split.SOURCE, 3)
        image, labels = render(replace(SMALL, source_clutter=5), Split.SOURCE, 3)
        assert (labels == Material.CLUTTER).any()
        columns = ~cv2.dilate((labels == Material.CLUTTER).astype(np.uint8), np.ones((7, 7)))
        untouched = columns == 255
        assert untouched.mean() > 0.5
        assert np.array_equal(image[untouched], without[untouched])


class TestFormats:
    def test_file_names(self, gta5_dir, synthia_dir):
        target = {
            f'cityscapes/{kind}/{subset}/{city}/{city}_{index:06d}_000019_{kind}{suffix}.png'
            for subset, city, count in (('train', 'proceduria', 4), ('val', 'perlinburg', 2))
            for index in range(count)
            for kind, suffix in (('leftImg8bit', ''), ('gtFine', '_labelIds'))
        }
        gta5 = {f'GTA5/{kind}/{i:05d}.png' for kind in ('images', 'labels') for i in range(1, 5)}
        synthia = {f'SYNTHIA/{kind}/{i:07d}.png' for kind in ('RGB', 'GT/LABELS') for i in range(4)}
        assert set(read_files(gta5_dir)) == target | gta5 | {'street_scenes.json'}
        assert set(read_files(synthia_dir)) == target | synthia | {'street_scenes.json'}

    def test_gta5_labels_are_palette_images_of_cityscapes_ids(self, gta5_dir):
        image, labels = render(SMALL, Split.SOURCE, 2)
        assert np.array_equal(Image.open(gta5_dir / 'GTA5/images/00003.png'), image)
        with Image.open(gta5_dir / 'GTA5/labels/00003.png') as stored:
            assert stored.mode == 'P'
            assert np.array_equal(np.asarray(stored), labels)
            colours = np.asarray(stored.convert('RGB'))
        for material in np.unique(labels):
            assert (colours[labels == material] == PALETTE[material]).all()

    def test_cityscapes_labels_are_grey_images_of_ids(self, gta5_dir):
        for split, subset, city in (
            (Split.TARGET_TRAIN, 'train', 'proceduria'),
            (Split.TARGET_VAL, 'val', 'perlinburg'),
        ):
            _, labels = render(SMALL, split, 1)
            name = f'{city}_000001_000019_gtFine_labelIds.png'
            path = gta5_dir / 'cityscapes/gtFine' / subset / city / name
            with Image.open(path) as stored:
                assert stored.mode == 'L'
                assert np.array_equal(np.asarray(stored), labels)

    def test_synthia_labels_are_16_bit_with_the_class_in_red(self, synthia_dir):
        _, labels = render(SMALL, Split.SOURCE, 2)
        path = synthia_dir / 'SYNTHIA/GT/LABELS/0000002.png'
        bit_depth, colour_type = path.read_bytes()[24:26]
        assert (bit_depth, colour_type) == (16, 2)
        blue, green, red = cv2.split(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        assert red.dtype == np.uint16
        for material in np.unique(labels):
            assert (red[labels == material] == SYNTHIA_IDS[Material(material)]).all()
        assert (green > 0).all() and (blue == 0).all()

    def test_ids_are_those_of_the_data_sets(self):
        assert {m.value for m in Material} == {0, 7, 8, 11, 13, 17, 19, 20, 21, 22, 23, 24, 26, 28}
        assert set(SYNTHIA_IDS) == set(Material)
        assert PALETTE[Material.TRAFFIC_LIGHT].tolist() == [250, 170, 30]
        expected = {'ROAD': 3, 'SKY': 1, 'PERSON': 10, 'TRAFFIC_LIGHT': 15, 'TERRAIN': 16}
        assert {name: SYNTHIA_IDS[Material[name]] for name in expected} == expected


class TestContent:
    @pytest.mark.parametrize('split', [Split.SOURCE, Split.TARGET_VAL])
    def test_all_classes_occur_in_both_domains(self, split):
        shares = label_shares(StreetScenesConfig(height=64, width=128), split, count=40)
        assert set(np.flatnonzero(shares)) == set(Material)
        assert shares[Material.ROAD] > 0.2 and shares[Material.BUILDING] > 0.2
        assert 0.02 < shares[Material.CLUTTER] < 0.07

    def test_alien_clutter_is_large_and_in_the_source_alone(self):
        config = StreetScenesConfig(height=64, width=128, clutter='alien')
        assert 0.15 < label_shares(config, Split.SOURCE, count=40)[Material.CLUTTER] < 0.25
        assert label_shares(config, Split.TARGET_TRAIN, count=10)[Material.CLUTTER] == 0

    def test_gap_zero_makes_the_domains_alike(self):
        config = replace(SMALL, colour_gap=0, camera_gap=0, layout_gap=0)

        def mean_colour(config, split):
            return np.mean([render(config, split, i)[0].mean((0, 1)) for i in range(20)], axis=0)

        alike = mean_colour(config, Split.SOURCE) - mean_colour(config, Split.TARGET_TRAIN)
        apart = mean_colour(SMALL, Split.SOURCE) - mean_colour(SMALL, Split.TARGET_TRAIN)
        assert abs(alike).max() < 10 < abs(apart).max()

    @pytest.mark.parametrize(('height', 'width'), [(32, 32), (33, 61), (128, 48)])
    def test_any_size(self, height, width):
        image, labels = render(replace(SMALL, height=height, width=width), Split.SOURCE, 0)
        assert (image.shape, image.dtype) == ((height, width, 3), np.uint8)
        assert (labels.shape, labels.dtype) == ((height, width), np.uint8)
        assert (labels[-1] == Material.ROAD).any()


class TestOutputFolder:
    def test_interrupted_run_is_gone_on_with(self, gta5_dir, tmp_path):
        class Interruption(Exception):
            pass

        def interrupt(items, total):
            yield from itertools.islice(items, 5)
            assert not json.loads((tmp_path / 'street_scenes.json').read_text())['complete']
            raise Interruption

        with pytest.raises(Interruption):
            generate(SMALL, tmp_path, workers=1, progress=interrupt)
        written = []

        def record(items, total):
            written.extend(items)
            return [total]

        assert generate(SMALL, tmp_path, workers=1, progress=record)
        assert len(written) == 5
        assert read_files(tmp_path) == read_files(gta5_dir)


@pytest.mark.parametrize(
    'setting',
    [
        {'seed': -1},
        {'seed': 0.5},
        {'height': 31},
        {'width': 5000},
        {'train': 0},
        {'val': 0},
        {'val': 100_000},
        {'source_format': 'gta6'},
        {'clutter': 'none'},
        {'colour_gap': -0.1},
        {'camera_gap': 1.1},
        {'layout_gap': float('nan')},
        {'source_clutter': -1},
        {'target_clutter': float('inf')},
    ],
)
def test_bad_settings_name_the_setting(setting):
    with pytest.raises(UserError, match=next(iter(setting))):
        StreetScenesConfig(**setting)


def test_tool_writes_then_says_already_there(run, tmp_path):
    arguments = (tmp_path / 'out', '--size', '32x64', '--train', 2, '--val', 1, '--workers', 1)
    assert run('make_street_scenes', *arguments, '--preview', tmp_path / 'preview.png').code == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / 'out').rglob('*')}
    with Image.open(tmp_path / 'preview.png') as picture:
        assert picture.size == (8 * 64, 8 * 32)
    outcome = run('make_street_scenes', *arguments)
    assert outcome.code == 0 and outcome.out.startswith('already there')
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / 'out').rglob('*')} == before
