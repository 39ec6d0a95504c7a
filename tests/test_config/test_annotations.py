from collections.abc import Callable, Sequence
from numbers import Number
from typing import Any, Literal

import pytest
from torch import nn

from mmseg_gl.config.annotations import accepts, in_words


@pytest.mark.parametrize(
    ('annotation', 'right', 'wrong', 'words'),
    [
        (int, [3, True], [3.0, '3', None, [3]], 'a whole number'),
        (float, [3, 0.5], ['fast', None], 'a number'),
        (str | None, ['a', None], [3, ['a']], 'a text or None'),
        (Literal['a', 'b'], ['a'], ['c'], "'a' or 'b'"),
        (Sequence[Number], [[1, 2.5], (1,)], [1, ['1'], 'ab'], 'a list of numbers'),
        (tuple[int, ...], [(1, 2)], [(1.5,)], 'a list of whole numbers'),
        (list[list[str]], [[['a'], []]], [['a']], 'a list of lists of texts'),
        (dict[str, float], [dict(a=1), dict(a=None)], [3, dict(a='1')], 'a dict of numbers'),
        (dict | list[dict], [{}, [{}]], [3, [3]], 'a dict or a list of dicts'),
        (list[nn.Module | dict] | None, [[{}]], [3, [3]], 'a list of dicts or None'),
        (nn.Module, [dict(type='A'), nn.ReLU()], [3], 'a dict'),
        (Any, [3, 'a', None, []], [], None),
        (Callable, ['a', print], [], None),
    ],
)
def test_values(annotation, right, wrong, words):
    assert all(accepts(annotation, value) for value in right)
    assert not any(accepts(annotation, value) for value in wrong)
    assert words in (None, in_words(annotation))
