"""tools/pseudo_label.py on the tiny benchmark: exact, resumable, and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmseg.datasets import CityscapesDataset
from mmseg.registry import MODELS
from PIL import Image

from mmseg_gl.config.load import load_config
from mmseg_gl.experiments.pseudo_label_folder import PseudoLabelFolder
from mmseg_gl.experiments.pseudo_labels import BINS

CONFIGS = Path(__file__).parents[2] / 'configs'
CONFIG = CONFIGS / 'adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'
SOURCE_ONLY = CONFIGS / 'source_only/source-only_deeplabv2-tiny_street-scenes.py'
TRAIN = 'cityscapes/leftImg8bit/train/proceduria'
SIZE = [f'{split}_dataloader.dataset.pipeline.1.scale=(64,32)' for split in ('val', 'test')]
CLASSES = CityscapesDataset.METAINFO['classes']


@pytest.fixture(scope='module')
def network():
    """The tiny network, not trained, with outputs of every confidence."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(load_config(CONFIG).model).eval()
    for parameter in model.segmentor.decode_head.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return model


@pytest.fixture(scope='module')
def checkpoint(network, tmp_path_factory):
    path = tmp_path_factory.mktemp('checkpoint') / 'tiny.pth'
    torch.save(dict(meta={}, state_dict=network.state_dict()), path)
    return path


@pytest.fixture
def write_labels(run, data_options, street_scenes, checkpoint, tmp_path):
    """Run the tool on the tiny benchmark, with changes."""

    def write_labels(*arguments, out='labels', data=street_scenes, weights=checkpoint, options=()):
        options = [*data_options(data), *SIZE, *options]
        out = tmp_path / out
        return run(
            'pseudo_label', CONFIG, weights, '--out', out, *arguments, '--cfg-options', *options
        )

    return write_labels


@pytest.fixture(scope='module')
def labels(run, data_options, street_scenes, checkpoint, tmp_path_factory):
    """The tool's folder on the tiny benchmark, to read only."""
    folder = tmp_path_factory.mktemp('finished') / 'labels'
    options = ['--cfg-options', *data_options(street_scenes), *SIZE]
    assert run('pseudo_label', CONFIG, checkpoint, '--out', folder, *options).code == 0
    return folder


def contents(folder):
    """The bytes of every file but the summary, and the summary's entries that are no paths."""
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    summary = json.loads(files.pop('pseudo_labels.json'))
    assert summary.pop('command').startswith('python ')
    return files, summary


def exact_predictions(network, paths):
    """Labels and confidences of all images, in float64, computed apart from the tool."""
    labels, confidence = [], []
    mean = np.float32([104.00698793, 116.66876762, 122.67891434])
    for path in paths:
        bgr = np.asarray(Image.open(path))[..., ::-1].astype(np.float32) - mean
        x = torch.from_numpy(bgr.transpose(2, 0, 1)[None].copy())
        with torch.no_grad():
            _, layer4 = network.segmentor.backbone(x)
            p = sum(branch(layer4) for branch in network.segmentor.decode_head.branches)
            assert p.shape[2:] != x.shape[2:]  # the network's own resolution is a lower one
            p = F.interpolate(p.softmax(1), x.shape[2:], mode='bilinear', align_corners=True)
        labels.append(p[0].argmax(0).numpy())
        confidence.append(p[0].max(0).values.double().numpy())
    return np.stack(labels), np.stack(confidence)


def test_labels_are_those_of_the_exact_rule(labels, network, street_scenes):
    folder = labels
    paths = sorted((street_scenes / TRAIN).iterdir())
    labels, confidence = exact_predictions(network, paths)
    thresholds = []
    for c in range(19):  # SSL.py
        x = np.sort(confidence[labels == c])
        thresholds.append(min(x[int(np.round(len(x) * 0.5))], 0.9) if len(x) else 0)
    thresholds = np.array(thresholds)
    assert 0.9 in thresholds and len(set(thresholds)) > 5
    exact = np.where(confidence < thresholds[labels], 255, labels)

    written = [Image.open(folder / path.name) for path in paths]
    assert len(list(folder.iterdir())) == len(paths) + 1
    assert {(image.mode, image.format, image.size) for image in written} == {('P', 'PNG', (64, 32))}
    ours = np.stack([np.asarray(image) for image in written])
    far = np.abs(confidence - thresholds[labels]) > 1 / BINS + 1e-6
    np.testing.assert_array_equal(ours[far], exact[far])
    assert (~far).mean() < 0.01
    assert 0.2 < (ours == 255).mean() < 0.6

    summary = json.loads((folder / 'pseudo_labels.json').read_text())
    assert summary['complete'] is True and summary['num_images'] == 6
    assert (summary['config'], summary['cap'], summary['portion']) == (str(CONFIG), 0.9, 0.5)
    assert summary['input_sizes'] == [[64, 32]] and len(summary['weights_sha256']) == 64
    for c, name in enumerate(CLASSES):
        assert summary['thresholds'][name] == pytest.approx(thresholds[c], abs=1.01 / BINS)
        predicted = (labels == c).sum()
        kept = round(100 * (ours == c).sum() / predicted, 2) if predicted else None
        assert summary['kept_percent'][name] == (kept and pytest.approx(kept, abs=0.01))


