from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_gl.engine.plain_values import check_info

STATE = 'bad_images'  # key of the counts in the message hub


@HOOKS.register_module()
class BadImageHook(Hook):
    """Log and count the broken images that ``UDADataset(on_bad_image='skip')`` has replaced.

    Each image is logged once, at its first occurrence; the counts are resumed. Every process counts
    its own images.
    """

    def before_resume(self, runner: Runner, checkpoint: dict) -> None:
        check_info(checkpoint, {STATE: {str: int}})

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: dict
    ) -> None:
        samples = (s for domain in data_batch.values() for s in domain['data_samples'])
        errors = [error for sample in samples for error in set(sample.get('replaced', ()))]
        if not errors:
            return
        counts = dict(runner.message_hub.runtime_info.get(STATE, {}))
        new = [error for error in dict.fromkeys(errors) if error not in counts]
        for error in errors:
            counts[error] = counts.get(error, 0) + 1
        runner.message_hub.update_info(STATE, counts)
        for error in new:
            runner.logger.warning(
                f'Iteration {runner.iter}: used another image instead, as {error}. So far '
                f'{len(counts)} files could not be used, {sum(counts.values())} times.'
            )

    def after_train(self, runner: Runner) -> None:
        counts = runner.message_hub.runtime_info.get(STATE, {})
        if counts:
            runner.logger.warning(
                f'{len(counts)} files could not be used, {sum(counts.values())} times in all; '
                'they are named above.'
            )
