"""Look up the dotted keys of ``--cfg-options`` in a config."""

from typing import Any

from mmengine.config import Config, ConfigDict

from mmseg_gl.config.arguments import TOP_LEVEL
from mmseg_gl.errors import UserError, closest
from mmseg_gl.models import UDASegmentor


def check_option(cfg: Config, key: str) -> None:
    """Refuse an option for a key that the config lacks; a dict with ``type`` may get new ones."""
    node, parts = cfg._cfg_dict, key.split('.')
    for depth, part in enumerate(parts):
        where = '.'.join(parts[:depth]) or 'the config'
        if isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node):
                raise UserError(f'--cfg-options {key}: {where} is a list of {len(node)}')
            node = node[int(part)]
        elif isinstance(node, dict):
            last = depth == len(parts) - 1
            known = {*node, *(TOP_LEVEL if depth == 0 else ())}
            if where == 'optim_wrapper':  # an entry for a single part is optional
                known |= part_names(cfg)
            if part not in known and not (last and 'type' in node):
                match = closest(part, known)
                if match or not last or depth == 0:
                    raise UserError(
                        f'--cfg-options {key}: {where} has no key "{part}"'
                        + (
                            f'; did you mean "{match}"?'
                            if match
                            else f' ({", ".join(sorted(node))})'
                        )
                    )
            node = node.get(part, ConfigDict())
        elif node is None:
            node = ConfigDict()
        else:
            raise UserError(f'--cfg-options {key}: {where} is {node!r}, not a dict')


def part_names(cfg: Config) -> set[str]:
    """Return the names of the parts of a config's model."""
    return {
        name for kind in UDASegmentor.KINDS for name in (cfg.get('model') or {}).get(kind) or ()
    }


def find(cfg: Any, key: str) -> Any:
    """Return the value at a dotted key, None if there is none; numbers index lists."""
    value = cfg
    part: str | int
    for part in key.split('.'):
        if isinstance(value, (list, tuple)):
            value = dict(enumerate(value))
            part = int(part) if part.isdigit() else part
        value = value.get(part) if hasattr(value, 'get') else None
    return value
