from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_gl.engine.plain_values import check_info

WARNED = 'warned'  # key in the message hub of the last warning's iteration, by kind of warning


class MonitorHook(Hook):
    """Base class of hooks that average logged figures over many iterations and warn.

    Figures and warnings are kept in the message hub and resumed.

    Args:
        window: Number of iterations that are averaged; there is no warning before.
        pause: Iterations between two warnings of the same kind.
    """

    def __init__(self, window: int = 500, pause: int = 5_000) -> None:
        self.window, self.pause = window, pause

    def before_resume(self, runner: Runner, checkpoint: dict) -> None:
        check_info(checkpoint, {WARNED: {str: int}})

    def mean(self, runner: Runner, name: str, window: int | None = None) -> float | None:
        """Return the mean of a logged figure's last values, None while there are too few."""
        window = window or self.window
        history = runner.message_hub.get_scalar(f'train/{name}')
        return history.mean(window) if len(history.data[0]) >= window else None

    def warn(self, runner: Runner, kind: str, sentence: str) -> None:
        """Log a warning, unless the last one of its kind is less than ``pause`` iterations old."""
        warned = runner.message_hub.get_info(WARNED, {})
        if runner.iter - warned.get(kind, -self.pause) >= self.pause:
            runner.message_hub.update_info(WARNED, {**warned, kind: runner.iter})
            runner.logger.warning(f'Alignment: {sentence}.')
