"""The shipped pipelines: the papers' input sizes, PIL's own pixels, labels nearest or native."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmseg.datasets import CityscapesDataset
from mmseg.registry import DATASETS as REGISTRY
from PIL import Image

from mmseg_gl.config.load import load_config
from mmseg_gl.datasets.content_check import check_dataset
from mmseg_gl.datasets.label_ids import lookup_table

DATASETS = Path(__file__).parents[2] / 'configs' / '_base_' / 'datasets'
SOURCES = [('gta5', (191, 105), (1280, 720)), ('synthia', (128, 76), (1280, 760))]


@pytest.fixture(autouse=True)
def mmseg_scope():
    init_default_scope('mmseg')


def pil_resized(pixels, size):
    """What the official codes feed: PIL, bicubic, then BGR; (3, H, W)."""
    image = np.asarray(Image.fromarray(pixels).resize(size, Image.BICUBIC))
    return image[..., ::-1].transpose(2, 0, 1)


def random_image(size):
    return np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)


def config(name):
    return Config.fromfile(DATASETS / f'{name}_to_cityscapes.py')


@pytest.mark.parametrize('name, raw_size, size', SOURCES)
def test_source(tmp_path, write_png, name, raw_size, size):
    pixels = random_image(raw_size)
    raw = pixels[..., 0] % 23
    label = np.dstack([raw, raw, raw]).astype(np.uint16) if name == 'synthia' else raw
    results = Compose(config(name).train_dataloader.dataset.source.pipeline)(
        dict(
            img_path=write_png(tmp_path / 'image.png', pixels),
            seg_map_path=write_png(tmp_path / 'label.png', label),
            seg_fields=[],
        )
    )
    expected = Image.fromarray(lookup_table(name)[raw]).resize(size, Image.NEAREST)
    np.testing.assert_array_equal(results['inputs'].numpy(), pil_resized(pixels, size))
    labels = results['data_samples'].gt_sem_seg.data
    np.testing.assert_array_equal(labels.squeeze(0).numpy(), np.asarray(expected))


@pytest.mark.parametrize('name', ['gta5', 'synthia'])
def test_target_has_no_labels(tmp_path, write_png, name):
    pixels = random_image((204, 102))
    results = Compose(config(name).train_dataloader.dataset.target.pipeline)(
        dict(img_path=write_png(tmp_path / 'image.png', pixels), seg_fields=[])
    )
    np.testing.assert_array_equal(results['inputs'].numpy(), pil_resized(pixels, (1024, 512)))
    assert 'gt_sem_seg' not in results['data_samples']


@pytest.mark.parametrize('name', ['gta5', 'synthia'])
@pytest.mark.parametrize('split', ['val', 'test'])
def test_validation_labels_keep_their_size(tmp_path, write_png, name, split):
    pixels = random_image((204, 102))
    raw = pixels[..., 0] % 34
    results = Compose(config(name)[f'{split}_dataloader'].dataset.pipeline)(
        dict(
            img_path=write_png(tmp_path / 'image.png', pixels),
            seg_map_path=write_png(tmp_path / 'a_labelIds.png', raw),
            seg_fields=[],
        )
    )
    np.testing.assert_array_equal(results['inputs'].numpy(), pil_resized(pixels, (1024, 512)))
    labels = results['data_samples'].gt_sem_seg.data.squeeze(0).numpy()
    np.testing.assert_array_equal(labels, lookup_table('cityscapes')[raw])
    assert results['data_samples'].ori_shape == (102, 204)


# DADA's 16-class scheme, dada/dataset/synthia.py: SYNTHIA id -> class.
SYNTHIA_16 = {
    3: 0, 4: 1, 2: 2, 21: 3, 5: 4, 7: 5, 15: 6, 9: 7, 6: 8, 1: 9, 10: 10, 17: 11, 8: 12, 19: 13,
    12: 14, 11: 15,
}  # fmt: skip
# Cityscapes ids of the same classes in the same order.
CITYSCAPES_16 = [7, 8, 11, 12, 13, 17, 19, 20, 21, 23, 24, 25, 26, 28, 32, 33]


@pytest.fixture
def data_of_16_classes(tmp_path, write_png):
    """A SYNTHIA label with every id and a Cityscapes one, and the config that points to them."""
    image = random_image((30, 2))
    raw = np.arange(60, dtype=np.uint16).reshape(2, 30) % 23
    write_png(tmp_path / 'S/RGB/0.png', image)
    write_png(tmp_path / 'S/GT/LABELS/0.png', np.dstack([raw, raw, raw]))
    write_png(tmp_path / 'C/leftImg8bit/train/a/a_leftImg8bit.png', image)
    raw = np.arange(60, dtype=np.uint8).reshape(2, 30) % 34
    write_png(tmp_path / 'C/leftImg8bit/val/a/a_leftImg8bit.png', image)
    write_png(tmp_path / 'C/gtFine/val/a/a_gtFine_labelIds.png', raw)
    cfg = load_config(str(DATASETS / 'synthia_to_cityscapes_16_classes.py'), required=())
    cfg.train_dataloader.dataset.source.data_root = str(tmp_path / 'S')
    cfg.train_dataloader.dataset.source.pipeline[2].scale = (30, 2)
    cfg.train_dataloader.dataset.target.data_root = str(tmp_path / 'C')
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(tmp_path / 'C')
    return cfg


def test_16_classes(data_of_16_classes):
    cfg, names = data_of_16_classes, CityscapesDataset.METAINFO['classes']
    pairs = REGISTRY.build(cfg.train_dataloader.dataset)
    sets = [*pairs.domains.values()]
    sets += [REGISTRY.build(cfg[f'{split}_dataloader'].dataset) for split in ('val', 'test')]
    wanted = [name for name in names if name not in ('terrain', 'truck', 'train')]
    colours = dict(zip(names, CityscapesDataset.METAINFO['palette']))
    assert len(sets) == 4
    for dataset in sets:
        assert list(dataset.metainfo['classes']) == wanted
        assert dataset.metainfo['palette'] == [colours[name] for name in wanted]

    labels = pairs[0]['source']['data_samples'].gt_sem_seg.data.numpy().ravel()
    raw = np.arange(60) % 23
    assert labels.tolist() == [SYNTHIA_16.get(id, 255) for id in raw]
    assert 'gt_sem_seg' not in pairs[0]['target']['data_samples']
    for dataset in sets[2:]:
        labels = dataset[0]['data_samples'].gt_sem_seg.data.numpy().ravel()
        ids = np.arange(60) % 34
        assert labels.tolist() == [
            CITYSCAPES_16.index(id) if id in CITYSCAPES_16 else 255 for id in ids
        ]


def test_16_classes_of_label_train_ids(data_of_16_classes, tmp_path, write_png):
    folder = tmp_path / 'C/gtFine/val/a'
    (folder / 'a_gtFine_labelIds.png').unlink()
    write_png(folder / 'a_gtFine_labelTrainIds.png', np.uint8([[*range(19), *[255] * 11]] * 2))
    dataset = REGISTRY.build(data_of_16_classes.val_dataloader.dataset)
    labels = dataset[0]['data_samples'].gt_sem_seg.data.numpy()[0, 0, :20]
    assert labels.tolist() == [*range(9), 255, 9, 10, 11, 12, 255, 13, 255, 14, 15, 255]


def test_check_of_16_classes_counts_those(data_of_16_classes):
    source = data_of_16_classes.train_dataloader.dataset.source
    counts = np.bincount([SYNTHIA_16.get(id, 255) for id in np.arange(60) % 23], minlength=256)
    report = check_dataset('source', source)
    assert report.pixels.tolist() == counts.tolist()
    assert sum('bicycle ' in line for line in report.lines()) == 1


def test_half_resolution(tmp_path, write_png):
    cfg = Config.fromfile(DATASETS / 'gta5_to_cityscapes_half_resolution.py')
    pixels = random_image((204, 102))
    paths = dict(
        img_path=write_png(tmp_path / 'image.png', pixels),
        seg_map_path=write_png(tmp_path / 'a_labelIds.png', pixels[..., 0] % 34),
    )

    def packed(pipeline):
        return Compose(pipeline)(dict(paths, seg_fields=[]))

    source = packed(cfg.train_dataloader.dataset.source.pipeline)
    np.testing.assert_array_equal(source['inputs'].numpy(), pil_resized(pixels, (640, 360)))
    assert source['data_samples'].gt_sem_seg.data.shape == (1, 360, 640)
    target = packed(cfg.train_dataloader.dataset.target.pipeline)
    np.testing.assert_array_equal(target['inputs'].numpy(), pil_resized(pixels, (512, 256)))
    assert 'gt_sem_seg' not in target['data_samples']
    for split in ('val', 'test'):
        tested = packed(cfg[f'{split}_dataloader'].dataset.pipeline)
        np.testing.assert_array_equal(tested['inputs'].numpy(), pil_resized(pixels, (512, 256)))
        assert tested['data_samples'].gt_sem_seg.data.shape == (1, 102, 204)
        assert tested['data_samples'].ori_shape == (102, 204)


# Official input sizes of the self-training methods: source (raw and resized), target, crop.
SELF_TRAINING = [
    ('gta5_to_cityscapes_512x512', (1914, 1052), (1280, 704), (1024, 512), 512),
    ('gta5_to_cityscapes_512x512', (1914, 1046), (1280, 700), (1024, 512), 512),
    ('synthia_to_cityscapes_512x512', (1280, 760), (1280, 760), (1024, 512), 512),
    ('gta5_to_cityscapes_1024x1024', (1914, 1052), (2560, 1407), (2048, 1024), 1024),
    ('synthia_to_cityscapes_1024x1024', (1280, 760), (2560, 1520), (2048, 1024), 1024),
]


@pytest.mark.parametrize('name, raw_size, source_size, target_size, crop', SELF_TRAINING)
def test_self_training(name, raw_size, source_size, target_size, crop):
    """Resized by OpenCV, bilinear and nearest, then cropped and flipped."""
    cfg = load_config(str(DATASETS / f'{name}.py'), required=())
    assert cfg.train_dataloader.batch_size == 2
    domains = cfg.train_dataloader.dataset
    for domain, size, resized in (
        (domains.source, raw_size, source_size),
        (domains.target, (2048, 1024), target_size),
    ):
        image = cv2.resize(random_image((29, 17)), size, interpolation=cv2.INTER_CUBIC)
        label = image[..., 0] // 16
        steps = [step for step in domain.pipeline if not step.type.startswith('Load')]
        results = dict(img=image, img_path='a.png', seg_fields=[])
        if domain is domains.source:
            results.update(gt_seg_map=label, seg_fields=['gt_seg_map'])
        np.random.seed(0)
        packed = Compose(steps)(results)
        expected = cv2.resize(image, resized, interpolation=cv2.INTER_LINEAR)
        labels = cv2.resize(label, resized, interpolation=cv2.INTER_NEAREST)
        np.random.seed(0)
        for _ in range(11):
            y, x = (np.random.randint(0, n - crop + 1) for n in resized[::-1])
            cropped = labels[y : y + crop, x : x + crop]
            counts = np.unique(cropped, return_counts=True)[1]
            if domain is domains.target or len(counts) > 1 and counts.max() < 0.75 * crop**2:
                break
        flipped = slice(None, None, np.random.choice([-1, 1], p=[0.5, 0.5]))
        expected = expected[y : y + crop, x : x + crop][:, flipped]
        np.testing.assert_array_equal(packed['inputs'].numpy(), expected.transpose(2, 0, 1))
        sample = packed['data_samples']
        if domain is domains.source:
            np.testing.assert_array_equal(sample.gt_sem_seg.data[0], cropped[:, flipped])
        elif crop == 1024:
            inside = np.zeros((1024, 2048), np.uint8)
            inside[30:784, 30:2018] = 1
            inside = inside[y : y + crop, x : x + crop][:, flipped]
            np.testing.assert_array_equal(sample.pseudo_label_mask.data[0], inside)
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.pipeline[1].scale == target_size


def test_rare_class_sampling_of_the_configs(own_street_scenes, monkeypatch):
    monkeypatch.setenv('STREET_SCENES', str(own_street_scenes))
    shipped = load_config(str(DATASETS / 'street_scenes_rare_class_sampling.py'), required=())
    sampling = REGISTRY.build(shipped.train_dataloader.dataset).sampling
    assert (sampling.temperature, sampling.min_pixels, sampling.min_crop_pixels) == (0.01, 27, 13.5)
    large = Config.fromfile(DATASETS / 'rare_class_sampling_1024x1024.py').rare_class_sampling
    assert large.min_pixels * large.min_crop_ratio == 6000
