"""The official codes' weights, tensor by tensor, in this library's names and back."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from mmengine.registry import init_default_scope
from torch import nn

from mmseg_gl.errors import UserError
from mmseg_gl.weights.files import below, difference

WRAPPERS = ('module.', 'Scale.')  # DataParallel's prefix; that of the ImageNet file from Caffe
COUNTER = 'num_batches_tracked'  # of batch norms; files of torch < 0.4.1 lack it
NOTHING = r'(?!)'  # a regular expression that never matches


class Row(NamedTuple):
    """One tensor: its name and shape here, and in the official file."""

    own: str
    own_shape: tuple
    official: str
    official_shape: tuple


@dataclass
class Layout:
    """How the tensors of one official network are called, and which have no place here.

    The own network says which tensors there must be, so that none can be forgotten.

    Args:
        network (str): The official network's class or function.
        build (Callable[[], nn.Module]): Makes the own network.
        prefix (str): Of its keys in this library's checkpoints.
        renames (Sequence[tuple[str, str]]): Regular expressions and replacements; applied in turn
            they make the official name of an own key without the prefix.
        unused (str): Regular expression of own keys that the official forward pass passes over.
        ignored (str): Regular expression of official names that have no counterpart here.
        options (dict[str, object]): Config options that the weights need.
        wrapper (str): What the official names begin with in the file.
    """

    network: str
    build: Callable
    prefix: str = ''
    renames: tuple = ()
    unused: str = NOTHING
    ignored: str = NOTHING
    options: dict = field(default_factory=dict)
    wrapper: str = ''

    def official(self, key):
        for pattern, replacement in self.renames:
            key = re.sub(pattern, replacement, key)
        return key

    @cached_property
    def module(self):
        init_default_scope('mmseg')
        with torch.device('meta'):  # names and shapes only
            return self.build()

    @cached_property
    def rows(self):
        """list[Row]: The tensors that both networks have."""
        rows = []
        for key, tensor in self.module.state_dict().items():
            official, shape = self.official(key), tuple(tensor.shape)
            # The fully connected layers of VGG-16 are convolutions here.
            flat = re.match(r'classifier\.\d\.weight', official)
            official_shape = (shape[0], tensor[0].numel()) if flat else shape
            if not re.match(self.unused, key):
                rows.append(Row(self.prefix + key, shape, official, official_shape))
        return rows

    @cached_property
    def defaults(self):
        """dict[str, Tensor]: Values of the official tensors that have no place here, by name."""
        defaults = {
            self.official(key): torch.zeros(tensor.shape)
            for key, tensor in self.module.state_dict().items()
            if re.match(self.unused, key)
        }
        for name, layer in self.module.named_modules():
            if isinstance(layer, nn.InstanceNorm2d):  # here it keeps no statistics
                official = nn.InstanceNorm2d(layer.num_features, track_running_stats=True)
                for key, tensor in official.state_dict().items():
                    defaults[self.official(f'{name}.{key}')] = tensor
        return defaults

    @property
    def own_shapes(self):
        return {row.own: row.own_shape for row in self.rows}

    @property
    def official_shapes(self):
        shapes = {row.official: row.official_shape for row in self.rows}
        return {**shapes, **{name: tuple(t.shape) for name, t in self.defaults.items()}}

    def own_part(self, weights):
        """Return this network's part of a checkpoint, or all of it, if it is of a part alone."""
        part = below(weights, self.prefix) or weights
        return {self.prefix + key: value for key, value in part.items()}

    def to_own(self, weights):
        """Convert an official network's weights.

        Args:
            weights (dict[str, Tensor]): By official name, all with or all without a wrapper's
                prefix.

        Returns:
            tuple[dict[str, Tensor], dict[str, Tensor], list[str]]: The weights by own name; those
            that have no place here by official name; and the own names of counters that the file
            lacks, which are 0.

        Raises:
            UserError: When a tensor is missing, unknown or of another shape.
        """
        weights = unwrapped(weights)
        ignored = [name for name in weights if re.match(self.ignored, name)]
        lacking = {r.official for r in self.rows if r.official.endswith(COUNTER)} - set(weights)
        self.check(
            {name: value for name, value in weights.items() if name not in ignored},
            self.official_shapes,
            optional=lacking | set(self.defaults),
        )
        own = {
            row.own: weights[row.official].reshape(row.own_shape)
            if row.official in weights
            else torch.tensor(0)
            for row in self.rows
        }
        left = [name for name in weights if name in self.defaults or name in ignored]
        filled = [row.own for row in self.rows if row.official in lacking]
        return own, {name: weights[name] for name in left}, filled

    def to_official(self, weights, left=None, names=None):
        """Convert own weights, the reverse of :meth:`to_own`.

        Args:
            weights (dict[str, Tensor]): By own name; those of other parts are passed over.
            left (dict[str, Tensor] | None): The official tensors that had no place here.
            names (list[str] | None): The official file's names, with the wrapper's prefix.

        Returns:
            tuple[dict[str, Tensor], list[str]]: The weights by official name; and the names of
            those that are not in ``weights`` nor in ``left`` and have default values.

        Raises:
            UserError: When a tensor is missing, unknown or of another shape.
        """
        weights = self.own_part(weights)
        self.check(weights, self.own_shapes)
        official = {row.official: weights[row.own].reshape(row.official_shape) for row in self.rows}
        kept = {**official, **(left or {})}
        official = {**self.defaults, **kept}
        names = names or [self.wrapper + name for name in official]
        wrapper = wrapper_of(names)
        official = {name: official[name.removeprefix(wrapper)] for name in names}
        return official, [name for name in official if name.removeprefix(wrapper) not in kept]

    def check(self, weights, shapes, optional=()):
        """Refuse tensors that are missing (unless ``optional``), unknown or of another shape."""
        if fault := difference(weights, shapes, optional):
            raise UserError(
                f'these are not the weights of {self.network}: {fault}; choose the KIND that the '
                'file is of, and --reverse only for files of this library'
            )


def wrapper_of(names):
    """Return the wrapper's prefix that all the names begin with, or ''."""
    return next((w for w in WRAPPERS if all(name.startswith(w) for name in names)), '')


def unwrapped(weights):
    return below(weights, wrapper_of(weights))


def recognise(layouts, weights, own):
    """Return the layout that the names and shapes of the weights differ least from.

    Args:
        layouts (Sequence[Layout]): Of the official networks that it may be.
        weights (dict[str, Tensor]): The weights.
        own (bool): Whether their names are this library's.

    Raises:
        UserError: When several fit, which own names may.
    """

    def difference(layout):
        expected = layout.own_shapes if own else layout.official_shapes
        found = layout.own_part(weights) if own else unwrapped(weights)
        found = {(name, tuple(tensor.shape)) for name, tensor in found.items()}
        return len(found ^ set(expected.items()))

    differences = [difference(layout) for layout in layouts]
    if differences.count(0) > 1:
        fits = [layout.network for layout, d in zip(layouts, differences) if d == 0]
        raise UserError(
            f'the weights can be written as those of {", ".join(fits)}; choose one with --network'
        )
    return layouts[differences.index(min(differences))]
