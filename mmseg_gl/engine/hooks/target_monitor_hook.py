from __future__ import annotations

import math

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import LoggerHook
from mmseg.registry import HOOKS
from torch import Tensor

from mmseg_gl.engine.checkpoint import unwrapped
from mmseg_gl.engine.hooks.monitor_hook import MonitorHook

LOOKS = 10  # at the target's predictions, that are averaged


@HOOKS.register_module()
class TargetMonitorHook(MonitorHook):
    """Log which classes are predicted on the target, and warn when that is hardly any.

    Models that do not adapt to a target give it nothing to watch.

    Args:
        window: See :class:`MonitorHook`.
        min_classes: The target has collapsed when fewer classes than this hold more than
            ``min_share`` of the predicted pixels, on average over the last ten looks. None is a
            fifth of the classes, and at least two: street images show more than three of 19.
        min_share: See there.
        min_entropy: ... or when the normalised entropy of its predictions, in [0, 1], is below
            this.
        interval: Iterations between two looks at the target's predictions, which cost a forward
            pass of the target's images each. None takes the logger's.
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
    ):
        super().__init__(window, pause)
        self.min_classes, self.min_share = min_classes, min_share
        self.min_entropy = min_entropy
        self.interval = interval

    def before_train(self, runner):
        if self.interval is None:
            loggers = [hook for hook in runner.hooks if isinstance(hook, LoggerHook)]
            self.interval = loggers[0].interval if loggers else 50

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        model = unwrapped(runner.model)
        if (
            hasattr(model, 'uses_target')
            and model.uses_target()
            and getattr(model, 'stepped', True)
            and is_main_process()
            and self.every_n_train_iters(runner, self.interval)
        ):
            shares = predicted_shares(model, data_batch['target']['inputs'])
            classes = runner.train_dataloader.dataset.metainfo['classes']
            shares = dict(zip(classes, shares.tolist()))
            logs = {f'target_share/{name}': share for name, share in shares.items()}
            runner.visualizer.add_scalars(logs, step=runner.iter + 1)
            present = sum(share > self.min_share for share in shares.values())
            runner.message_hub.update_scalar('train/classes_target', present)
            self.judge(runner, shares, 'entropy_target' in outputs)

    def judge(self, runner, shares: dict[str, float], has_entropy: bool) -> None:
        """Warn when the network predicts hardly anything on the target."""
        largest = sorted(shares, key=shares.get, reverse=True)[:3]
        found = ', '.join(f'{name} {shares[name]:.1%}' for name in largest)
        advice = (
            f'now: {found}. Try smaller loss_weights of what adapts, or start from a source-only '
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
                f'than {self.min_share:.1%} of the pixels, on average of the last {LOOKS} looks; '
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
def predicted_shares(model, images: list[Tensor]) -> Tensor:
    """Predict images as validation does, and count.

    Args:
        model: In training mode; it is in training mode again afterwards.
        images: (3, H, W) each.

    Returns:
        The share of the pixels that is predicted as each class, (K,).
    """
    counts = 0
    model.eval()
    for image in images:
        logits = model.segmentor(model.data_preprocessor(dict(inputs=[image]), False)['inputs'])
        counts += torch.bincount(logits.argmax(dim=1).flatten(), minlength=logits.shape[1])
    model.train()
    return counts / counts.sum()
