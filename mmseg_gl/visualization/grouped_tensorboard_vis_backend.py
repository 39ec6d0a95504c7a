from __future__ import annotations

from typing import Any

from mmengine.visualization import TensorboardVisBackend
from mmseg.registry import VISBACKENDS

from mmseg_gl.visualization.tags import tag, tagged


@VISBACKENDS.register_module()
class GroupedTensorboardVisBackend(TensorboardVisBackend):
    """TensorBoard with scalars in groups (:mod:`mmseg_gl.visualization.tags`).

    Args:
        save_dir: Folder of the event files, the same for all starts of a run.
        purge_step: What an earlier start has logged from this iteration on is not shown.
    """

    def __init__(self, save_dir: str, purge_step: int | None = None) -> None:
        super().__init__(save_dir)
        self.purge_step = purge_step

    def _init_env(self) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._tensorboard = SummaryWriter(self._save_dir, purge_step=self.purge_step)

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs) -> None:
        super().add_scalar(tag(name), value, step, **kwargs)

    def add_scalars(self, scalar_dict: dict, step: int = 0, *args, **kwargs) -> None:
        super().add_scalars(tagged(scalar_dict), step, *args, **kwargs)
