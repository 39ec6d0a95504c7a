"""ClassMix and MaskedImages, pixel by pixel."""

import pytest
import torch

from mmseg_gl.errors import UserError
from mmseg_gl.models import ClassMix, ImageBatch, MaskedImages, StrongAugmentation

SHARE = 0.25  # of the target's pixels the teacher is confident of


def batches(height=8, width=12, images=2):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 5, (images, height, width), generator=generator)
    labels[0][labels[0] == 4] = 255  # the images have different classes
    size = (images, 3, height, width)
    return dict(
        source=ImageBatch(torch.rand(size, generator=generator), labels=labels),
        target=ImageBatch(torch.rand(size, generator=generator) + 1),
    )


def teacher(batch):
    confidence = torch.full(batch.images.shape[:1] + batch.images.shape[2:], 0.5)
    confidence[:, ::2, ::2] = 0.968
    return torch.full(confidence.shape, 7), confidence


@pytest.mark.parametrize('per_image', [False, True])
def test_class_mix(per_image):
    torch.manual_seed(0)
    data = batches()
    source, target = data['source'], data['target']
    view, seen = ClassMix(per_image=per_image), set()
    for _ in range(30):
        mixed = view(data, teacher)
        assert mixed.labels.dtype == torch.int64
        for n in range(2):
            pasted = (mixed.images[n] == source.images[n]).all(dim=0)
            kept = (mixed.images[n] == target.images[n]).all(dim=0)
            assert (pasted ^ kept).all()
            classes = set(source.labels[n][pasted].tolist())
            assert not classes & set(source.labels[n][kept].tolist())  # a class is there or not
            assert torch.equal(mixed.labels[n][pasted], source.labels[n][pasted])
            assert (mixed.labels[n][kept] == 7).all()
            assert (mixed.weights[n][pasted] == 1).all()
            assert (mixed.weights[n][kept] == SHARE).all()
            seen.add((n, tuple(sorted(classes))))
            if per_image:
                occurring = len(source.labels[n].unique())
                assert len(classes) == (occurring + 1) // 2
    sizes = {len(classes) for n, classes in seen if n == 0}
    assert sizes == ({3} if per_image else {2, 3})  # 5 classes; or 6, one of which 0 does not have
    assert len(seen) > 6


def test_masked_images():
    torch.manual_seed(0)
    view, data = MaskedImages(block_size=4, ratio=0.7), batches(height=8, width=12, images=200)
    masked = view(data, teacher)
    images = data['target'].images
    hidden = (masked.images == 0).all(dim=1)
    assert torch.equal(masked.images, images.where(~hidden[:, None], torch.tensor(0.0)))
    blocks = hidden.unfold(1, 4, 4).unfold(2, 4, 4).flatten(3).float().mean(dim=3)
    assert set(blocks.unique().tolist()) == {0.0, 1.0}
    assert blocks.shape == (200, 2, 3) and abs(blocks.mean() - 0.7) < 0.05
    assert (masked.labels == 7).all() and (masked.weights == SHARE).all()


@pytest.mark.parametrize('kind', [ClassMix, MaskedImages])
@pytest.mark.parametrize('threshold, weight', [(0.968, SHARE), (None, 1.0)])
def test_where_pseudo_labels_count(kind, threshold, weight):
    """Not in the margins, nor where the target's mask says no; they count in the share."""
    data = batches()
    data['target'].trusted = torch.ones(2, 8, 12, dtype=torch.bool)
    data['target'].trusted[1, 4] = False
    made = kind(threshold=threshold, ignored_rows=(2, 1))(data, teacher)
    expected = torch.full((2, 8, 12), weight)
    expected[:, :2] = expected[:, 7:] = expected[1, 4] = 0
    assert torch.equal(
        made.weights, expected if made.pasted is None else expected.where(~made.pasted, 1.0)
    )


@pytest.mark.parametrize('kind', [ClassMix, MaskedImages])
def test_draws_differ_and_resume(kind):
    torch.manual_seed(0)
    view, twin, data = kind(), kind(), batches(height=64, width=128)
    first = view(data, teacher)
    twin.load_state_dict(view.state_dict())
    second = view(data, teacher)
    assert torch.equal(second.images, twin(data, teacher).images)
    assert any(not torch.equal(view(data, teacher).images, first.images) for _ in range(5))


def test_what_is_missing_is_said():
    with pytest.raises(UserError, match='MaskedImages .*teacher'):
        MaskedImages()(batches(), None)
    with pytest.raises(UserError, match='ignored_rows=.2, 6. .* 8 rows'):
        MaskedImages(ignored_rows=(2, 6))(batches(), teacher)
    data = dict(batches(), target=batches(height=16)['target'])
    with pytest.raises(UserError, match='2x12x8 .* 2x12x16 '):
        ClassMix()(data, teacher)


@pytest.mark.parametrize(
    'part, option, value',
    [
        (MaskedImages, 'block_size', 0),
        (MaskedImages, 'ratio', 2),
        (MaskedImages, 'threshold', 97),
        (ClassMix, 'ignored_rows', (-3, 0)),
        (StrongAugmentation, 'strength', -1),
        (StrongAugmentation, 'blur_probability', 50),
    ],
)
def test_values_out_of_range(part, option, value):
    with pytest.raises(UserError, match=f'{part.__name__}: {option}.*expected a number'):
        part(**{option: value})
