"""What published files hold, and what is refused of those that come from elsewhere."""

import hashlib
import json

import pytest
import torch

import mmseg_gl
from mmseg_gl.errors import UserError
from mmseg_gl.weights.files import below, read_checkpoint

FIGURES = {'mIoU': 31.5, 'mIoU16': 33.0, 'IoU.road': 80.1}


def strings(node):
    if isinstance(node, dict):
        node = [*node, *node.values()]
    if isinstance(node, (list, tuple)):
        for entry in node:
            yield from strings(entry)
    elif isinstance(node, str):
        yield node


@pytest.fixture
def metrics(networks, run, data_options, street_scenes, tmp_path):
    """The function that tests a network; returns the path and the contents of metrics.json."""

    def metrics(name, *options):
        config, checkpoint = networks[name]
        work = ['--work-dir', tmp_path / 'tested']
        data = data_options(street_scenes, target=False)
        outcome = run('test', config, checkpoint, *work, *options, '--cfg-options', *data)
        assert outcome.code == 0, outcome.err
        return work[1] / 'metrics.json', json.loads((work[1] / 'metrics.json').read_text())

    return metrics


def test_contents(networks, metrics, run, tmp_path):
    config, checkpoint = networks['tiny']
    metrics, contents = metrics('tiny')
    contents.update(FIGURES, **{'IoU.bicycle': None}, protocol='19 outputs')
    contents = {k: v for k, v in contents.items() if k in FIGURES or 'IoU' not in k}
    metrics.write_text(json.dumps(contents))
    for _ in range(2):  # the same command again keeps the files
        outcome = run('publish', config, checkpoint, f'{tmp_path}/new/', '--metrics', metrics)
        assert outcome.code == 0, outcome.err
    (path,) = tmp_path.glob('new/*.pth')
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    assert path.name == f'{config.stem}-{digits}.pth'
    assert {p.name for p in path.parent.iterdir()} == {path.name, f'{path.stem}.py'}

    contents = torch.load(path, weights_only=True)
    weights = read_checkpoint(checkpoint)['state_dict']
    expected = below(weights, 'segmentor.')
    assert contents['state_dict'].keys() == expected.keys()
    assert all(tensor.equal(expected[k]) for k, tensor in contents['state_dict'].items())
    rest = [contents['meta'], contents['mmseg_gl']]
    words = set(strings(rest)) - {mmseg_gl.__version__, '19 outputs', *FIGURES}
    assert not any(set('./\\') & set(word) for word in words)
    assert not words & {'init_cfg', 'pretrained', 'CrossEntropyLoss'}

    model = mmseg_gl.load(path)
    assert model.classes[:2] == ('road', 'sidewalk') and model.palette.shape == (19, 3)
    assert model.figures == FIGURES
    assert model.protocol == '19 outputs'
    assert (model.about['iteration'], model.about['weights']) == (7, 'segmentor')


def test_metrics_beside_the_checkpoint(networks, metrics, run, tmp_path):
    """They are taken if they are about these weights, and nothing else."""
    config, checkpoint = networks['hrda']
    link = tmp_path / 'run/hrda.pth'
    link.parent.mkdir()
    link.symlink_to(checkpoint)

    _, of_teacher = metrics('hrda')
    _, of_other = metrics('tiny')

    def figures(contents, *options):
        (link.parent / 'metrics.json').write_text(json.dumps(contents))
        assert run('publish', config, link, tmp_path / 'new', *options).code == 0
        path = max(tmp_path.glob('new-*.pth'), key=lambda path: path.stat().st_mtime_ns)
        found = mmseg_gl.load(path).figures
        path.unlink()
        return found

    assert figures(of_teacher)['mIoU'] == of_teacher['mIoU']
    assert figures(of_teacher, '--weights', 'segmentor') == {}
    assert figures(of_other) == {}
    assert figures(dict(of_teacher, test_time=['TENT'])) == {}


def change(key, value):
    """Return a function that changes a published file at a dotted key."""

    def changed(contents):
        *parents, last = key.split('.')
        for parent in parents:
            contents = contents[parent]
        contents[last] = value

    return changed


MODEL = 'mmseg_gl.model'
EVIL = {
    'function': change(f'{MODEL}.backbone.type', 'os.system'),
    'module': change(f'{MODEL}.backbone.type', 'subprocess'),
    'class by its path': change(f'{MODEL}.type', 'mmseg.models.segmentors.EncoderDecoder'),
    'another package': change(f'{MODEL}.backbone._scope_', 'evil'),
    'type of the wrong kind': change(f'{MODEL}.backbone.type', ['ResNet']),
    'no segmentor': change(MODEL, dict(type='CycleGAN')),
    'part that loads weights': change(f'{MODEL}.backbone.init_cfg', dict(type='Pretrained')),
    'part that downloads': change(f'{MODEL}.backbone.pretrained', True),
    'loss that unpickles': change(
        f'{MODEL}.decode_head.loss_decode', [dict(type='CrossEntropyLoss', class_weight='evil.pkl')]
    ),
    'address': change(f'{MODEL}.backbone.style', 'http://evil'),
    'step': change(
        'mmseg_gl.test_pipeline', [dict(type='LoadImage'), dict(type='LoadAnnotations')]
    ),
    'option of a step': change(
        'mmseg_gl.test_pipeline',
        [dict(type='LoadImageFromFile', backend_args={}), dict(type='PackSegInputs')],
    ),
    'no steps': change('mmseg_gl.test_pipeline', []),
    'colours': change('meta.dataset_meta.palette', [[0, 0, 300]] * 19),
    'classes': change('meta.dataset_meta', dict(classes=['a'], palette=[[0, 0, 0]])),
    'weights': change('state_dict', {}),
    'kinds': change('mmseg_gl.figures', [1]),
    'options': change(f'{MODEL}.backbone.depth', 11),
}


@pytest.mark.parametrize('what', EVIL)
def test_files_that_are_refused(publish, what):
    path = publish('tiny', change=EVIL[what])
    with pytest.raises(UserError, match=path.name):
        mmseg_gl.load(path)


def test_a_run_starts_from_a_published_file(
    networks, publish, run, street_scenes, data_options, tmp_path
):
    config, _ = networks['tiny']
    path = publish('tiny')
    options = [*data_options(street_scenes), 'train_cfg.max_iters=1', f'load_from={path}']
    options += ['optim_wrapper.segmentor.optimizer.lr=0']
    work = ['--work-dir', tmp_path / 'work', '--cfg-options', *options]
    outcome = run('train', config, *work)
    assert outcome.code == 0, outcome.err
    trained = read_checkpoint(tmp_path / 'work/iter_1.pth')['state_dict']
    start = read_checkpoint(path)['state_dict']
    assert all(tensor.equal(start[k]) for k, tensor in below(trained, 'segmentor.').items())
