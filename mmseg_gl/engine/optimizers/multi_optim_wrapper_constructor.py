from __future__ import annotations

import logging

from mmengine.logging import print_log
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper, OptimWrapperDict
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from mmseg_gl.engine.checkpoint import unwrapped
from mmseg_gl.engine.quiet import quiet
from mmseg_gl.errors import UserError


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class MultiOptimWrapperConstructor:
    """Optimizer wrapper constructor that builds one optimizer per child of the model.

    In a config::

        optim_wrapper = dict(
            constructor='MultiOptimWrapperConstructor',
            segmentor=dict(optimizer=dict(type='SGD', lr=2.5e-4), paramwise_cfg=dict(...)),
            heads=dict(optimizer=dict(type='Adam', lr=1e-4)),
            local_head=dict(optimizer=dict(lr=1e-3)),
        )

    Each entry is an ordinary mmengine ``optim_wrapper`` with parameter names relative to its child.
    An entry for a kind of parts (``heads``, ``source_losses``, ``target_losses``, ``views``) is for
    all parts of that kind with parameters; an entry with a part's own name changes it for that
    part.

    Args:
        optim_wrapper_cfg: ``optim_wrapper`` configs by name.
        paramwise_cfg: Always None; it belongs in the entries.

    Raises:
        UserError: When trainable parameters belong to no entry, or an entry has no parameters to
            train or asks for gradient accumulation, which the alternating updates do not support.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        if paramwise_cfg is not None:
            raise UserError(
                'optim_wrapper.paramwise_cfg: set paramwise_cfg inside the entry of the child that '
                'it is for, e.g. optim_wrapper.segmentor.paramwise_cfg'
            )
        self.entries = optim_wrapper_cfg

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        model = unwrapped(model)
        kinds = getattr(model, 'names', {})
        trained = {
            name: child
            for name, child in model.named_children()
            if any(parameter.requires_grad for parameter in child.parameters())
        }
        for name in self.entries:
            if name not in kinds and name not in trained:
                raise UserError(
                    f'optim_wrapper.{name} matches no part of the model; its trainable parts are '
                    f'{", ".join(trained)}; remove the entry or correct its name'
                )
        kind_of = {name: kind for kind, names in kinds.items() for name in names}
        wrappers = {}
        for name, child in trained.items():
            cfg = merged(self.entries.get(kind_of.get(name), {}), self.entries.get(name, {}))
            if 'optimizer' not in cfg:
                count = sum(1 for _ in child.parameters())
                raise UserError(
                    f'{name} has {count} parameter tensors but no optimizer: add '
                    f'optim_wrapper.{name}=dict(optimizer=...)'
                )
            wrappers[name] = build(name, cfg, child)
        return OptimWrapperDict(**wrappers)


def build(name: str, cfg: dict, child: nn.Module) -> OptimWrapper:
    """Build the optimizer of one child."""
    if cfg.get('accumulative_counts', 1) != 1:
        raise UserError(
            f'optim_wrapper.{name}.accumulative_counts: gradient accumulation is not supported; '
            'raise train_dataloader.batch_size instead'
        )
    paramwise_cfg = cfg.pop('paramwise_cfg', None)
    with quiet(logging.ERROR):  # mmengine logs three lines for every parameter
        wrapper = DefaultOptimWrapperConstructor(cfg, paramwise_cfg)(child)
    count = sum(p.numel() for p in child.parameters() if p.requires_grad)
    kind = type(wrapper.optimizer).__name__
    print_log(f'{kind} optimizes {name}: {count:,} parameters', logger='current')
    return wrapper


def merged(common: dict, own: dict) -> dict:
    """Merge ``own`` into a copy of ``common``; a dict with ``_delete_=True`` replaces the other."""
    own = dict(own)
    result = {} if own.pop('_delete_', False) else dict(common)
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = (
            merged(result[key] if both else {}, value) if isinstance(value, dict) else value
        )
    return result
