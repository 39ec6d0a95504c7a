from __future__ import annotations

import signal

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_gl.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook
from mmseg_gl.engine.interruption import Interruption
from mmseg_gl.errors import Interrupted, UserError


@HOOKS.register_module()
class InterruptionHook(Hook):
    """Save the run before it ends: on SIGINT and SIGTERM, and after errors.

    On a signal the iteration is finished and saved; a validation is left where it is. When training
    fails between two iterations (a data worker is gone, an image is broken), the last one is saved;
    in the midst of one there is nothing to save, and several processes cannot save when one fails.

    Raises:
        UserError: Without a :class:`SafeCheckpointHook`, which does the saving.
        Interrupted: On a signal.
    """

    priority = 'LOWEST'  # after what saves

    def __init__(self):
        self.interruption = Interruption()
        self.finished = None  # iterations done, while none is going on

    def before_train(self, runner):
        savers = [hook for hook in runner.hooks if isinstance(hook, SafeCheckpointHook)]
        if not savers:
            raise UserError(
                'default_hooks.interruption needs default_hooks.checkpoint.type='
                'SafeCheckpointHook; for other checkpoints set default_hooks.interruption=None'
            )
        self.saver = savers[0]
        self.interruption.listen()
        self.finished = runner.iter

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.finished = None

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if self.interruption.is_requested():
            self.leave(runner, runner.iter + 1)
        self.finished = runner.iter + 1  # unless a hook after this one fails

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        # Several processes need not have equally many batches; they ask after the validation.
        if get_world_size() == 1 and self.interruption.is_requested():
            self.leave(runner, runner.iter)

    def after_val_epoch(self, runner, metrics=None):
        if self.interruption.is_requested():
            self.leave(runner, runner.iter)

    def after_failure(self, runner) -> None:
        if self.finished is None or self.finished != runner.iter or get_world_size() > 1:
            return
        self.finished = None
        if self.interruption.is_requested():  # the signal may have ended the data workers, too
            self.leave(runner, runner.iter)
        self.saver.save_extra(runner, runner.iter)
        if runner.iter:
            runner.logger.info(
                f'Iteration {runner.iter} is saved in {self.saver.newest}; go on with the same '
                'command and --resume'
            )

    def leave(self, runner, step: int) -> None:
        """Save unless that is done, and end training.

        Raises:
            Interrupted: Always.
        """
        self.saver.save_extra(runner, step)
        number = self.interruption.signal
        where = f'it is saved in {self.saver.newest}; ' if step else ''
        raise Interrupted(
            number,
            f'{signal.Signals(number).name}: training has stopped after iteration {step}; {where}'
            'go on with the same command and --resume',
        )
