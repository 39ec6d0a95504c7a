"""Published files predict what tools/infer.py does, in Python and in plain mmseg."""

import numpy as np
import pytest
from mmseg.apis import MMSegInferencer, inference_model, init_model
from PIL import Image

import mmseg_gl
from mmseg_gl.errors import UserError

NAMES = ('a.jpg', 'deep/b.png')
WINDOWS = {
    'model.segmentor.test_cfg.mode': 'slide',
    'model.segmentor.test_cfg.crop_size': (64, 96),
    'model.segmentor.test_cfg.stride': (32, 64),
}
# A network, and options of its config.
CASES = {
    'tiny': ('tiny', {}),
    'segformer': ('segformer', {}),
    'of mmseg': ('aspp', {}),
    'teacher': ('hrda', {}),
    'student': ('hrda', {'model.evaluated': 'segmentor'}),
    'windows': ('hrda', WINDOWS),
    'probabilities': ('tiny', {'model.segmentor.test_cfg.upsample': 'probabilities'}),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


@pytest.fixture
def expected(case, networks, photos, run, tmp_path):
    """What tools/infer.py predicts, by the name of the image."""
    name, options = case
    config, checkpoint = networks[name]
    options = ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]
    command = [config, checkpoint, photos, '--out', tmp_path / 'out']
    outcome = run('infer', *command, *(options if len(options) > 1 else ()))
    assert outcome.code == 0, outcome.err
    labels = {
        name: np.asarray(Image.open((tmp_path / 'out/labels' / name).with_suffix('.png')))
        for name in NAMES
    }
    assert all(len(np.unique(found)) > 2 for found in labels.values())
    return labels


def test_predictions(case, expected, networks, photos, run, tmp_path):
    name, options = case
    config, checkpoint = networks[name]
    options = [f'{key}={value}' for key, value in options.items()]
    command = [config, checkpoint, tmp_path / 'published']
    outcome = run('publish', *command, *(['--cfg-options', *options] if options else []))
    assert outcome.code == 0, outcome.err
    (file,) = tmp_path.glob('published-*.pth')

    is_of_mmseg = 'mmseg_gl' not in file.with_suffix('.py').read_text()
    assert is_of_mmseg == (name == 'aspp')
    model = mmseg_gl.load(file, device='cpu')
    found = model.predict(photos)
    assert [prediction.path for prediction in found] == [str(photos / n) for n in NAMES]
    plain = init_model(str(file.with_suffix('.py')), str(file), device='cpu')
    assert plain.dataset_meta['classes'] == list(model.classes)
    for name, prediction in zip(NAMES, found):
        np.testing.assert_array_equal(prediction.labels, expected[name])
        assert prediction.probabilities is None
        result = inference_model(plain, str(photos / name))
        np.testing.assert_array_equal(result.pred_sem_seg.data[0].numpy(), expected[name])


def test_arrays_lists_probabilities_and_colours(publish, photos):
    model = mmseg_gl.load(publish('tiny'))
    path = photos / NAMES[0]
    pixels = np.asarray(Image.open(path).convert('RGB'))
    of_file, of_array = model.predict([str(path), pixels], probabilities=True)
    np.testing.assert_array_equal(of_file.labels, of_array.labels)
    assert (of_file.path, of_array.path) == (str(path), None)
    assert of_file.labels.shape == pixels.shape[:2] and of_file.labels.dtype == np.uint8
    probabilities = of_file.probabilities
    assert probabilities.shape == (19, *pixels.shape[:2])
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=0), of_file.labels)
    np.testing.assert_array_equal(of_file.colours(), model.palette[of_file.labels])


@pytest.mark.parametrize(
    'image', [np.zeros((4, 4), 'u1'), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), 'u1'), 'none.png']
)
def test_no_image(publish, image):
    with pytest.raises(UserError):
        mmseg_gl.load(publish('tiny')).predict(image)


def test_mmseg_inferencer(networks, expected_tiny, photos, run, tmp_path):
    config, checkpoint = networks['tiny']
    assert run('publish', config, checkpoint, tmp_path / 'published').code == 0
    (file,) = tmp_path.glob('published-*.pth')
    config = str(file.with_suffix('.py'))
    inferencer = MMSegInferencer(config, str(file), device='cpu', show_progress=False)
    labels = inferencer(str(photos / NAMES[0]))['predictions']
    np.testing.assert_array_equal(labels, expected_tiny)


@pytest.fixture
def expected_tiny(publish, photos):
    return mmseg_gl.load(publish('tiny')).predict(photos / NAMES[0]).labels
