"""StrongAugmentation against the formulas of kornia 0.5.8, and what it draws."""

import pytest
import torch

from mmseg_gl.errors import UserError
from mmseg_gl.models import ImageBatch, StrongAugmentation
from mmseg_gl.models.normalization import Normalization
from mmseg_gl.models.views.strong_augmentation import kernel_size
from tests.references import self_training as reference


@pytest.mark.parametrize('rgb', [True, False])
def test_it_equals_straight_line_code(rgb):
    torch.manual_seed(0)
    colours = torch.rand(3, 3, 31, 44).double()
    colours[:, :, :9] = colours[:, :1, :9]  # greys
    colours[:, :, 9:12], colours[:, :, 12:15] = 0, 1
    colours[:, 0, 15:20] = colours[:, 2, 15:20]  # two maxima or minima
    images = (255 * colours - reference.MEAN) / reference.STD
    mean, std = reference.MEAN, reference.STD
    if not rgb:
        images, mean, std = images.flip(1), mean.flip(0), std.flip(0)
    view = StrongAugmentation(strength=0.4, jitter_probability=1, blur_probability=1)
    draws = view.draw(3)
    view.draw = lambda number: draws
    got = view(ImageBatch(images, normalization=Normalization(mean, std, rgb)))
    wanted = reference.augment((255 * colours - reference.MEAN) / reference.STD, draws)
    torch.testing.assert_close(got if rgb else got.flip(1), wanted, rtol=1e-10, atol=1e-12)


def test_kernel_sizes():
    assert list(map(kernel_size, (512, 1024, 128, 64, 5))) == [51, 103, 13, 7, 1]


@pytest.mark.parametrize('per_image', [True, False])
def test_draws(per_image):
    torch.manual_seed(0)
    view, twin = StrongAugmentation(strength=0.2, per_image=per_image), StrongAugmentation()
    draws = [view.draw(2) for _ in range(400)]
    jittered = [d for d in draws if d.factors is not None]
    assert 0.74 < len(jittered) / 400 < 0.86  # for the whole batch: each with probability 0.8
    assert 0.42 < sum(d.sigmas is not None for d in draws) / 400 < 0.58
    factors = torch.stack([d.factors for d in jittered]) - torch.tensor([1.0, 1, 1, 0])
    assert (factors.amax(dim=0) > 0.19).all() and (factors.amin(dim=0) < -0.19).all()
    assert factors.abs().max() <= 0.2 + 1e-6 and (factors[:, 0] != factors[:, 1]).any()
    sigmas = torch.tensor([d.sigmas for d in draws if d.sigmas is not None])
    assert 0.15 <= sigmas.min() < 0.2 and 1.1 < sigmas.max() <= 1.15
    assert len({tuple(order) for d in draws for order in d.orders}) == 24
    assert all(d.orders[0] == d.orders[1] for d in draws) != per_image
    assert bool((sigmas[:, 0] == sigmas[:, 1]).all()) != per_image
    twin.load_state_dict(view.state_dict())
    twin.per_image = per_image
    assert [view.draw(2).orders for _ in range(5)] == [twin.draw(2).orders for _ in range(5)]


def test_unknown_colours():
    with pytest.raises(UserError, match='data_preprocessor'):
        StrongAugmentation(jitter_probability=1)(ImageBatch(torch.zeros(1, 3, 9, 9)))
