from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_gl.engine.plain_values import check_info

STATE = 'bad_images'  # where the counts are in the message hub


@HOOKS.register_module()
class BadImageHook(Hook):
    """Name and count the images that ``UDADataset(on_bad_image='skip')`` has replaced by others.

    Each is named once, when it is met first; the counts resume. Every process counts its own.
    """

    def before_resume(self, runner, checkpoint: dict) -> None:
        check_info(checkpoint, {STATE: {str: int}})

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
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
                f'Iteration {runner.iter}: another image is taken, as {error}. So far '
                f'{len(counts)} files could not be used, {sum(counts.values())} times.'
            )

    def after_train(self, runner):
        counts = runner.message_hub.runtime_info.get(STATE, {})
        if counts:
            runner.logger.warning(
                f'{len(counts)} files could not be used, {sum(counts.values())} times in all; '
                'they are named above.'
            )
