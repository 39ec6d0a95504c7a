import math

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, Hook, LoggerHook
from mmseg.registry import HOOKS

from mmseg_gl.engine.checkpoint import unwrapped
from mmseg_gl.engine.plain_values import check_info
from mmseg_gl.errors import UserError, check_choice
from mmseg_gl.models.step import has_finite_weights, in_words

STATE = 'alignment_monitor'  # where the averages are in the message hub
FORM = dict(averages={str: (float, int)}, warned={str: int}, skipped=int, skipped_in_a_row=int)


@HOOKS.register_module()
class AlignmentMonitorHook(Hook):
    """Watch whether adversarial training is alive, and say in words what to try when it is not.

    It warns, each time at most once in ``pause`` iterations, when a discriminator has won, when it
    is blind, and when the predictions on the target collapse. Moving averages are kept in the
    message hub and resume. Models without discriminator heads and target losses give it nothing to
    watch, except for what follows.

    A step with a loss that is not finite changes no weight (see ``models/step.py``); what
    becomes of the run then is decided here.

    Args:
        window (int): Length of the moving averages in iterations; no discriminator is judged
            earlier.
        won (float): A discriminator has won when its loss is below this share of the loss of a
            blind one (0.693 for 'bce', 0.25 for 'lsgan'). The AdaptSegNet authors call 0.2 to 0.5
            healthy; a tenth is far below.
        blind (dict[str, float] | None): It is blind when its loss is above this share of it, by the
            head's name. Heads that are not named have a share of their own (``blind_share``).
        min_classes (int | None): The target has collapsed when fewer classes than this hold more
            than ``min_share`` of the predicted pixels, on average over the last ten looks. None
            is a fifth of the classes, and at least two: street images show more than three of 19.
        min_share (float): See there.
        min_entropy (float): ... or when the normalised entropy of its predictions, in [0, 1], is
            below this.
        interval (int | None): Iterations between two looks at the target's predictions, which cost
            a forward pass of the target's images each. None takes the logger's.
        pause (int): Iterations between two warnings of the same kind.
        on_nonfinite (str): 'stop': save the weights as they were before that step and stop. 'skip':
            go on without the step.
        max_skips (int): Stop after so many skipped steps in a row.

    Raises:
        UserError: For an unknown ``on_nonfinite``, and to stop training.
    """

    def __init__(
        self,
        window=500,
        won=0.1,
        blind=None,
        min_classes=None,
        min_share=0.001,
        min_entropy=0.01,
        interval=None,
        pause=5_000,
        on_nonfinite='stop',
        max_skips=100,
    ):
        check_choice('on_nonfinite', on_nonfinite, ('stop', 'skip'))
        self.window = window
        self.won = won
        self.blind = blind or {}
        self.min_classes, self.min_share = min_classes, min_share
        self.min_entropy = min_entropy
        self.interval = interval
        self.pause = pause
        self.on_nonfinite = on_nonfinite
        self.max_skips = max_skips

    def after_load_checkpoint(self, runner, checkpoint):
        if runner._resume:
            check_info(checkpoint, {STATE: FORM})

    def before_train(self, runner):
        unwrapped(runner.model).skip_nonfinite = True  # from here on it is this hook's business
        if self.interval is None:
            loggers = [hook for hook in runner.hooks if isinstance(hook, LoggerHook)]
            self.interval = loggers[0].interval if loggers else 50
        state = runner.message_hub.runtime_info.get(STATE)
        if state is None:
            state = dict(averages={}, warned={}, skipped=0, skipped_in_a_row=0)
            runner.message_hub.update_info(STATE, state)
        self.state = state  # changed in place: checkpoints hold it as it is then

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        model = unwrapped(runner.model)
        if not getattr(model, 'stepped', True):
            self.answer_nonfinite(runner, data_batch, outputs)
            return
        self.state['skipped_in_a_row'] = 0
        if not (hasattr(model, 'uses_target') and model.uses_target() and is_main_process()):
            return
        for name, head in model.parts('heads').items():
            for level in getattr(head, 'loss_weights', ()):
                if {f'loss_d_{head.name}_{level}', *accuracies(head, level)} <= set(outputs):
                    self.judge_discriminator(runner, name, head, level)
        entropy = None
        if 'entropy_target' in outputs:
            entropy = self.average(runner, 'entropy_target')
        if self.every_n_train_iters(runner, self.interval):
            shares = predicted_shares(model, data_batch['target']['inputs'])
            self.judge_target(runner, shares, entropy)

    def average(self, runner, name, window=None):
        """Put the newest value of a logged scalar into its moving average and return that."""
        value = runner.message_hub.get_scalar(f'train/{name}').current()
        mean, count = self.state['averages'].get(name, (0.0, 0))
        count = min(count + 1, window or self.window)
        mean += (value - mean) / count
        self.state['averages'][name] = [mean, count]
        return mean

    def is_settled(self, name, window=None):
        return self.state['averages'][name][1] >= (window or self.window)

    def judge_discriminator(self, runner, head_name, head, level):
        """Warn when one discriminator has won or is blind."""
        name = f'{head.name}_{level}'
        loss = self.average(runner, f'loss_d_{name}')
        right = [self.average(runner, accuracy) for accuracy in accuracies(head, level)]
        if not self.is_settled(f'loss_d_{name}'):
            return
        blind_loss = head.blind_loss
        found = (
            f'loss_d_{name} averages {loss:.3g} over the last {self.window} iterations (a blind '
            f'one has {blind_loss:.3g}), and {right[0]:.0%} of its decisions on the source and '
            f'{right[1]:.0%} on the target are right'
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

    def judge_target(self, runner, shares, entropy):
        """Log what the network predicts on the target, and warn when that is hardly anything.

        Args:
            runner (Runner): The runner.
            shares (Tensor): Share of the pixels by class, (K,).
            entropy (float | None): Average of ``entropy_target``, if that is logged.
        """
        classes = runner.train_dataloader.dataset.metainfo['classes']
        shares = dict(zip(classes, shares.tolist()))
        runner.visualizer.add_scalars(
            {f'target_share/{name}': share for name, share in shares.items()}, step=runner.iter + 1
        )
        present = sum(share > self.min_share for share in shares.values())
        runner.message_hub.update_scalar('train/classes_target', present)
        looks = 10
        present = self.average(runner, 'classes_target', looks)
        largest = sorted(shares, key=shares.get, reverse=True)[:3]
        found = ', '.join(f'{name} {shares[name]:.1%}' for name in largest)
        advice = (
            f'now: {found}. Try smaller loss_weights of what adapts, or start from a source-only '
            'checkpoint (load_from)'
        )
        min_classes = self.min_classes
        if min_classes is None:
            min_classes = max(2, math.ceil(len(classes) / 5))
        if self.is_settled('classes_target', looks) and present < min_classes:
            self.warn(
                runner,
                'few_classes',
                f'the predictions on the target collapse: only {present:.1f} classes hold more '
                f'than {self.min_share:.1%} of the pixels, on average of the last {looks} looks; '
                f'{advice}',
            )
        if entropy is not None and self.is_settled('entropy_target') and entropy < self.min_entropy:
            self.warn(
                runner,
                'no_entropy',
                f'the predictions on the target collapse: entropy_target averages {entropy:.2g} '
                f'(0: certain of every pixel, 1: of none), whether they are right or not; {advice}',
            )

    def warn(self, runner, kind, sentence):
        """Log a warning unless one of that kind is not long ago."""
        last = self.state['warned'].get(kind)
        if last is None or runner.iter - last >= self.pause:
            self.state['warned'][kind] = runner.iter
            runner.logger.warning(f'Alignment: {sentence}.')

    def answer_nonfinite(self, runner, data_batch, outputs):
        """Stop, or count the skipped step.

        Raises:
            UserError: To stop.
        """
        losses = in_words(outputs)
        remedy = 'a smaller learning rate or smaller loss_weights'
        if not has_finite_weights(unwrapped(runner.model)):
            raise UserError(
                f'training has diverged at iteration {runner.iter} ({losses}), and the weights '
                'themselves are not finite any more: start from an earlier checkpoint in '
                f'{runner.work_dir} (another --work-dir and --cfg-options load_from=...) with '
                f'{remedy}'
            )
        self.state['skipped'] += 1
        self.state['skipped_in_a_row'] += 1
        in_a_row = self.state['skipped_in_a_row']
        if self.on_nonfinite == 'skip' and in_a_row < self.max_skips:
            runner.logger.warning(
                f'Iteration {runner.iter} is skipped: a loss is not finite ({losses}). Images: '
                f'{", ".join(image_paths(data_batch))}. Skipped so far: {self.state["skipped"]}, '
                f'in a row: {in_a_row}.'
            )
            return
        name = f'last_good_iter_{runner.iter}.pth'
        savers = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
        runner.call_hook('before_checkpoint')  # as SafeCheckpointHook does
        runner.save_checkpoint(
            runner.work_dir,
            name,
            meta=dict(epoch=0, iter=runner.iter),
            by_epoch=False,
            backend_args=savers[0].backend_args if savers else None,
        )
        raise UserError(
            f'training has diverged at iteration {runner.iter} ({losses}'
            + (f'; {in_a_row} steps in a row were skipped' if in_a_row > 1 else '')
            + f'); the last finite weights are in {runner.work_dir}/{name}: start from them or '
            'from an earlier checkpoint (another --work-dir and --cfg-options load_from=...) with '
            + remedy
            + (
                '; default_hooks.alignment_monitor.on_nonfinite=skip leaves single steps out'
                if self.on_nonfinite == 'stop'
                else ''
            )
        )


def accuracies(head, level):
    """Return the names of a discriminator's shares of right decisions on source and target."""
    return [f'acc_d_{domain}_{head.name}_{level}' for domain in ('source', 'target')]


@torch.no_grad()
def predicted_shares(model, images):
    """Predict images as validation does, and count.

    Args:
        model (UDASegmentor): In training mode; it is in training mode again afterwards.
        images (list[Tensor]): (3, H, W) each.

    Returns:
        Tensor: The share of the pixels that is predicted as each class, (K,).
    """
    counts = 0
    model.eval()
    for image in images:
        logits = model.segmentor(model.data_preprocessor(dict(inputs=[image]), False)['inputs'])
        counts += torch.bincount(logits.argmax(dim=1).flatten(), minlength=logits.shape[1])
    model.train()
    return counts / counts.sum()


def image_paths(data_batch):
    samples = [s for domain in data_batch.values() for s in domain['data_samples']]
    return [sample.metainfo.get('img_path', 'unknown') for sample in samples]
