import os

import numpy as np
from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook
from mmseg.registry import HOOKS
from PIL import Image

from mmseg_gl.errors import UserError


@HOOKS.register_module()
class PredictionWriterHook(Hook):
    """Write each test prediction as an 8-bit palette PNG of trainIds, named after its image.

    Args:
        out_dir (str): An empty or new folder; predictions have the original image's size.

    Raises:
        UserError: When the folder is not empty, or two images have the same name.
    """

    def __init__(self, out_dir):
        self.out_dir = out_dir

    def before_test(self, runner):
        if is_main_process():
            if os.path.isdir(self.out_dir) and os.listdir(self.out_dir):
                raise UserError(f'--out {self.out_dir} is not empty; choose a new folder')
            os.makedirs(self.out_dir, exist_ok=True)
        barrier()  # no process writes before the folder has been looked at
        self.written = {}
        palette = runner.test_dataloader.dataset.metainfo['palette']
        self.palette = [channel for colour in palette for channel in colour]

    def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        for sample in outputs:
            name = os.path.splitext(os.path.basename(sample.img_path))[0] + '.png'
            if self.written.setdefault(name, sample.img_path) != sample.img_path:
                raise UserError(f'two test images are called {name}; --out keeps one folder')
            labels = sample.pred_sem_seg.data.squeeze(0).cpu().numpy().astype(np.uint8)
            image = Image.fromarray(labels).convert('P')
            image.putpalette(self.palette)
            image.save(os.path.join(self.out_dir, name))
