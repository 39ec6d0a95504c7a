from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.visualization import WandbVisBackend
from mmseg.registry import VISBACKENDS

from mmseg_gl.visualization.tags import tagged

STEP = 'iter'


@VISBACKENDS.register_module()
class GroupedWandbVisBackend(WandbVisBackend):
    """Weights & Biases with scalars in groups (:mod:`mmseg_gl.visualization.tags`).

    Everything is shown over the iterations, also after a resumption; mmengine's backend counts its
    calls. No code is uploaded.

    Args:
        save_dir: Folder of the local files.
        init_kwargs: Arguments of ``wandb.init``.
    """

    def __init__(self, save_dir: str, init_kwargs: dict[str, Any] | None = None) -> None:
        axis = [dict(name=STEP), dict(name='*', step_metric=STEP)]
        super().__init__(save_dir, init_kwargs, define_metric_cfg=axis)

    def add_config(self, config: Config, **kwargs) -> None:
        self.experiment.config.update(config.to_dict(), allow_val_change=True)

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs) -> None:
        self.experiment.log({name: self.experiment.Image(image), STEP: step})

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs) -> None:
        self.add_scalars({name: value}, step)

    def add_scalars(self, scalar_dict: dict, step: int = 0, *args, **kwargs) -> None:
        self.experiment.log({**tagged(scalar_dict), STEP: step})

    def close(self) -> None:
        self.experiment.finish()
