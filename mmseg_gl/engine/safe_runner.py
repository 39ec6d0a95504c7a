from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmengine.utils.dl_utils import collect_env
from torch import nn

from mmseg_gl.engine.checkpoint import is_segmentor_alone
from mmseg_gl.engine.plain_values import form_of, has_form
from mmseg_gl.engine.quiet import is_about_the_run
from mmseg_gl.engine.resumption import SETTINGS, settings_of
from mmseg_gl.engine.run_state import check_optimizers, group_settings, scheduler_states
from mmseg_gl.engine.whole_file_backend import WHOLE_FILES
from mmseg_gl.errors import UserError, in_short
from mmseg_gl.weights.files import read_checkpoint, tensors_of

# Methods of the runner that read a part of the config, and the name of that part.
PARTS = {
    '__init__': 'parts together',
    'setup_env': 'env_cfg',
    'set_randomness': 'randomness',
    'build_logger': 'log_level',
    'build_log_processor': 'log_processor',
    'build_visualizer': 'visualizer',
    'build_model': 'model',
    'wrap_model': 'model_wrapper_cfg',
    'build_optim_wrapper': 'optim_wrapper',
    'build_param_scheduler': 'param_scheduler',
    'build_dataloader': 'data loaders',
    'build_evaluator': 'evaluators',
    'build_train_loop': 'train_cfg',
    'build_val_loop': 'val_cfg',
    'build_test_loop': 'test_cfg',
    'register_default_hooks': 'default_hooks',
    'register_custom_hooks': 'custom_hooks',
}


class FormattedConfig(Config):
    """Config whose text is formatted once: mmengine writes it into every checkpoint."""

    @cached_property
    def pretty_text(self) -> str:
        return super().pretty_text


class SafeRunner(Runner):
    """Runner that resumes a checkpoint completely or raises an error, and executes nothing in it.

    It writes no copy of the config; ``tools/train.py`` does, without replacing a file of the
    user's. It calls the following methods of hooks that have them:

    - ``before_resume(runner, checkpoint)``: before the state of a checkpoint is restored; for
      checking its contents.
    - ``before_checkpoint(runner)``, in all processes: before the first process writes a checkpoint.
    - ``after_failure(runner)``: after training has ended with an error.
    """

    resumed_from: str | None = None  # path of the checkpoint that the run was resumed from

    def __init__(self, *args, **kwargs) -> None:
        """Build the runner; meanwhile only warnings and errors are logged to the terminal."""
        super().__init__(*args, **kwargs)
        cfg: Config = self.cfg  # type: ignore[has-type]
        self.cfg = FormattedConfig(cfg._cfg_dict, filename=cfg.filename)
        for handler, level in self.terminal.items():
            handler.setLevel(level)
        self.logger.info(
            f'Running on {get_device()} (processes: {self.world_size}), seed {self.seed}; '
            f'environment, config and hooks are in {self.logger.log_file}'
        )

    def build_logger(self, *args, **kwargs) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        logger.addFilter(is_about_the_run)
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

    def register_default_hooks(self, hooks: dict[str, Hook | dict | None] | None = None) -> None:
        """Register the default hooks; None in the place of any of them leaves it out."""
        hooks = {name: Hook() if hook is None else hook for name, hook in (hooks or {}).items()}
        super().register_default_hooks(hooks)

    def dump_config(self) -> None:
        pass

    def train(self) -> nn.Module:
        """Train the model; call ``after_failure`` of the hooks when that fails."""
        try:
            return super().train()
        except Exception:
            self.call_hook('after_failure')
            raise

    def load_checkpoint(self, filename: str, *args, **kwargs) -> dict:
        """Load a checkpoint without its config, which mmengine's ``resume`` would execute.

        The weights of a segmentor alone are loaded into the segmentor of a model that has one.
        """
        if not self.resumed_from and is_segmentor_alone(tensors_of(read_checkpoint(filename))):
            kwargs['revise_keys'] = [('^', 'segmentor.')]
        checkpoint = super().load_checkpoint(filename, *args, **kwargs)
        checkpoint.get('meta', {}).pop('config', None)
        if self.resumed_from:
            for name, _ in self.optim_wrapper.items():
                if name not in checkpoint['optimizer']:
                    raise ValueError(f'the optimizer of {name} is not in it')
            self.call_hook('before_resume', checkpoint=checkpoint)
        return checkpoint

    def resume(self, filename: str, *args, **kwargs) -> None:
        """Resume the run from a checkpoint.

        Raises:
            UserError: When its state is not that of a run of this config.
        """
        self.resumed_from = filename
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
            raise UserError(
                f'{filename} does not hold the complete state of a run of this config '
                f'({in_short(error)}); resume from another checkpoint: --resume CKPT'
            ) from error

    def save_run(self, name: str, step: int, extra: bool = False, **options) -> None:
        """Write a checkpoint into the work dir, atomically; all processes must call this.

        It holds the settings of the run, which :func:`check_resumption` compares.

        Args:
            name: File name.
            step: Number of iterations done.
            extra: Mark it as a checkpoint in addition to the regular ones.
            **options: Options of ``save_checkpoint``.
        """
        self.call_hook('before_checkpoint')
        self.save_checkpoint(
            self.work_dir,
            name,
            meta={
                **dict(epoch=self.epoch, iter=step, extra=extra),
                SETTINGS: settings_of(self.cfg),
            },
            by_epoch=False,
            backend_args=WHOLE_FILES,
            **options,
        )


def describing(method: Callable, part: str) -> Callable:
    """Wrap a method of the runner so that its errors become a UserError naming the config part."""

    @wraps(method)
    def described(*args, **kwargs) -> Any:
        try:
            return method(*args, **kwargs)
        except (UserError, OSError):  # the latter name the file
            raise
        except Exception as error:
            raise UserError(f"the config's {part} cannot be used ({in_short(error)})") from error

    return described


for name, part in PARTS.items():
    described = describing(getattr(SafeRunner, name), part)
    is_static = isinstance(inspect.getattr_static(Runner, name), staticmethod)
    setattr(SafeRunner, name, staticmethod(described) if is_static else described)
