from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_gl.datasets.label_ids import IGNORED


@HOOKS.register_module()
class IgnoredLabelsHook(Hook):
    """Warn when all pixels of the source labels are ignored, so that nothing is learned from them.

    Every process checks its own images.

    Args:
        patience: Number of such iterations in a row before the first warning.
        pause: Number of further such iterations before the next warning.
    """

    def __init__(self, patience: int = 10, pause: int = 1_000) -> None:
        self.patience, self.pause = patience, pause
        self.in_a_row = 0

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: dict | None = None
    ) -> None:
        samples = data_batch['source']['data_samples']
        labels = [sample.gt_sem_seg.data for sample in samples if 'gt_sem_seg' in sample]
        if not labels or any((label != IGNORED).any() for label in labels):
            self.in_a_row = 0
            return
        self.in_a_row += 1
        late = self.in_a_row - self.patience
        if late >= 0 and late % self.pause == 0:
            runner.logger.warning(
                f'Iteration {runner.iter + 1}: in the last {self.in_a_row} iterations every pixel '
                'of the source labels was ignored (255), so the network learns nothing from them. '
                'Do the ids of LoadTrainIds (train_dataloader.dataset.source.pipeline) fit these '
                'labels? tools/check_data.py shows which classes they have.'
            )
