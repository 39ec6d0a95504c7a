from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from mmseg_gl.engine.checkpoint import unwrapped
from mmseg_gl.engine.plain_values import check_info
from mmseg_gl.engine.safe_runner import SafeRunner
from mmseg_gl.errors import UserError, check_choice
from mmseg_gl.models.step import has_finite_weights, in_words

INFO = dict(skipped_steps=int, skipped_in_a_row=int)  # entries of the message hub
REMEDY = (
    '(another --work-dir and --cfg-options load_from=...) with a smaller learning rate or smaller '
    'loss_weights'
)


@HOOKS.register_module()
class NonfiniteLossHook(Hook):
    """Stop training, or skip the step, when a loss is not finite.

    Such a step changes no weight (see ``models/step.py``).

    Args:
        action: 'stop': save the weights from before the step and stop. 'skip': skip the step and
            continue.
        max_skips: Number of skipped steps in a row after which training stops.

    Raises:
        UserError: For an unknown ``action``, and to stop training.
    """

    def __init__(self, action: str = 'stop', max_skips: int = 100) -> None:
        check_choice('action', action, ('stop', 'skip'))
        self.action, self.max_skips = action, max_skips

    def before_resume(self, runner: Runner, checkpoint: dict) -> None:
        check_info(checkpoint, INFO)

    def before_train(self, runner: Runner) -> None:
        unwrapped(runner.model).skip_nonfinite = True  # this hook decides from now on

    def after_train_iter(
        self, runner: SafeRunner, batch_idx: int, data_batch: dict, outputs: dict[str, Tensor]
    ) -> None:
        hub, model = runner.message_hub, unwrapped(runner.model)
        if getattr(model, 'stepped', True):
            hub.update_info('skipped_in_a_row', 0)
            return
        losses = in_words(outputs)
        if not has_finite_weights(model):
            raise UserError(
                f'training has diverged at iteration {runner.iter} ({losses}), and the weights '
                'themselves are no longer finite: start from an earlier checkpoint in '
                f'{runner.work_dir} {REMEDY}'
            )
        skipped = hub.get_info('skipped_steps', 0) + 1
        in_a_row = hub.get_info('skipped_in_a_row', 0) + 1
        hub.update_info_dict(dict(skipped_steps=skipped, skipped_in_a_row=in_a_row))
        if self.action == 'stop' or in_a_row >= self.max_skips:
            self.stop(runner, losses, in_a_row)
        runner.logger.warning(
            f'Iteration {runner.iter} is skipped: a loss is not finite ({losses}). Images: '
            f'{", ".join(image_paths(data_batch))}. Skipped so far: {skipped}, in a row: '
            f'{in_a_row}.'
        )

    def stop(self, runner: SafeRunner, losses: str, in_a_row: int) -> None:
        """Save the weights, which are those from before this iteration, and end training.

        Raises:
            UserError: Always.
        """
        name = f'last_good_iter_{runner.iter}.pth'
        runner.save_run(name, runner.iter)
        row = f'; {in_a_row} steps in a row were skipped' if in_a_row > 1 else ''
        hint = '; default_hooks.nonfinite_loss.action=skip skips single steps'
        raise UserError(
            f'training has diverged at iteration {runner.iter} ({losses}{row}); the last finite '
            f'weights are in {runner.work_dir}/{name}: start from them or from an earlier '
            f'checkpoint {REMEDY}{hint if self.action == "stop" else ""}'
        )


def image_paths(data_batch: dict) -> list[str]:
    samples = [s for domain in data_batch.values() for s in domain['data_samples']]
    return [sample.metainfo.get('img_path', 'unknown') for sample in samples]
