import os
from collections.abc import Sequence

from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample

from mmseg_gl.datasets.label_writer import LabelWriter
from mmseg_gl.errors import UserError


@HOOKS.register_module()
class PredictionWriterHook(Hook):
    """Write each test prediction as an 8-bit palette PNG, named after its image.

    Predictions have the size of the original image; :class:`LabelWriter` describes the format.

    Args:
        out_dir: Empty or new folder.

    Raises:
        UserError: When the folder is not empty, or two images have the same name.
    """

    def __init__(self, out_dir: str) -> None:
        self.out_dir = out_dir

    def before_test(self, runner: Runner) -> None:
        if is_main_process():
            if os.path.isdir(self.out_dir) and os.listdir(self.out_dir):
                raise UserError(f'--out {self.out_dir} is not empty; choose a new folder')
            os.makedirs(self.out_dir, exist_ok=True)
        barrier()  # no process writes before the folder has been looked at
        self.written: dict[str, str] = {}
        self.writer = LabelWriter(runner.cfg.test_dataloader.dataset)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[SegDataSample],
    ) -> None:
        for sample in outputs:
            name = os.path.splitext(os.path.basename(sample.img_path))[0] + '.png'
            if self.written.setdefault(name, sample.img_path) != sample.img_path:
                raise UserError(f'two test images would both be written to {name}; rename one')
            image = self.writer.picture(sample.pred_sem_seg.data.squeeze(0).cpu().numpy())
            image.save(os.path.join(self.out_dir, name))
