"""Describe in one sentence which part of a config failed to build."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from mmseg_gl.config.arguments import REGISTRIES
from mmseg_gl.errors import UserError, in_short


@contextmanager
def described_builds() -> Iterator[None]:
    """Make every registry raise a UserError that names a part it cannot build and its options."""
    before = [(registry, registry.build_func) for registry in REGISTRIES]
    for registry, build in before:
        registry.build_func = partial(build_described, build)
    try:
        yield
    finally:
        for registry, build in before:
            registry.build_func = build


def build_described(build: Callable, cfg: object, *args, **kwargs) -> object:
    """Build a part of a config.

    Args:
        build: Build function of the registry.
        cfg: Config of the part; it need not be a dict.

    Raises:
        UserError: For any error except an OSError, which names its file.
    """
    try:
        return build(cfg, *args, **kwargs)
    except (UserError, OSError):
        raise
    except Exception as error:
        cfg = cfg if isinstance(cfg, dict) else {}
        given = ', '.join(
            f'{key}={value!r}'
            for key, value in cfg.items()
            if key != 'type' and isinstance(value, (str, int, float, list, tuple, type(None)))
        )
        kind = cfg.get('type', 'part')
        raise UserError(
            f"the config's {getattr(kind, '__name__', kind)} cannot be built ({in_short(error)}); "
            f'check its options: {given or "none"}'
        ) from error
