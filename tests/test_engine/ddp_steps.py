"""Two training steps on two fixed images per domain: in one process, or one image in each of two.

python tests/test_engine/ddp_steps.py OUT METHOD, alone or through torchrun; writes the weights.
METHOD is 'mic', or the output levels that AdaptSegNet + local alignment aligns.
"""

import os
import sys

import torch
import torch.distributed as dist
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODEL_WRAPPERS
from mmseg.registry import MODELS

from mmseg_gl.config.load import load_config
from mmseg_gl.experiments.step_setup import random_batch
from mmseg_gl.models import ClassMix, MaskedImages

CONFIG = 'configs/adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
MIC = 'configs/mic/mic_deeplabv2-tiny_street-scenes.py'
SIZES = dict(source=(96, 64), target=(64, 48))


def adversarial(levels):
    cfg = load_config(CONFIG, {'model.heads.local_head.num_points': None})
    for name in ('global_head', 'local_head'):
        cfg.model.heads[name].loss_weights = {level: 0.5 for level in levels.split(',')}
    return cfg


def mic():
    """Return a config whose views draw nothing at random, which would differ between processes."""
    cfg = load_config(MIC)
    # Batch norm would be of each process's batch.
    cfg.model.segmentor.backbone.norm_cfg = dict(type='GN', num_groups=8, requires_grad=True)
    for view in cfg.model.views.values():
        view.update(augmentation=None, threshold=0.12)
    ClassMix.draw_classes = lambda self, labels: [of_image.unique()[::2] for of_image in labels]
    MaskedImages.draw_mask = lambda self, images: (images[:, :1] > 0).double()
    return cfg


def main(out, method):
    torch.set_default_dtype(torch.float64)
    rank, world = int(os.environ.get('RANK', 0)), int(os.environ.get('WORLD_SIZE', 1))
    cfg = mic() if method == 'mic' else adversarial(method)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).double()
    if world > 1:
        dist.init_process_group('gloo')
        model = MODEL_WRAPPERS.build(dict(type='UDADistributedDataParallel', module=model))
    optimizers = build_optim_wrapper(model, cfg.optim_wrapper)
    for step in range(2):
        data = {}
        for domain, size in SIZES.items():
            size = SIZES['source'] if method == 'mic' else size
            batch = random_batch(size, 19, batch_size=2, seed=2 * step + (domain == 'target'))
            for sample in batch['data_samples']:  # equally many labelled pixels in every image
                sample.gt_sem_seg.data %= 19
            mine = slice(rank, rank + 1) if world > 1 else slice(0, 2)
            data[domain] = {key: entries[mine] for key, entries in batch.items()}
        model.train_step(data, optimizers)
    model = getattr(model, 'module', model)
    torch.save(dict(state_dict=model.state_dict()), f'{out}.{rank}')


if __name__ == '__main__':
    main(*sys.argv[1:])
