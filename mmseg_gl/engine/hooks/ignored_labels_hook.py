from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_gl.datasets.label_ids import IGNORED
from mmseg_gl.engine.plain_values import check_info

STATE = 'ignored_labels'  # key in the message hub of the number of such iterations in a row


@HOOKS.register_module()
class IgnoredLabelsHook(Hook):
    """Warn when all pixels of the source labels are ignored, so that nothing is learned from them.

    Every process checks its own images; the count of the first one is resumed.

    Args:
        patience: Number of such iterations in a row before the first warning.
        pause: Number of further such iterations before the next warning.
    """

    def __init__(self, patience: int = 10, pause: int = 1_000) -> None:
        self.patience, self.pause = patience, pause

    def before_resume(self, runner: Runner, checkpoint: dict) -> None:
        check_info(checkpoint, {STATE: int})

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: dict | None = None
    ) -> None:
        samples = data_batch['source']['data_samples']
        labels = [sample.gt_sem_seg.data for sample in samples if 'gt_sem_seg' in sample]
        ignored = labels and all((label == IGNORED).all() for label in labels)
        in_a_row = runner.message_hub.get_info(STATE, 0) + 1 if ignored else 0
        runner.message_hub.update_info(STATE, in_a_row)
        late = in_a_row - self.patience
        if late >= 0 and late % self.pause == 0:
            runner.logger.warning(
                f'Iteration {runner.iter + 1}: in the last {in_a_row} iterations every pixel '
                'of the source labels was ignored (255), so the network learns nothing from them. '
                'Do the ids of LoadTrainIds (train_dataloader.dataset.source.pipeline) match these '
                'labels? tools/check_data.py shows which classes they have.'
            )
