from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.dataset import pseudo_collate
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn

from mmseg_gl.datasets import UDADataset
from mmseg_gl.engine.checkpoint import unwrapped
from mmseg_gl.engine.hooks.random_state_hook import get_state, set_state
from mmseg_gl.errors import UserError, in_short
from mmseg_gl.models import UDASegmentor
from mmseg_gl.visualization import training_sheets


@HOOKS.register_module()
class UDAVisualizationHook(Hook):
    """Draw a sheet of training pairs after each validation: ``sheet_0``, ``sheet_1``, ...

    The pairs are always the first ones of the run; ``visualization/training_sheets.py`` says what
    is drawn. The visualizer's backends get the sheets. Training is the same with and without the
    hook, bit for bit. A sheet that cannot be drawn causes a warning, one that cannot be written an
    error.

    It does nothing for other models than :class:`UDASegmentor` and other data than
    :class:`UDADataset`.

    Args:
        num_images: Number of pairs.

    Raises:
        UserError: Unless ``num_images`` is at least 1.
    """

    priority = 'LOWEST'  # after what saves the validation's results

    def __init__(self, num_images: int = 1) -> None:
        if num_images < 1:
            raise UserError(
                f'num_images={num_images}: expected a whole number >= 1; for no sheets set '
                'default_hooks.visualization=None'
            )
        self.num_images = num_images
        self.dataset: UDADataset | None = None
        self.batches: list[dict] = []

    def before_train(self, runner: Runner) -> None:
        dataset = runner.train_dataloader.dataset
        if isinstance(dataset, UDADataset) and isinstance(unwrapped(runner.model), UDASegmentor):
            self.dataset = dataset
            self.batch_size = runner.train_dataloader.batch_size

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        if self.dataset is None:
            return
        # All processes take part, since views may average over them; the visualizer writes in one.
        try:
            sheets = self.draw(unwrapped(runner.model), runner.seed)
        except Exception as error:  # a picture is not worth a run
            self.dataset = None
            runner.logger.warning(f'There are no more sheets of training pairs: {in_short(error)}')
            return
        for number, picture in enumerate(sheets):
            runner.visualizer.add_image(f'sheet_{number}', picture, step=runner.iter)

    def draw(self, model: UDASegmentor, seed: int) -> list:
        """Draw all sheets."""
        assert self.dataset is not None
        if not self.batches:
            for first in range(0, self.num_images, self.batch_size):
                draws = range(first, first + self.batch_size)
                self.batches.append(pseudo_collate([self.dataset[seed, n] for n in draws]))
        sheets: list = []
        with preserved(model):
            for batch in self.batches:
                number = min(self.num_images - len(sheets), self.batch_size)
                sheets += training_sheets(model, batch, self.dataset.metainfo, number)
        return sheets


@contextmanager
def preserved(model: nn.Module) -> Iterator[None]:
    """Restore the random states and a model's buffers and modes at the end of a context."""
    states = get_state()
    modes = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    try:
        yield
    finally:
        with torch.no_grad():
            for module, name, buffer, before in buffers:
                buffer.copy_(before)
                setattr(module, name, buffer)
        for module, mode in modes:
            module.training = mode
        set_state(states)
