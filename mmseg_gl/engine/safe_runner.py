from __future__ import annotations

import logging

import torch
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmengine.utils.dl_utils import collect_env
from torch import nn

from mmseg_gl.engine.plain_values import form_of, has_form
from mmseg_gl.errors import UserError


class SafeRunner(Runner):
    """mmengine's Runner that takes nothing but data from a checkpoint, and all of it or a sentence.

    It writes no copy of the config; ``tools/train.py`` does, where none of the user's files is in
    the way.
    """

    def __init__(self, *args, **kwargs):
        """Build it; of what is logged meanwhile, the terminal gets the warnings alone."""
        super().__init__(*args, **kwargs)
        for handler, level in self.terminal.items():
            handler.setLevel(level)
        self.logger.info(
            f'Running on {get_device()} (processes: {self.world_size}), seed {self.seed}; '
            f'environment, config and hooks are in {self.logger.log_file}'
        )

    def build_logger(self, *args, **kwargs) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        handlers = [h for h in logger.handlers if not isinstance(h, logging.FileHandler)]
        self.terminal = {handler: handler.level for handler in handlers}
        for handler in handlers:
            handler.setLevel(max(handler.level, logging.WARNING))
        return logger

    def _log_env(self, env_cfg: dict) -> None:
        """Log the environment and the config."""
        facts = {**collect_env(), **env_cfg, 'seed': self.seed, 'processes': self.world_size}
        self.logger.info('\n'.join(['Environment:', *(f'{k}: {v}' for k, v in facts.items())]))
        self.logger.info(f'Config:\n{self.cfg.pretty_text}')

    def dump_config(self) -> None:
        pass

    def train(self) -> nn.Module:
        """Train, and call ``after_failure`` of the hooks that have it when there is an error."""
        try:
            return super().train()
        except Exception:
            self.call_hook('after_failure')
            raise

    def load_checkpoint(self, filename: str, *args, **kwargs) -> dict:
        """Load a checkpoint without what mmengine's ``resume`` would execute of it."""
        checkpoint = super().load_checkpoint(filename, *args, **kwargs)
        checkpoint.get('meta', {}).pop('config', None)
        if self._resume:
            for name, _ in self.optim_wrapper.items():
                if name not in checkpoint['optimizer']:
                    raise ValueError(f'the optimizer of {name} is not in it')
        return checkpoint

    def resume(self, filename: str, *args, **kwargs) -> None:
        """Go on from a checkpoint.

        Raises:
            UserError: When its state is not that of a run of this config.
        """
        schedules = form_of(scheduler_states(self.param_schedulers))
        groups = form_of(group_settings(self.optim_wrapper))
        try:
            super().resume(filename, *args, **kwargs)
            check_optimizers(self.optim_wrapper)
            if not has_form(scheduler_states(self.param_schedulers), schedules):
                raise ValueError('the schedules (param_schedulers) are not those of this config')
            if not has_form(group_settings(self.optim_wrapper), groups):
                raise ValueError('the settings of the optimizers are not those of this config')
        except UserError:
            raise
        except Exception as error:
            reason = (str(error).splitlines() or [''])[0]
            raise UserError(
                f'{filename} does not hold the whole state of a run of this config '
                f'({type(error).__name__}: {reason}); go on from another checkpoint: --resume CKPT'
            ) from error


def scheduler_states(schedulers: dict | list | None) -> dict:
    """Return the state of each parameter scheduler by its optimizer's name and its number."""
    if not isinstance(schedulers, dict):
        schedulers = {'': schedulers or []}
    return {
        f'{name}.{number}': scheduler.state_dict()
        for name, own in schedulers.items()
        for number, scheduler in enumerate(own)
    }


def group_settings(optim_wrapper) -> dict:
    """Return the settings of each optimizer's parameter groups."""
    return {
        name: [{k: v for k, v in group.items() if k != 'params'} for group in wrapper.param_groups]
        for name, wrapper in optim_wrapper.items()
    }


def check_optimizers(optim_wrapper) -> None:
    """Raise a ValueError unless the state of each parameter has the parameter's shape."""
    for name, wrapper in optim_wrapper.items():
        for parameter, state in wrapper.optimizer.state.items():
            for key, value in state.items():
                if isinstance(value, torch.Tensor) and value.dim():
                    if value.shape != parameter.shape:
                        raise ValueError(f'{key} of the optimizer {name} has another shape')
