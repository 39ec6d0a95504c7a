from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_gl.engine.checkpoint import LAST, last_checkpoint, unwrapped
from mmseg_gl.engine.plain_values import check_info, history_from, plain
from mmseg_gl.engine.safe_runner import SafeRunner
from mmseg_gl.errors import UserError, check_choice
from mmseg_gl.files import write_text
from mmseg_gl.models.step import has_finite_weights

NAME = 'iter_{}.pth'
OWN_NAME = re.compile(r'(best_[^/]+_)?iter_\d+\.pth')
INFO = dict(  # entries of the message hub
    keep_ckpt_ids=[int],  # iterations of the regular checkpoints
    outdated_ckpts=[str],  # files to remove once the checkpoint with this entry is written
    best_key=str,  # metric of the best score
    best_score=float,
    best_ckpt=str,
)


@HOOKS.register_module()
class SafeCheckpointHook(Hook):
    """Iteration-based checkpoint hook of a :class:`SafeRunner` that survives kills and full disks.

    It saves a checkpoint every few iterations, and the best weights so far.

    - Checkpoints are written atomically. Outdated ones are removed only after the file
      ``last_checkpoint`` names the new one.
    - Checkpoints hold tensors and plain values only: ``torch.load(path, weights_only=True)`` can
      read them.
    - The checkpoint of an iteration that ends with a validation is written again after it. One
      with a new best that is not due is replaced by the next checkpoint.
    - Weights that are not finite are not saved: they would replace good ones.
    - Only files with names that the hook itself would write are removed, in the work dir alone.

    Args:
        interval: Iterations from one checkpoint to the next; -1 for none before the last iteration.
        max_keep_ckpts: Number of the newest checkpoints to keep; -1 for all.
        save_best: Metric whose best weights are kept in a separate file; 'auto' for the first one
            that is measured, None for no such file.
        rule: 'greater' if greater scores are better, 'less' if smaller ones are.
        save_last: Always save the last iteration.
        by_epoch: Always False, since training counts iterations.

    Raises:
        UserError: For invalid arguments or another runner; when the metric of ``save_best`` is not
            measured; when the weights are not finite; and when a checkpoint cannot be written or
            would hold objects other than tensors and plain values.
    """

    priority = 'VERY_LOW'

    def __init__(
        self,
        interval: int = -1,
        max_keep_ckpts: int = -1,
        save_best: str | None = None,
        rule: str = 'greater',
        save_last: bool = True,
        by_epoch: bool = False,
    ) -> None:
        check_choice('rule', rule, ('greater', 'less'))
        if by_epoch:
            raise UserError('SafeCheckpointHook counts iterations, not epochs: set by_epoch=False')
        self.interval = interval
        self.max_keep_ckpts = max_keep_ckpts
        self.save_best = save_best
        self.sign = 1 if rule == 'greater' else -1
        self.save_last = save_last
        self.newest: str | None = None  # path of the newest checkpoint
        self.saved_step: int | None = None  # iterations done in it
        self.extra: str | None = None  # its name if it is in addition to the regular ones

    def before_resume(self, runner: SafeRunner, checkpoint: dict) -> None:
        check_info(checkpoint, INFO)
        scalars = checkpoint['message_hub']['log_scalars']
        for name, history in scalars.items():
            scalars[name] = history_from(**history)
        self.newest, self.saved_step = runner.resumed_from, checkpoint['meta']['iter']
        if checkpoint['meta'].get('extra'):
            self.extra = NAME.format(self.saved_step)

    def before_train(self, runner: Runner) -> None:
        if not isinstance(runner, SafeRunner):
            raise UserError(
                'SafeCheckpointHook needs the SafeRunner of mmseg_gl; train with its '
                'tools/train.py, or use another default_hooks.checkpoint'
            )
        hub = runner.message_hub
        surplus = self.surplus(hub, hub.get_info('keep_ckpt_ids', []))  # more may have been kept
        self.remove(runner, [*surplus, *hub.get_info('outdated_ckpts', [])])

    def after_train_iter(
        self,
        runner: SafeRunner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        due = self.every_n_train_iters(runner, self.interval)
        if due or (self.save_last and self.is_last_train_iter(runner)):
            runner.logger.info(f'Saving checkpoint at {runner.iter + 1} iterations')
            self.save(runner, runner.iter + 1)

    def after_val_epoch(self, runner: SafeRunner, metrics: dict[str, float] | None = None) -> None:
        outdated = self.save_new_best(runner, metrics) if self.save_best and metrics else None
        if outdated is not None or (self.saved_step == runner.iter and not self.extra):
            extra = self.saved_step != runner.iter or bool(self.extra)  # not due by the interval
            self.save(runner, runner.iter, outdated or [], extra)

    def save_new_best(self, runner: SafeRunner, metrics: dict) -> list[str] | None:
        """Save the weights alone if they are the best so far.

        Returns:
            Names of files that are outdated then; None if the weights are not the best.
        """
        key, hub = self.save_best, runner.message_hub
        if key == 'auto':
            key = next(iter(metrics))
        if key not in metrics:
            raise UserError(
                f'save_best={key!r}: the validation does not compute it; choose from '
                f'{", ".join(metrics)}'
            )
        score = metrics[key]
        best, former = -self.sign * math.inf, None
        if hub.get_info('best_key', key) == key:  # another one may have been chosen on resuming
            best, former = hub.get_info('best_score', best), hub.get_info('best_ckpt')
        if score is None or not self.sign * score > self.sign * best:
            return None
        name = f'best_{key}_{NAME.format(runner.iter)}'.replace('/', '_')
        hub.update_info('best_key', key)
        hub.update_info('best_score', score)
        hub.update_info('best_ckpt', name)
        runner.save_run(name, runner.iter, save_optimizer=False, save_param_scheduler=False)
        runner.logger.info(f'Best {key} so far, {score:0.4f}: saved as {name}')
        return [former] if former not in (None, name) else []

    def save_extra(self, runner: SafeRunner, step: int) -> None:
        """Save an iteration that is not due, unless it is saved already.

        The next checkpoint replaces it.

        Args:
            step: Number of iterations done.
        """
        if step and step != self.saved_step:
            kept = runner.message_hub.get_info('keep_ckpt_ids', [])
            self.save(runner, step, extra=self.max_keep_ckpts > 0 and step not in kept)

    def save(
        self, runner: SafeRunner, step: int, outdated: Sequence[str] = (), extra: bool = False
    ) -> None:
        """Save the state of the run, then remove outdated files; all processes must call this.

        Args:
            step: Number of iterations done.
            outdated: Names of further files to remove then.
            extra: The checkpoint is in addition to the regular ones.
        """
        if not has_finite_weights(unwrapped(runner.model)):
            raise UserError(
                f'training has diverged: after iteration {step} the weights are not finite; they '
                f'are not saved. Start from a checkpoint in {runner.work_dir} (another --work-dir '
                'and --cfg-options load_from=...) with a smaller learning rate or smaller '
                'loss_weights'
            )
        hub, name = runner.message_hub, NAME.format(step)
        former_extra, self.extra = self.extra, name if extra else None
        if not extra:
            kept = dict.fromkeys([*hub.get_info('keep_ckpt_ids', []), step])
            outdated = [*self.surplus(hub, list(kept)), *outdated]
        hub.update_info('outdated_ckpts', list(outdated))
        runner.save_run(name, step, extra=extra)
        self.newest, self.saved_step = os.path.join(runner.work_dir, name), step
        if is_main_process():
            write_text(os.path.join(runner.work_dir, LAST), self.newest)
        self.remove(runner, [*outdated, former_extra])

    def surplus(self, hub: MessageHub, kept: list[int]) -> list[str]:
        """Record which regular checkpoints are kept, and return the names of the others."""
        if self.max_keep_ckpts <= 0:
            return []
        hub.update_info('keep_ckpt_ids', kept[-self.max_keep_ckpts :])
        return [NAME.format(step) for step in kept[: -self.max_keep_ckpts]]

    def before_save_checkpoint(self, runner: SafeRunner, checkpoint: dict) -> None:
        for part in set(checkpoint) - {'state_dict'}:
            checkpoint[part] = plain(checkpoint[part], part)

    def remove(self, runner: SafeRunner, names: Iterable[str | None]) -> None:
        """Remove checkpoints by name, except the one that ``last_checkpoint`` names."""
        if is_main_process():
            for name in filter(None, names):
                last = os.path.basename(last_checkpoint(runner.work_dir) or '')
                if name != last and OWN_NAME.fullmatch(name):
                    with suppress(OSError):
                        os.remove(os.path.join(runner.work_dir, name))
