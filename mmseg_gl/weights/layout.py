"""Convert weights of the official implementations to the names of this library and back."""

import re
from collections.abc import Callable, Collection, Container, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from mmseg_gl.errors import UserError
from mmseg_gl.weights.files import below, difference

WRAPPERS = ('module.', 'Scale.')  # prefixes of DataParallel and of the ImageNet file from Caffe
COUNTER = 'num_batches_tracked'  # of batch norms; files of torch < 0.4.1 lack it
NOTHING = r'(?!)'  # a regular expression that never matches


class Row(NamedTuple):
    """Name and shape of a tensor in this library and in the official file."""

    own: str
    own_shape: tuple[int, ...]
    official: str
    official_shape: tuple[int, ...]


@dataclass
class Layout:
    """Mapping between the tensors of an official network and those of its counterpart here.

    "Own" is the counterpart in this library. It defines which tensors must be there, so that none
    can be forgotten.

    Args:
        network: Class or function of the official network.
        build: Builds the own network.
        prefix: Prefix of the network's keys in this library's checkpoints.
        renames: Regular expressions and replacements; applied in turn to an own key without the
            prefix, they give its official name.
        unused: Regular expression of own keys that the official forward pass does not use.
        ignored: Regular expression of official names that have no counterpart here.
        options: Config options that the weights need.
        wrapper: Prefix of the official names in the file.
    """

    network: str
    build: Callable[[], nn.Module]
    prefix: str = ''
    renames: Sequence[tuple[str, str]] = ()
    unused: str = NOTHING
    ignored: str = NOTHING
    options: dict[str, object] = field(default_factory=dict)
    wrapper: str = ''

    def official(self, key: str) -> str:
        for pattern, replacement in self.renames:
            key = re.sub(pattern, replacement, key)
        return key

    @cached_property
    def module(self) -> nn.Module:
        init_default_scope('mmseg')
        with torch.device('meta'):  # names and shapes only
            return self.build()

    @cached_property
    def rows(self) -> list[Row]:
        """Tensors that both networks have."""
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
    def defaults(self) -> dict[str, Tensor]:
        """Default values, by name, of the official tensors that have no counterpart here."""
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
    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        return {row.own: row.own_shape for row in self.rows}

    @property
    def official_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = {row.official: row.official_shape for row in self.rows}
        return {**shapes, **{name: tuple(t.shape) for name, t in self.defaults.items()}}

    def own_part(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the tensors of this network from a checkpoint of it alone or of a whole model."""
        part = below(weights, self.prefix) or weights
        return {self.prefix + key: value for key, value in part.items()}

    def to_own(
        self, weights: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], list[str]]:
        """Convert the weights of an official network to own names and shapes.

        Args:
            weights: Tensors by official name, all with or all without the prefix of a wrapper.

        Returns:
            The weights by own name; those without a counterpart here, by official name; and the
            own names of the batch norm counters that the file lacks, which are set to 0.

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

    def to_official(
        self,
        weights: dict[str, Tensor],
        left: dict[str, Tensor] | None = None,
        names: Collection[str] | None = None,
    ) -> tuple[dict[str, Tensor], list[str]]:
        """Convert own weights to official names and shapes, the reverse of :meth:`to_own`.

        Args:
            weights: Tensors by own name; those of other parts of a model are skipped.
            left: Official tensors that have no counterpart here.
            names: Names in the official file, with the prefix of a wrapper.

        Returns:
            The weights by official name; and the names of those that are in neither ``weights`` nor
            ``left`` and have default values.

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

    def check(
        self,
        weights: dict[str, Tensor],
        shapes: dict[str, tuple[int, ...]],
        optional: Container[str] = (),
    ) -> None:
        """Check the names and shapes of tensors.

        Raises:
            UserError: When one is missing (unless ``optional``), unknown or of another shape.
        """
        if fault := difference(weights, shapes, optional):
            raise UserError(
                f'these are not the weights of {self.network}: {fault}; choose the KIND that the '
                'file is of, and --reverse only for files of this library'
            )


def wrapper_of(names: Collection[str]) -> str:
    """Return the prefix of the wrapper that all names start with, '' if there is none."""
    return next((w for w in WRAPPERS if all(name.startswith(w) for name in names)), '')


def unwrapped(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return below(weights, wrapper_of(weights))


def recognise(layouts: Sequence[Layout], weights: dict[str, Tensor], own: bool) -> Layout:
    """Return the layout that is closest to the names and shapes of the weights.

    Args:
        layouts: Layouts of the candidate official networks.
        weights: Tensors by name.
        own: Names are those of this library, not official ones.

    Raises:
        UserError: When several layouts fit, which is possible for own names.
    """

    def difference(layout: Layout) -> int:
        expected = layout.own_shapes if own else layout.official_shapes
        found = layout.own_part(weights) if own else unwrapped(weights)
        shapes = {(name, tuple(tensor.shape)) for name, tensor in found.items()}
        return len(shapes ^ set(expected.items()))

    differences = [difference(layout) for layout in layouts]
    if differences.count(0) > 1:
        fits = [layout.network for layout, d in zip(layouts, differences) if d == 0]
        raise UserError(
            f'the weights can be written as those of {", ".join(fits)}; choose one with --network'
        )
    return layouts[differences.index(min(differences))]