def test_table_and_colours(write_labels, tmp_path):
    table = [line.split()[0] for line in write_labels().out.splitlines()[-20:]]
    assert table == ['class', *(name.split()[0] for name in CLASSES)]
    palette = Image.open(next((tmp_path / 'labels').glob('*.png'))).getpalette()
    assert palette[:3] == [128, 64, 128] and palette[3 * 255 :] == [0, 0, 0]


@pytest.fixture
def interrupt(monkeypatch):
    """Make the call number ``count`` of a method of the folder end as Ctrl-C does."""

    def interrupt(method, count):
        original, calls = getattr(PseudoLabelFolder, method), []

        def counted(self, *arguments):
            calls.append(arguments)
            if len(calls) == count:
                raise KeyboardInterrupt
            return original(self, *arguments)

        monkeypatch.setattr(PseudoLabelFolder, method, counted)
        return calls

    return interrupt


@pytest.mark.parametrize(
    'method, count, left',
    [('write_prediction', 3, 4), ('write_label', 4, 0), ('read_prediction', 2, 0)],
)
def test_interrupted_run_goes_on(write_labels, labels, interrupt, tmp_path, method, count, left):
    interrupt(method, count)
    assert write_labels().code == 130
    folder = tmp_path / 'labels'
    assert json.loads((folder / 'pseudo_labels.json').read_text())['complete'] is False
    # What a kill in the middle of a file leaves:
    (folder / 'predictions/proceduria_000004_000019_leftImg8bit.npz.tmp').write_bytes(b'PK')
    (folder / 'proceduria_000005_000019_leftImg8bit.png.tmp').write_bytes(b'')

    calls = interrupt('write_prediction', -1)
    outcome = write_labels()
    assert outcome.code == 0, outcome.err
    assert f'{6 - left} images ' in outcome.out
    assert len(calls) == left
    assert contents(folder) == contents(labels)


def test_complete_run_is_left_alone(write_labels, labels, interrupt, tmp_path):
    shutil.copytree(labels, tmp_path / 'labels')
    before = contents(labels)
    calls = interrupt('write_label', -1)
    assert write_labels().code == 0 and not calls
    (tmp_path / 'labels/proceduria_000002_000019_leftImg8bit.png').unlink()
    assert write_labels().code == 0
    assert contents(tmp_path / 'labels') == before


def test_other_cap_and_portion(write_labels, tmp_path):
    assert write_labels('--cap', 0.5, '--portion', 0.1).code == 0
    summary = json.loads((tmp_path / 'labels/pseudo_labels.json').read_text())
    assert max(summary['thresholds'].values()) == 0.5
    assert all(kept is None or kept >= 80 for kept in summary['kept_percent'].values())


@pytest.mark.parametrize(
    'arguments, options, different',
    [
        (['--cap', 0.8], [], 'cap'),
        (['--portion', 0.4], [], 'portion'),
        ([], ['test_dataloader.dataset.pipeline.1.scale=(32,16)'], 'pipeline_sha256'),
        ([], ['model.segmentor.decode_head.dilations=[1,2,3,4]'], 'network_sha256'),
        (['other weights'], [], 'weights_sha256'),
    ],
)
def test_folder_of_another_run(
    write_labels, labels, network, tmp_path, arguments, options, different
):
    shutil.copytree(labels, tmp_path / 'labels')
    changes = {}
    if arguments == ['other weights']:
        weights = {key: torch.zeros_like(value) for key, value in network.state_dict().items()}
        arguments, changes['weights'] = [], tmp_path / 'other.pth'
        torch.save(weights, changes['weights'])
    error = write_labels(*arguments, options=options, **changes).error
    assert f'pseudo_labels.json: {different})' in error


