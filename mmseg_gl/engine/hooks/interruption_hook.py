from __future__ import annotations

import signal
from collections.abc import Sequence

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_gl.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook
from mmseg_gl.engine.interruption import Interruption
from mmseg_gl.engine.safe_runner import SafeRunner
from mmseg_gl.errors import Interrupted, UserError


@HOOKS.register_module()
class InterruptionHook(Hook):
    """Save the run before it ends: on SIGINT and SIGTERM, and after errors.

    On a signal the iteration is finished and saved; a validation is aborted. When training fails
    between two iterations (a data worker is gone, an image is broken), the last iteration is saved.
    Nothing is saved when it fails within an iteration, or in one of several processes.

    Raises:
        UserError: Without a :class:`SafeCheckpointHook`, which writes the checkpoint.
        Interrupted: On a signal.
    """

    priority = 'LOWEST'  # after the hooks that save

    def __init__(self) -> None:
        self.interruption = Interruption()
        self.finished: int | None = None  # iterations done, None during an iteration

    def before_train(self, runner: SafeRunner) -> None:
        savers = [hook for hook in runner.hooks if isinstance(hook, SafeCheckpointHook)]
        if not savers:
            raise UserError(
                'default_hooks.interruption needs default_hooks.checkpoint.type='
                'SafeCheckpointHook; for other checkpoints set default_hooks.interruption=None'
            )
        self.saver = savers[0]
        self.interruption.listen()
        self.finished = runner.iter

    def before_train_iter(
        self, runner: SafeRunner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        self.finished = None
        self.interruption.outlive_workers()  # which are there now, with the first batch

    def after_train_iter(
        self,
        runner: SafeRunner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        if self.interruption.is_requested():
            self.leave(runner, runner.iter + 1)
        self.finished = runner.iter + 1  # unless a hook after this one fails

    def after_val_iter(
        self,
        runner: SafeRunner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence | None = None,
    ) -> None:
        # Several processes may have different numbers of batches; they check after the validation.
        if get_world_size() == 1 and self.interruption.is_requested():
            self.leave(runner, runner.iter)

    def after_val_epoch(self, runner: SafeRunner, metrics: dict[str, float] | None = None) -> None:
        if self.interruption.is_requested():
            self.leave(runner, runner.iter)

    def after_failure(self, runner: SafeRunner) -> None:
        if self.finished is None or self.finished != runner.iter or get_world_size() > 1:
            return
        self.finished = None
        if self.interruption.is_requested():  # which may have ended the data workers, too
            self.leave(runner, runner.iter)
        self.saver.save_extra(runner, runner.iter)
        if runner.iter:
            runner.logger.info(
                f'Iteration {runner.iter} is saved in {self.saver.newest}; continue with the '
                'same command and --resume'
            )

    def leave(self, runner: SafeRunner, step: int) -> None:
        """Save the iteration unless that is done, and end training.

        Raises:
            Interrupted: Always.
        """
        self.saver.save_extra(runner, step)
        number = signal.Signals(self.interruption.signal)
        where = f'it is saved in {self.saver.newest}; ' if step else ''
        raise Interrupted(
            number,
            f'{number.name}: training stopped after iteration {step}; {where}'
            'continue with the same command and --resume',
        )
