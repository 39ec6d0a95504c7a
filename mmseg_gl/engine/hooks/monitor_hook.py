from __future__ import annotations

from mmengine.hooks import Hook

from mmseg_gl.engine.plain_values import check_info

WARNED = 'warned'  # in the message hub: kind of warning -> iteration of the last one


class MonitorHook(Hook):
    """Base of the hooks that judge logged figures over many iterations, and warn.

    Figures and warnings are kept in the message hub and resume.

    Args:
        window: Number of iterations that are averaged; nothing is judged earlier.
        pause: Iterations between two warnings of the same kind.
    """

    def __init__(self, window: int = 500, pause: int = 5_000):
        self.window, self.pause = window, pause

    def before_resume(self, runner, checkpoint: dict) -> None:
        check_info(checkpoint, {WARNED: {str: int}})

    def mean(self, runner, name: str, window: int | None = None) -> float | None:
        """Return the mean of the last values of a logged figure, None while there are too few."""
        window = window or self.window
        history = runner.message_hub.get_scalar(f'train/{name}')
        return history.mean(window) if len(history.data[0]) >= window else None

    def warn(self, runner, kind: str, sentence: str) -> None:
        """Log a warning unless one of that kind is not long ago."""
        warned = runner.message_hub.get_info(WARNED, {})
        if runner.iter - warned.get(kind, -self.pause) >= self.pause:
            runner.message_hub.update_info(WARNED, {**warned, kind: runner.iter})
            runner.logger.warning(f'Alignment: {sentence}.')
