import os
import re
import signal
from contextlib import suppress

from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.logging import HistoryBuffer
from mmseg.registry import HOOKS

from mmseg_gl.engine.checkpoint import LAST, last_checkpoint, unwrapped
from mmseg_gl.engine.interruption import Interruption
from mmseg_gl.engine.plain_values import check_info, history_from, plain
from mmseg_gl.engine.whole_file_backend import WHOLE_FILES
from mmseg_gl.errors import Interrupted, UserError
from mmseg_gl.files import write_text
from mmseg_gl.models.step import has_finite_weights

OWN_INFO = dict(  # entries of the message hub
    keep_ckpt_ids=[int],
    outdated_ckpts=[str],
    best_score=float,
    best_ckpt=str,
    last_validation=int,
)


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's CheckpointHook by iterations, such that whatever happens no work is lost.

    - A file is there complete or not at all. The file ``last_checkpoint`` names the newest one, and
      what a newer one makes superfluous is removed after that.
    - Checkpoints hold tensors and plain values only: ``torch.load(path, weights_only=True)`` reads
      them without further ado.
    - A validation belongs to its iteration: the checkpoint of an iteration that ends with one is
      written again after it, and a run that was stopped in between starts with it. So a resumed run
      knows the same best score, and has the same history, as one that was never stopped.
    - Weights that are not finite are not saved: they would take the place of good ones.
    - SIGINT and SIGTERM: the iteration is finished and saved (a validation is left where it is),
      then :class:`~mmseg_gl.errors.Interrupted` is raised. Where training fails between two
      iterations (a data worker is gone, an image is broken), the last one is saved. Such an extra
      checkpoint goes with the next regular one.
    - Only files that it would write itself are removed, in the work dir alone.

    Before a checkpoint is saved, all processes call ``before_checkpoint`` of the hooks that have
    it.

    Args:
        save_best (str | None): One metric, or 'auto'.
        by_epoch (bool): False.
        **kwargs: See ``CheckpointHook``.

    Raises:
        UserError: For other values of these; when the metric of ``save_best`` is not measured; when
            the weights are not finite; and when a checkpoint cannot be written, or would hold
            objects.
    """

    def __init__(self, *args, save_best=None, by_epoch=False, out_dir=None, **kwargs):
        if by_epoch or isinstance(save_best, list):
            raise UserError(
                'SafeCheckpointHook counts iterations and keeps one best checkpoint: set '
                "by_epoch=False and one save_best, e.g. 'mIoU'"
            )
        if out_dir is not None:
            raise UserError(
                f'default_hooks.checkpoint.out_dir={out_dir}: checkpoints are in the work dir, '
                'where --resume finds them; leave out_dir away and choose --work-dir'
            )
        kwargs['backend_args'] = WHOLE_FILES
        super().__init__(*args, save_best=save_best, by_epoch=False, **kwargs)
        self.interruption = Interruption()
        self.saved_step = None  # iterations done in the newest checkpoint of this process
        self.extra = None  # name of a checkpoint beyond the regular ones
        self.finished = None  # iterations done, while none is going on

    # Coming back

    def after_load_checkpoint(self, runner, checkpoint):
        if runner._resume:
            check_info(checkpoint, OWN_INFO)
            scalars = checkpoint['message_hub']['log_scalars']
            for name, history in scalars.items():
                if not isinstance(history, HistoryBuffer):
                    scalars[name] = history_from(**history)
            if checkpoint['meta'].get('extra'):
                self.extra = self.filename_tmpl.format(checkpoint['meta']['iter'])

    def before_train(self, runner):
        self.interruption.listen()
        hub = runner.message_hub
        keep = hub.pop_info('keep_ckpt_ids')
        super().before_train(runner)
        if keep and self.max_keep_ckpts > 0:  # it may have been larger
            self.remove(runner, map(self.filename_tmpl.format, keep[: -self.max_keep_ckpts]))
            hub.update_info('keep_ckpt_ids', keep[-self.max_keep_ckpts :])
        if best := hub.get_info('best_ckpt'):  # the work dir may have been moved since
            self.best_ckpt_path = os.path.join(self.out_dir, os.path.basename(best))
            hub.update_info('best_ckpt', self.best_ckpt_path)
        self.remove(runner, hub.get_info('outdated_ckpts', []))
        if runner._resume:
            self.last_ckpt = runner._load_from or last_checkpoint(runner.work_dir)
        self.finished = runner.iter
        if runner.iter > 0 and self.is_validation_missing(runner):
            hub.update_info('iter', runner.iter - 1)  # what it is at the end of an iteration
            self.saved_step = None if self.extra else runner.iter
            runner.val_loop.run()

    def is_validation_missing(self, runner):
        """Return whether the iteration that is resumed ends with a validation that was not made."""
        loop = runner.train_loop
        loop._decide_current_val_interval()
        due = runner.iter % loop.val_interval == 0 or runner.iter == loop.max_iters
        return (
            runner.val_loop is not None
            and runner.iter >= loop.val_begin
            and due
            and runner.message_hub.get_info('last_validation') != runner.iter
        )

    # Saving

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.finished = None

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        due = self.every_n_train_iters(runner, self.interval, self.save_begin)
        if due or (self.save_last and self.is_last_train_iter(runner)):
            runner.logger.info(f'Saving checkpoint at {runner.iter + 1} iterations')
            self.save(runner, runner.iter + 1)
        if self.interruption.is_requested():
            self.leave(runner, runner.iter + 1)
        self.finished = runner.iter + 1  # unless a hook after this one fails

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        # Several processes need not have equally many batches; they ask after the validation.
        if get_world_size() == 1 and self.interruption.is_requested():
            self.leave(runner, runner.iter)

    def after_val_epoch(self, runner, metrics):
        runner.message_hub.update_info('last_validation', runner.iter)
        outdated = self.save_new_best(runner, metrics) if self.save_best and metrics else None
        if outdated is not None or self.saved_step == runner.iter:
            self.save(runner, runner.iter, outdated or [])
        if self.interruption.is_requested():
            self.leave(runner, runner.iter)

    def save_new_best(self, runner, metrics):
        """Save the weights alone if they are the best ones so far.

        Returns:
            list[str] | None: The names of files that this makes superfluous, None if it is not
            so.
        """
        if 'auto' in self.key_indicators:
            self._init_rule(self.rules, [next(iter(metrics))])
        key, hub = self.key_indicators[0], runner.message_hub
        if key not in metrics:
            raise UserError(
                f'save_best={key!r}: the validation measures no such thing; choose from '
                f'{", ".join(metrics)}'
            )
        score = metrics[key]
        best = hub.get_info('best_score', self.init_value_map[self.rules[0]])
        if score is None or not self.is_better_than[key](score, best):
            return None
        former, name = self.best_ckpt_path, self.filename_tmpl.format(runner.iter)
        name = f'best_{key}_{name}'.replace('/', '_')
        self.best_ckpt_path = os.path.join(self.out_dir, name)
        hub.update_info('best_score', score)
        hub.update_info('best_ckpt', self.best_ckpt_path)
        runner.save_checkpoint(
            self.out_dir,
            name,
            save_optimizer=False,
            save_param_scheduler=False,
            meta=dict(epoch=runner.epoch, iter=runner.iter),
            by_epoch=False,
            backend_args=self.backend_args,
        )
        runner.logger.info(f'Best {key} so far, {score:0.4f}: saved as {name}')
        former = os.path.basename(former or name)
        return [former] if former != name else []

    def save(self, runner, step, outdated=(), extra=False):
        """Save all of the run's state, in all processes; then remove what is superfluous.

        Args:
            runner (Runner): The runner.
            step (int): Number of iterations done.
            outdated (Sequence[str]): Names of files that are superfluous then.
            extra (bool): Whether the checkpoint is one beyond the regular ones.
        """
        if not has_finite_weights(unwrapped(runner.model)):
            raise UserError(
                f'training has diverged: after iteration {step} the weights are not finite; they '
                f'are not saved. Start from a checkpoint in {self.out_dir} (another --work-dir and '
                '--cfg-options load_from=...) with a smaller learning rate or smaller loss_weights'
            )
        hub, name = runner.message_hub, self.filename_tmpl.format(step)
        outdated = list(outdated)
        former_extra, self.extra = self.extra, name if extra else None
        if not extra:
            keep = list(dict.fromkeys([*hub.get_info('keep_ckpt_ids', []), step]))
            if self.max_keep_ckpts > 0:
                outdated = [
                    *map(self.filename_tmpl.format, keep[: -self.max_keep_ckpts]),
                    *outdated,
                ]
                hub.update_info('keep_ckpt_ids', keep[-self.max_keep_ckpts :])
            hub.update_info('outdated_ckpts', list(outdated))
        self.last_ckpt = os.path.join(self.out_dir, name)
        hub.update_info('last_ckpt', self.last_ckpt)
        runner.call_hook('before_checkpoint')
        runner.save_checkpoint(
            self.out_dir,
            name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=dict(epoch=runner.epoch, iter=step, extra=extra),
            by_epoch=False,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            write_text(os.path.join(runner.work_dir, LAST), self.last_ckpt)
        self.saved_step = step
        self.remove(runner, [*outdated, *([former_extra] if former_extra != name else [])])

    def before_save_checkpoint(self, runner, checkpoint):
        for part in set(checkpoint) - {'state_dict'}:
            checkpoint[part] = plain(checkpoint[part], part)

    def remove(self, runner, names):
        """Remove checkpoints of these names, but not the one that ``last_checkpoint`` names."""
        own = re.escape(self.filename_tmpl).replace(re.escape('{}'), r'\d+')
        own = re.compile(rf'(best_[^/]+_)?{own}')
        if is_main_process():
            for name in filter(None, names):
                last = os.path.basename(last_checkpoint(runner.work_dir) or '')
                if name != last and own.fullmatch(name):
                    with suppress(OSError):
                        os.remove(os.path.join(self.out_dir, name))

    # Leaving

    def after_failure(self, runner):
        """Called by :class:`SafeRunner` when training has ended with an error.

        In the midst of an iteration there is nothing to save, and several processes cannot save
        when one fails.
        """
        if self.finished is None or self.finished != runner.iter or get_world_size() > 1:
            return
        self.finished = None
        if self.interruption.is_requested():  # the signal may have ended the data workers, too
            self.leave(runner, runner.iter)
        self.save_extra(runner, runner.iter)
        if runner.iter:
            runner.logger.info(
                f'Iteration {runner.iter} is saved in {self.last_ckpt}; go on with the same '
                'command and --resume'
            )

    def save_extra(self, runner, step):
        """Save after an iteration that is not due, unless that is done."""
        if step and step != self.saved_step:
            keep = runner.message_hub.get_info('keep_ckpt_ids', [])
            self.save(runner, step, extra=self.max_keep_ckpts > 0 and step not in keep)

    def leave(self, runner, step):
        """Save unless that is done, and end training.

        Raises:
            Interrupted: Always.
        """
        self.save_extra(runner, step)
        number = self.interruption.signal
        where = f'it is saved in {self.last_ckpt}; ' if step else ''
        raise Interrupted(
            number,
            f'{signal.Signals(number).name}: training has stopped after iteration {step}; {where}'
            'go on with the same command and --resume',
        )
