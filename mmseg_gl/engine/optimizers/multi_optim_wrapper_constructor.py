import logging
from contextlib import contextmanager

from mmengine.logging import MMLogger, print_log
from mmengine.model import is_model_wrapper
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapperDict
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS

from mmseg_gl.errors import UserError


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class MultiOptimWrapperConstructor:
    """Build one optimizer per child of the model.

    In a config::

        optim_wrapper = dict(
            constructor='MultiOptimWrapperConstructor',
            segmentor=dict(optimizer=dict(type='SGD', lr=2.5e-4), paramwise_cfg=dict(...)),
            global_head=dict(optimizer=dict(type='Adam', lr=1e-4)),
        )

    Each entry is an ordinary mmengine ``optim_wrapper`` with parameter names relative to its child.
    An entry for a child that this model does not have (a head that is None) is passed over, so that
    one schedule file serves every method.

    Args:
        optim_wrapper_cfg (dict): Child name -> ``optim_wrapper`` config.
        paramwise_cfg (None): Belongs into the entries; refused here.

    Raises:
        UserError: When trainable parameters belong to no entry, or an entry wants gradient
            accumulation (the alternating updates do not support it).
    """

    def __init__(self, optim_wrapper_cfg, paramwise_cfg=None):
        if paramwise_cfg is not None:
            raise UserError(
                'optim_wrapper.paramwise_cfg: set paramwise_cfg inside the entry of the child that '
                'it is for, e.g. optim_wrapper.segmentor.paramwise_cfg'
            )
        self.entries = optim_wrapper_cfg

    def __call__(self, model):
        if is_model_wrapper(model):
            model = model.module
        wrappers = {}
        for name, cfg in self.entries.items():
            child = getattr(model, name, None)
            if child is None:
                continue
            cfg = cfg.copy()
            if cfg.get('accumulative_counts', 1) != 1:
                raise UserError(
                    f'optim_wrapper.{name}.accumulative_counts: gradient accumulation is not '
                    'supported; raise train_dataloader.batch_size instead'
                )
            paramwise_cfg = cfg.pop('paramwise_cfg', None)
            with quiet():
                wrappers[name] = DefaultOptimWrapperConstructor(cfg, paramwise_cfg)(child)
            count = sum(p.numel() for p in child.parameters() if p.requires_grad)
            optimizer = type(wrappers[name].optimizer).__name__
            print_log(f'{optimizer} optimizes {name}: {count:,} parameters', logger='current')
        orphans = [
            name
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and name.split('.')[0] not in wrappers
        ]
        if orphans:
            child = orphans[0].split('.')[0]
            raise UserError(
                f'{len(orphans)} trainable parameters belong to no optimizer '
                f'(first: {orphans[0]}): add optim_wrapper.{child}'
            )
        return OptimWrapperDict(**wrappers)


@contextmanager
def quiet():
    """Keep mmengine from logging three lines for every parameter."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
