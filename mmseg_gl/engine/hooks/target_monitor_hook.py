from __future__ import annotations

import math

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import LoggerHook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from mmseg_gl.engine.checkpoint import unwrapped
from mmseg_gl.engine.hooks.monitor_hook import MonitorHook

LOOKS = 10  # number of predictions of the target that are averaged


@HOOKS.register_module()
class TargetMonitorHook(MonitorHook):
    """Log the class shares of the predictions on the target, and warn when they collapse.

    With models that do not adapt to a target it does nothing.

    Args:
        window: See :class:`MonitorHook`.
        min_classes: The predictions have collapsed when fewer classes than this hold more than
            ``min_share`` of the predicted pixels, averaged over the last ten checks. None stands
            for a fifth of the classes, and at least two: street images show more than three of 19.
        min_share: Share of the predicted pixels above which a class counts for ``min_classes``.
        min_entropy: The predictions have also collapsed when their normalised entropy, in [0, 1],
            is below this.
        interval: Iterations between two checks, each of which costs a forward pass of the target's
            images. None: the logger's interval.
        pause: See :class:`MonitorHook`.
    """

    def __init__(
        self,
        window: int = 500,
        min_classes: int | None = None,
        min_share: float = 0.001,
        min_entropy: float = 0.01,
        interval: int | None = None,
        pause: int = 5_000,
    ) -> None:
        super().__init__(window, pause)
        self.min_classes, self.min_share = min_classes, min_share
        self.min_entropy = min_entropy
        self.interval = interval

    def before_train(self, runner: Runner) -> None:
        if self.interval is None:
            loggers = [hook for hook in runner.hooks if isinstance(hook, LoggerHook)]
            self.interval = loggers[0].interval if loggers else 50

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: dict
    ) -> None:
        model = unwrapped(runner.model)
        if (
            hasattr(model, 'uses_target')
            and model.uses_target()
            and getattr(model, 'stepped', True)
            and is_main_process()
            and self.every_n_train_iters(runner, self.interval)
        ):
            predicted = predicted_shares(model, data_batch['target']['inputs'])
            classes = runner.train_dataloader.dataset.metainfo['classes']
            shares = dict(zip(classes, predicted.tolist()))
            logs = {f'target_share/{name}': share for name, share in shares.items()}
            runner.visualizer.add_scalars(logs, step=runner.iter + 1)
            present = sum(share > self.min_share for share in shares.values())
            runner.message_hub.update_scalar('train/classes_target', present)
            self.judge(runner, shares, 'entropy_target' in outputs)

    def judge(self, runner: Runner, shares: dict[str, float], has_entropy: bool) -> None:
        """Warn when the predictions on the target have collapsed."""
        largest = sorted(shares, key=lambda name: shares[name], reverse=True)[:3]
        found = ', '.join(f'{name} {shares[name]:.1%}' for name in largest)
        advice = (
            f'now: {found}. Try smaller loss_weights for adaptation, or start from a source-only '
            'checkpoint (load_from)'
        )
        min_classes = self.min_classes
        if min_classes is None:
            min_classes = max(2, math.ceil(len(shares) / 5))
        present = self.mean(runner, 'classes_target', LOOKS)
        if present is not None and present < min_classes:
            self.warn(
                runner,
                'few_classes',
                f'the predictions on the target collapse: only {present:.1f} classes hold more '
                f'than {self.min_share:.1%} of the pixels, averaged over the last {LOOKS} checks; '
                f'{advice}',
            )
        entropy = self.mean(runner, 'entropy_target') if has_entropy else None
        if entropy is not None and entropy < self.min_entropy:
            self.warn(
                runner,
                'no_entropy',
                f'the predictions on the target collapse: entropy_target averages {entropy:.2g} '
                f'(0: certain of every pixel, 1: of none), whether they are right or not; {advice}',
            )


@torch.no_grad()
def predicted_shares(model: BaseModel, images: list[Tensor]) -> Tensor:
    """Compute the share of pixels predicted as each class, in evaluation mode.

    Args:
        model: Model in training mode; it is in training mode again afterwards.
        images: Images of shape (3, H, W).

    Returns:
        Shares of shape (K,).
    """
    counts: int | Tensor = 0
    model.eval()
    for image in images:
        logits = model.segmentor(model.data_preprocessor(dict(inputs=[image]), False)['inputs'])
        counts += torch.bincount(logits.argmax(dim=1).flatten(), minlength=logits.shape[1])
    model.train()
    return counts / counts.sum()
