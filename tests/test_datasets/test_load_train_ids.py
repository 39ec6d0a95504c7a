"""LoadTrainIds: the raw label formats of every data set, and what can be wrong with them."""

import numpy as np
import pytest
from PIL import Image

from mmseg_gl.datasets import LoadTrainIds
from mmseg_gl.datasets.label_ids import lookup_table
from mmseg_gl.errors import UserError


def load(path, ids):
    return LoadTrainIds(ids=ids).transform(dict(seg_map_path=str(path)))['gt_seg_map']


def grid(ids, dtype=np.uint8):
    """All ids in a (rows, 5) map, every id at least once."""
    return np.resize(np.asarray(ids, dtype), (-(-len(ids) // 5), 5))


def cut_off(path, kept):
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])


@pytest.mark.parametrize('palette', [True, False])
def test_gta5_palette_and_grey(tmp_path, palette):
    raw = grid([*range(35), 255])
    image = Image.fromarray(raw)
    if palette:
        image.putpalette([(7 * i) % 256 for i in range(768)])  # colours say nothing about ids
    image.save(tmp_path / 'a.png')
    labels = load(tmp_path / 'a.png', 'gta5')
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, lookup_table('gta5')[raw])
    assert (labels[1, 2], labels[0, 0]) == (0, 255)  # id 7 is the road, 0 unlabelled


@pytest.mark.parametrize('layout', ['rgb', 'grey_alpha', 'grey'])
def test_synthia_16_bit(tmp_path, write_png, layout):
    raw = grid(range(23), np.uint16)
    instances = np.arange(raw.size, dtype=np.uint16).reshape(raw.shape) + 300
    channels = {
        'rgb': [raw, instances, np.zeros_like(raw)],
        'grey_alpha': [raw, instances],
        'grey': [raw],
    }[layout]
    path = write_png(tmp_path / 'a.png', np.dstack(channels))
    np.testing.assert_array_equal(load(path, 'synthia'), lookup_table('synthia')[raw])


def test_cityscapes_reads_label_ids_first(tmp_path, write_png):
    path = write_png(tmp_path / 'a_gtFine_labelIds.png', np.full((2, 3), 7, np.uint8))
    write_png(tmp_path / 'a_gtFine_labelTrainIds.png', np.full((2, 3), 7, np.uint8))
    assert (load(path, 'cityscapes') == 0).all()  # id 7: road


def test_cityscapes_reads_label_train_ids_where_only_those_are_there(tmp_path, write_png):
    raw = grid([*range(19), 255])
    path = write_png(tmp_path / 'a_gtFine_labelTrainIds.png', raw)
    wanted = tmp_path / 'a_gtFine_labelIds.png'
    np.testing.assert_array_equal(load(wanted, 'cityscapes'), raw)
    np.testing.assert_array_equal(load(path, 'cityscapes'), raw)


def test_mapping_of_ones_own(tmp_path, write_png):
    path = write_png(tmp_path / 'a.png', np.uint8([[1, 200], [3, 254]]))
    assert load(path, {1: 0, 200: 18}).tolist() == [[0, 18], [255, 255]]


def test_mapping_of_ones_own_for_synthias_files(tmp_path, write_png):
    raw = np.uint16([[3, 9], [22, 300]])
    path = write_png(tmp_path / 'a.png', np.dstack([raw, raw + 700, raw]))
    loader = LoadTrainIds(ids={3: 1, 9: 0}, files='synthia')
    with pytest.raises(UserError, match='id 300'):
        loader.transform(dict(seg_map_path=path))
    raw[1, 1] = 7
    write_png(tmp_path / 'a.png', np.dstack([raw, raw + 700, raw]))
    labels = loader.transform(dict(seg_map_path=path))['gt_seg_map']
    assert labels.tolist() == [[1, 0], [255, 255]]
    with pytest.raises(UserError, match="files='SYNTHIA'.* synthia"):
        LoadTrainIds(ids={3: 1}, files='SYNTHIA')


