import os

import numpy as np
from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook
from mmseg.registry import HOOKS
from PIL import Image

from mmseg_gl.datasets.label_ids import IGNORED
from mmseg_gl.errors import UserError


@HOOKS.register_module()
class PredictionWriterHook(Hook):
    """Write each test prediction as an 8-bit palette PNG of trainIds, named after its image.

    Also where the data set uses some of the 19 classes only, and the network's outputs are those.

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
        metainfo = runner.test_dataloader.dataset.metainfo
        chosen = metainfo['label_map'] or {}  # trainId -> output, 255 if there is none
        train_ids = {output: i for i, output in chosen.items() if output != IGNORED}
        self.train_ids = np.arange(256, dtype=np.uint8)
        self.palette = np.zeros((256, 3), np.uint8)
        for output, colour in enumerate(metainfo['palette']):
            self.train_ids[output] = train_ids.get(output, output)
            self.palette[self.train_ids[output]] = colour

    def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        for sample in outputs:
            name = os.path.splitext(os.path.basename(sample.img_path))[0] + '.png'
            if self.written.setdefault(name, sample.img_path) != sample.img_path:
                raise UserError(f'two test images are called {name}; --out keeps one folder')
            outputs = sample.pred_sem_seg.data.squeeze(0).cpu().numpy()
            image = Image.fromarray(self.train_ids[outputs]).convert('P')
            image.putpalette(self.palette.tobytes())
            image.save(os.path.join(self.out_dir, name))
