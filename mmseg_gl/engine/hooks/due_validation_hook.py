from __future__ import annotations

from bisect import bisect

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_gl.engine.plain_values import check_info

STATE = 'last_validation'  # key in the message hub of its iteration


@HOOKS.register_module()
class DueValidationHook(Hook):
    """Start a resumed run with the validation that was due or running when it was stopped.

    The resumed run then has the same best score and history as one that was never stopped.
    """

    def before_resume(self, runner: Runner, checkpoint: dict) -> None:
        check_info(checkpoint, {STATE: int})

    def before_train_epoch(self, runner: Runner) -> None:  # once per run, with all hooks ready
        hub = runner.message_hub
        if runner.iter and is_due(runner) and hub.get_info(STATE) != runner.iter:
            hub.update_info('iter', runner.iter - 1)  # its value at the end of an iteration
            runner.val_loop.run()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        runner.message_hub.update_info(STATE, runner.iter)


def is_due(runner: Runner) -> bool:
    """Return True if the last iteration ends with a validation (IterBasedTrainLoop)."""
    loop = runner.train_loop
    phase = bisect(loop.dynamic_milestones, runner.iter + 1) - 1
    return (
        runner.val_loop is not None
        and runner.iter >= loop.val_begin
        and (runner.iter % loop.dynamic_intervals[phase] == 0 or runner.iter == loop.max_iters)
    )
