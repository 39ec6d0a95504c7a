"""Convert weights of the official implementations to the names of this library and back."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import torch
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from mmseg_gl.errors import UserError
from mmseg_gl.weights.files import below, difference

WRAPPERS = ('module.', 'Scale.')  # prefixes of DataParallel and of the ImageNet file from Caffe
COUNTER = 'num_batches_tracked'  # of batch norms; files of torch < 0.4.1 lack it
SEED = 'seed'  # of random draws; only this library has them
NOTHING = r'(?!)'  # a regular expression that never matches


class Row(NamedTuple):
    """Name and shape of a tensor in this library and of what it is in the official file.

    Attributes:
        own, own_shape: In this library.
        official: Shapes by name of the official tensors that make it up, stacked along the first
            axis; mostly one, none for a tensor that only this library has.
    """

    own: str
    own_shape: tuple[int, ...]
    official: dict[str, tuple[int, ...]]


@dataclass
class Layout:
    """Mapping between the tensors of an official network and those of its counterpart here.

    "Own" is the counterpart in this library. It defines which tensors must be there, so that none
    can be forgotten.

    Args:
        network: Class or function of the official network.
        build: Builds the own network.
        prefix: Prefix of the network's keys in this library's checkpoints.
        copies: Official prefix by own prefix, for files that may hold several networks of this
            kind; by default one without an official prefix.
        renames: Regular expressions and replacements; applied in turn to an own key without the
            prefix, they give its official name.
        matrices: Regular expression of official names of fully connected layers, which are
            convolutions here.
        stacked: For parts of official names: the parts that official files have instead of each,
            and how many of the tensor's rows they have in proportion.
        unused: Regular expression of own keys that the official forward pass does not use.
        ignored: Regular expression of official names that have no counterpart here.
        options: Config options that the weights need.
        wrapper: Prefix of the official names in the file.
    """

    network: str
    build: Callable[[], nn.Module]
    prefix: str = ''
    copies: Mapping[str, str] = field(default_factory=dict)
    renames: Sequence[tuple[str, str]] = ()
    matrices: str = NOTHING
    stacked: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    unused: str = NOTHING
    ignored: str = NOTHING
    options: dict[str, object] = field(default_factory=dict)
    wrapper: str = ''

    def __post_init__(self) -> None:
        self.copies = self.copies or {self.prefix: ''}

    def official(self, key: str) -> str:
        for pattern, replacement in self.renames:
            key = re.sub(pattern, replacement, key)
        return key

    def official_parts(self, key: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Return the shapes by name of the official tensors that make up one of the network."""
        if key.split('.')[-1] == SEED:
            return {}
        name = self.official(key)
        if re.search(self.matrices, name):
            shape = (shape[0], math.prod(shape[1:]))
        for part, shares in self.stacked.items():
            if part in name:
                unit = shape[0] // sum(shares.values())
                return {
                    name.replace(part, other): (share * unit, *shape[1:])
                    for other, share in shares.items()
                }
        return {name: shape}

    @cached_property
    def module(self) -> nn.Module:
        init_default_scope('mmseg')
        with torch.device('meta'):  # names and shapes only
            return self.build()

    def all_rows(self) -> list[Row]:
        """Return the tensors of all copies of the own network."""
        return [
            Row(own + key, shape, {official + name: s for name, s in parts.items()})
            for own, official in self.copies.items()
            for key, tensor in self.module.state_dict().items()
            for shape in [tuple(tensor.shape)]
            for parts in [self.official_parts(key, shape)]
        ]

    @cached_property
    def rows(self) -> list[Row]:
        """Tensors that the own networks have and the official ones use."""
        return [row for row in self.all_rows() if not re.match(self.unused, row.own)]

    @cached_property
    def defaults(self) -> dict[str, Tensor]:
        """Default values, by name, of the official tensors that have no counterpart here."""
        unused = (row for row in self.all_rows() if re.match(self.unused, row.own))
        shapes = {name: shape for row in unused for name, shape in row.official.items()}
        defaults = {name: torch.zeros(shape) for name, shape in shapes.items()}
        for name, layer in self.module.named_modules():
            if isinstance(layer, nn.InstanceNorm2d):  # here it keeps no statistics
                official = nn.InstanceNorm2d(layer.num_features, track_running_stats=True)
                for key, tensor in official.state_dict().items():
                    defaults[self.official(f'{name}.{key}')] = tensor
        return defaults

    def present(self, weights: Collection[str], own: bool) -> Layout:
        """Return the layout of those copies that a file has; of the first if it has none.

        Args:
            weights: Names in the file.
            own: They are those of this library, not official ones.
        """
        found = [
            copy
            for copy in self.copies.items()
            if any(name.startswith(copy[0 if own else 1]) for name in weights)
        ]
        copies = dict(found or list(self.copies.items())[:1])
        if copies == self.copies:
            return self
        return replace(self, copies=copies, build=lambda: self.module)

    @property
    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        return {row.own: row.own_shape for row in self.rows}

    @property
    def official_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = {name: shape for row in self.rows for name, shape in row.official.items()}
        return {**shapes, **{name: tuple(t.shape) for name, t in self.defaults.items()}}

    def own_part(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the tensors of this layout from a checkpoint of one network or a whole model."""
        part = {k: v for k, v in weights.items() if k.startswith(tuple(self.copies))}
        first_copy = next(iter(self.copies))
        return part or {first_copy + key: value for key, value in weights.items()}

    def to_own(
        self, weights: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], list[str]]:
        """Convert the weights of an official network to own names and shapes.

        Args:
            weights: Tensors by official name, all with or all without the prefix of a wrapper.

        Returns:
            The weights by own name; those without a counterpart here, by official name; and the
            own names of the batch norm counters and random seeds that the file lacks, which are
            set to 0.

        Raises:
            UserError: When a tensor is missing, unknown or of another shape.
        """
        weights = unwrapped(weights)
        ignored = [name for name in weights if re.match(self.ignored, name)]
        lacking = {name for name in self.official_shapes if name.endswith(COUNTER)} - set(weights)
        self.check(
            {name: value for name, value in weights.items() if name not in ignored},
            self.official_shapes,
            optional=lacking | set(self.defaults),
        )
        own: dict[str, Tensor] = {}
        filled = []
        for row in self.rows:
            parts = [weights[name] for name in row.official if name in weights]
            if parts:
                own[row.own] = (torch.cat(parts) if parts[1:] else parts[0]).reshape(row.own_shape)
            else:
                own[row.own] = torch.tensor(0)
                filled.append(row.own)
        left = [name for name in weights if name in self.defaults or name in ignored]
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
        official = {}
        for row in self.rows:
            parts: Sequence[Tensor] = [weights[row.own]]
            if len(row.official) > 1:
                parts = parts[0].split([shape[0] for shape in row.official.values()])
            for part, (name, shape) in zip(parts, row.official.items()):
                official[name] = part.reshape(shape)
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
                f'these are not the weights of {self.network}: {fault}; choose the KIND of the '
                'file, and use --reverse only for files of this library (--help lists the '
                'networks that can be converted)'
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

    layouts = [layout.present(weights if own else unwrapped(weights), own) for layout in layouts]

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
