"""Wrong arguments of classes that are used without a config: one sentence, too."""

import numpy as np
import pytest

from mmseg_gl.datasets.weighted_draws import share_out
from mmseg_gl.errors import UserError, check_channels, check_loss_weights


@pytest.mark.parametrize('channels', [8, '88', None, (), (8, 0), (8, 2.5), (8, '16')])
def test_channels(channels):
    with pytest.raises(UserError, match='^channels='):
        check_channels(channels)


@pytest.mark.parametrize(
    'weights', [0.1, [0.1], 'decode', dict(decode='0.1'), dict(decode=None), dict(decode=-1)]
)
def test_loss_weights(weights):
    with pytest.raises(UserError, match='^loss_weights'):
        check_loss_weights(weights)


@pytest.mark.parametrize('weights', [1, '11', [1, None], ['1', '2'], dict(a=1, b=2), [1, 0], [1]])
def test_sampling_weights(weights):
    with pytest.raises(UserError, match='^source_weights='):
        share_out('source_weights', weights, 2)


def test_numbers_of_numpy_are_numbers():
    assert check_channels(np.array([8, 16])) == (8, 16)
    assert check_loss_weights(dict(decode=np.float32(0.5))) == dict(decode=0.5)
    assert share_out('source_weights', np.array([1, 3]), 2) == (250, 750)