def test_the_data_sets_choice_of_classes_is_for_named_ids(tmp_path, write_png):
    path = write_png(tmp_path / 'a.png', np.uint8([[7, 8, 11]]))  # road, sidewalk, building
    results = dict(seg_map_path=path, label_map={0: 255, 1: 0, 2: 1})
    labels = LoadTrainIds(ids='gta5').transform(dict(results))['gt_seg_map']
    assert labels.tolist() == [[255, 0, 1]]
    labels = LoadTrainIds(ids={7: 1, 8: 2}).transform(dict(results))['gt_seg_map']
    assert labels.tolist() == [[1, 2, 255]]


def test_results_name_the_field(tmp_path, write_png):
    path = write_png(tmp_path / 'a.png', np.zeros((2, 2), np.uint8))
    results = LoadTrainIds(ids='gta5').transform(dict(seg_map_path=path))
    assert results['seg_fields'] == ['gt_seg_map']  # RandomFlip and Resize go by it


@pytest.mark.parametrize('ids, bad', [('gta5', 35), ('cityscapes', 40), ('train_ids', 19)])
def test_impossible_id(tmp_path, write_png, ids, bad):
    path = write_png(tmp_path / 'a.png', np.uint8([[7, 7], [bad, 7]]))
    with pytest.raises(UserError, match=rf'/a\.png .*id {bad}, .*{ids}'):
        load(path, ids)


@pytest.mark.parametrize('bad', [23, 256, 256 + 3])  # 259 would be road if only 8 bits were read
def test_impossible_synthia_id(tmp_path, write_png, bad):
    path = write_png(tmp_path / 'a.png', np.uint16([[[bad, 0, 0]]]))
    with pytest.raises(UserError, match=rf'/a\.png .*id {bad}, .*synthia'):
        load(path, 'synthia')


def test_negative_ids(tmp_path):
    """-249 is not the road, entry -249 of the table."""
    with pytest.raises(UserError, match='id -249, .*gta5'):
        LoadTrainIds(ids='gta5').map_ids(np.int32([[7, -249]]), 'a.png')


@pytest.mark.parametrize('ids, dtype', [('gta5', np.uint8), ('synthia', np.uint16)])
def test_limit_of_pixels(tmp_path, write_png, ids, dtype):
    path = write_png(tmp_path / 'a.png', np.ones((2, 3), dtype))
    results = dict(seg_map_path=path)
    LoadTrainIds(ids=ids, max_megapixels=6e-6).transform(dict(results))
    with pytest.raises(UserError, match=r'the label .*/a\.png has 3x2 pixels.*max_megapixels'):
        LoadTrainIds(ids=ids, max_megapixels=5e-6).transform(dict(results))


@pytest.mark.parametrize('ids', ['gta5', 'synthia'])
@pytest.mark.parametrize('kept', [0, 0.7])
def test_truncated_file(tmp_path, write_png, ids, kept):
    noise = np.random.default_rng(0).integers(0, 19, (20, 30, 3), dtype=np.uint16)
    path = tmp_path / 'a.png'
    write_png(path, noise if ids == 'synthia' else noise[..., 0].astype(np.uint8))
    cut_off(path, kept)
    with pytest.raises(UserError, match=r'the label .*/a\.png is truncated'):
        load(path, ids)


def test_synthia_label_with_a_wrong_checksum(tmp_path, write_png):
    path = tmp_path / 'a.png'
    write_png(path, np.ones((20, 30), np.uint16))
    content = path.read_bytes()
    path.write_bytes(content[:-16] + bytes(4) + content[-12:])  # that of the pixels
    with pytest.raises(UserError, match=r'/a\.png is truncated'):
        load(path, 'synthia')


@pytest.mark.parametrize('bits', [2, 4])
def test_grey_of_few_bits(tmp_path, bits):
    path = tmp_path / 'a.png'
    Image.fromarray(np.uint8([[0, 1], [2, 3]])).save(path, bits=bits)
    with pytest.raises(UserError, match=f'of {bits} bits'):
        LoadTrainIds({0: 0, 1: 1}).read(str(path))
