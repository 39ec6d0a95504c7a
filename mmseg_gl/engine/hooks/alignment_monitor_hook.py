from __future__ import annotations

from mmengine.dist import is_main_process
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_gl.engine.checkpoint import unwrapped
from mmseg_gl.engine.hooks.monitor_hook import MonitorHook
from mmseg_gl.models.discriminators.base_head import BaseDiscriminatorHead


@HOOKS.register_module()
class AlignmentMonitorHook(MonitorHook):
    """Monitor adversarial training, and warn when a discriminator has won or is blind.

    A blind discriminator does not tell the domains apart: its loss is that of one that always
    outputs 1/2 (0.693 for 'bce', 0.25 for 'lsgan'). The warnings say what to try. With models
    without discriminator heads the hook does nothing.

    Args:
        window: See :class:`MonitorHook`.
        won: A discriminator has won when its loss is below this share of the loss of a blind one.
            The AdaptSegNet authors call losses of 0.2 to 0.5 healthy; a tenth is far below.
        blind: A discriminator is blind when its loss is above this share of that loss, by the
            head's name. The default is the head's ``blind_share``.
        pause: See :class:`MonitorHook`.
    """

    def __init__(
        self,
        window: int = 500,
        won: float = 0.1,
        blind: dict[str, float] | None = None,
        pause: int = 5_000,
    ) -> None:
        super().__init__(window, pause)
        self.won, self.blind = won, blind or {}

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: dict
    ) -> None:
        model = unwrapped(runner.model)
        if not (hasattr(model, 'parts') and is_main_process()):
            return
        for name, head in model.parts('heads').items():
            for level in getattr(head, 'loss_weights', ()):
                if {f'loss_d_{head.name}_{level}', *accuracies(head, level)} <= set(outputs):
                    self.judge(runner, name, head, level)

    def judge(
        self, runner: Runner, head_name: str, head: BaseDiscriminatorHead, level: str
    ) -> None:
        """Warn when the discriminator of one level has won or is blind."""
        name = f'{head.name}_{level}'
        loss = self.mean(runner, f'loss_d_{name}')
        if loss is None:
            return
        source, target = (self.mean(runner, accuracy) for accuracy in accuracies(head, level))
        blind_loss = head.blind_loss
        found = (
            f'loss_d_{name} averages {loss:.3g} over the last {self.window} iterations (a blind '
            f'one has {blind_loss:.3g}), and {source:.0%} of its decisions on the source and '
            f'{target:.0%} on the target are right'
        )
        if loss < self.won * blind_loss:
            self.warn(
                runner,
                f'won_{name}',
                f'the discriminator {name} has won: {found}. The segmentor cannot fool it any '
                f'more; try a smaller optim_wrapper.{head_name}.optimizer.lr, or other '
                f'model.heads.{head_name}.loss_weights',
            )
        elif loss > self.blind.get(head_name, head.blind_share) * blind_loss:
            self.warn(
                runner,
                f'blind_{name}',
                f'the discriminator {name} is blind: {found}. Either the outputs are aligned '
                'already, or it does not learn and nothing is aligned; check that source and '
                'target are not the same images, try a larger '
                f'optim_wrapper.{head_name}.optimizer.lr, or smaller '
                f'model.heads.{head_name}.loss_weights',
            )


def accuracies(head: BaseDiscriminatorHead, level: str) -> list[str]:
    """Return the names of a discriminator's logged accuracies on source and target."""
    return [f'acc_d_{domain}_{head.name}_{level}' for domain in ('source', 'target')]
