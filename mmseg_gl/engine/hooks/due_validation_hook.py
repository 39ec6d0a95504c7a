from __future__ import annotations

from bisect import bisect

from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_gl.engine.plain_values import check_info

STATE = 'last_validation'  # in the message hub: the iteration after which it was made


@HOOKS.register_module()
class DueValidationHook(Hook):
    """Begin a resumed run with the validation that it was stopped before, or in.

    So it knows the same best score, and has the same history, as a run that was never stopped.
    """

    def before_resume(self, runner, checkpoint: dict) -> None:
        check_info(checkpoint, {STATE: int})

    def before_train_epoch(self, runner):  # once in a run, when all hooks are ready
        hub = runner.message_hub
        if runner.iter and is_due(runner) and hub.get_info(STATE) != runner.iter:
            hub.update_info('iter', runner.iter - 1)  # what it is at the end of an iteration
            runner.val_loop.run()

    def after_val_epoch(self, runner, metrics=None):
        runner.message_hub.update_info(STATE, runner.iter)


def is_due(runner) -> bool:
    """Return whether the iteration that is done ends with a validation (IterBasedTrainLoop)."""
    loop = runner.train_loop
    phase = bisect(loop.dynamic_milestones, runner.iter + 1) - 1
    return (
        runner.val_loop is not None
        and runner.iter >= loop.val_begin
        and (runner.iter % loop.dynamic_intervals[phase] == 0 or runner.iter == loop.max_iters)
    )
