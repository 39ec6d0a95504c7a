"""What trained local discriminators see: python -m tests.mixture_probe RUN...

For docs/mixture.md. RUN is a folder of compare.py, COMPARISON/CONFIG/seed_N. The discriminator of
its last checkpoint judges the outputs for 50 source images and 50 of the target's validation set.
RUN/probe.json gets figures of four groups of pixels: the labelled ones of both domains (``source``,
``target``) and those that are none of the classes (``source unlabelled``, ``target unlabelled``).
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS

from mmseg_gl.config.load import load_config
from mmseg_gl.engine.checkpoint import newest_whole_checkpoint
from mmseg_gl.weights.files import read_checkpoint

NUM_IMAGES = 50


def figures(run):
    """Return figures of each group of pixels, means over its pixels.

    ``share`` of all pixels; ``p_source``, the discriminator's probability of the source;
    ``gradient`` of the segmentor's loss with respect to a pixel's logits, as a norm in parts of the
    mean over all pixels of the domain; and ``classes``, the softmax output.
    """
    init_default_scope('mmseg')
    (config,) = run.glob('*.py')
    cfg = load_config(str(config))
    model = MODELS.build(cfg.model)
    path, _ = newest_whole_checkpoint(str(run))
    model.load_state_dict(read_checkpoint(path)['state_dict'])
    model.eval()
    training = DATASETS.build(cfg.train_dataloader.dataset)
    target = DATASETS.build(cfg.val_dataloader.dataset)
    items = dict(
        source=(training[0, n]['source'] for n in range(NUM_IMAGES)),
        target=(target[n] for n in range(NUM_IMAGES)),
    )
    head, found = model.local_head, {}
    for domain, images in items.items():
        for image in images:
            batch = model.batch(pseudo_collate([image]))
            with torch.no_grad():
                outputs = model.network(batch, mode='outputs')
            logits = outputs.logits['decode'].requires_grad_()
            scores = head.score('decode', logits)
            F.softplus(scores).sum().backward()  # to be taken for the source
            groups = found.setdefault(domain, ([], [], [], []))
            groups[0].append((batch.labels == 255).flatten())
            groups[1].append(head.probability(scores.detach()).flatten())
            groups[2].append(logits.grad.norm(dim=1).flatten())
            groups[3].append(logits.detach().softmax(dim=1)[0].flatten(1).t())
    result = {}
    for domain, parts in found.items():
        unlabelled, probability, gradient, outputs = map(torch.cat, parts)
        for name, pixels in ((domain, ~unlabelled), (f'{domain} unlabelled', unlabelled)):
            if pixels.any():
                result[name] = dict(
                    share=round(pixels.float().mean().item(), 4),
                    p_source=round(probability[pixels].mean().item(), 4),
                    gradient=round((gradient[pixels].mean() / gradient.mean()).item(), 4),
                    classes=[round(p, 4) for p in outputs[pixels].mean(dim=0).tolist()],
                )
    return result


if __name__ == '__main__':
    for run in map(Path, sys.argv[1:]):
        (run / 'probe.json').write_text(json.dumps(figures(run)))
        print(f'wrote {run}/probe.json')