@pytest.mark.parametrize('thresholds', [None, 3, dict(road='high')])
def test_damaged_thresholds(write_labels, labels, tmp_path, thresholds):
    path = Path(shutil.copytree(labels, tmp_path / 'labels')) / 'pseudo_labels.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), 'thresholds': thresholds}))
    assert str(path) in write_labels().error


def test_one_of_several_targets(
    run, street_scenes, own_street_scenes, checkpoint, data_options, tmp_path
):
    train = own_street_scenes / TRAIN
    for path in sorted(train.iterdir())[1:]:
        path.unlink()
    config = tmp_path / 'two.py'
    config.write_text(f"""_base_ = {str(CONFIG)!r}
target = dict(
    _base_.train_dataloader.dataset.target, data_root='{street_scenes}/cityscapes'
)
train_dataloader = dict(
    dataset=dict(
        target=[target, dict(target, data_root='{own_street_scenes}/cityscapes')],
    ),
)
""")

    def write(*arguments):
        options = [*data_options(street_scenes, target=False), *SIZE]
        out = ['--out', tmp_path / 'labels']
        return run('pseudo_label', config, checkpoint, *out, *arguments, '--cfg-options', *options)

    assert '--target N' in write().error
    assert '--target 3' in write('--target', 3).error
    assert write('--target', 2).code == 0
    files, _ = contents(tmp_path / 'labels')
    assert list(files) == [path.name for path in train.iterdir()]
    assert 'pseudo_labels.json: images_sha256' in write('--target', 1).error


@pytest.mark.parametrize('num_workers', [0, 1])  # worker processes pass their errors on
def test_broken_image(write_labels, own_street_scenes, num_workers):
    path = own_street_scenes / TRAIN / 'proceduria_000003_000019_leftImg8bit.png'
    path.write_bytes(path.read_bytes()[:100])
    options = [f'test_dataloader.num_workers={num_workers}']
    error = write_labels(data=own_street_scenes, options=options).error
    assert str(path) in error


def write_config(tmp_path, labels):
    """A config of AdaptSegNet with self-supervision."""
    path = tmp_path / 'own.py'
    path.write_text(f"""
_base_ = [{str(CONFIG)!r}, {str(CONFIGS / '_base_/uda/pseudo_labels.py')!r}]
model = dict(target_losses=_base_.target_losses)
target_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadPseudoLabels', folder={str(labels)!r}),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(target=dict(pipeline=target_pipeline)))
""")
    return path


def test_training_with_the_labels(write_labels, run, street_scenes, data_options, tmp_path):
    config = write_config(tmp_path, tmp_path / 'labels')
    options = [*data_options(street_scenes), *SIZE, 'train_cfg.max_iters=2']
    options += ['default_hooks.logger.interval=1']

    def train():
        return run('train', config, '--work-dir', tmp_path / 'work', '--cfg-options', *options)

    assert 'tools/pseudo_label.py' in train().error
    assert write_labels().code == 0
    outcome = train()
    assert outcome.code == 0, outcome.err
    records = (tmp_path / 'work').glob('*/vis_data/scalars.json')
    lines = map(json.loads, next(records).read_text().splitlines())
    first = next(line for line in lines if 'loss_seg_decode' in line)
    assert 0 < first['loss_pseudo_decode'] < 10 and first['loss_adv_global_decode'] > 0

    # The next round: the same config, whose own labels are not read.
    out = ['--out', tmp_path / 'second']
    weights = tmp_path / 'work/iter_2.pth'
    assert run('pseudo_label', config, weights, *out, '--cfg-options', *options).code == 0


def test_unfinished_labels_are_not_trained_on(
    write_labels, interrupt, run, street_scenes, data_options, tmp_path
):
    interrupt('write_label', 4)
    assert write_labels().code == 130
    config = write_config(tmp_path, tmp_path / 'labels')
    options = ['--cfg-options', *data_options(street_scenes), *SIZE]
    error = run('train', config, '--work-dir', tmp_path / 'work', *options).error
    assert f'--out {tmp_path}/labels --cfg-options' in error  # the command that goes on
    outcome = run('check_data', config, '--workers', 1, *options)
    assert outcome.code == 1 and 'PROBLEM: pseudo labels that cannot be used (1)' in outcome.out
