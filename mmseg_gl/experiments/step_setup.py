"""Build the benchmark of a config's training step, on random images."""

import logging
import platform
import warnings

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmengine.utils import to_2tuple
from mmseg.registry import HOOKS, MODELS
from mmseg.structures import SegDataSample

from mmseg_gl.datasets.inspection import datasets_in
from mmseg_gl.engine.hooks import PhaseHook
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.step_timing import StepBenchmark
from mmseg_gl.models import UDASegmentor

Size = tuple[int, int]  # width, height


def build_benchmark(
    cfg: Config, sizes: dict[str, Size], batch_size: int, phase: int | None = None
) -> tuple[StepBenchmark, list[str]]:
    """Build the benchmark of a config.

    Args:
        cfg: Config of a training run.
        sizes: Image size by domain.
        batch_size: Number of images of each domain.
        phase: Phase of training, counted from 1; None for the last.

    Returns:
        The benchmark and the names of the parts of the model that are active in the phase.

    Raises:
        UserError: If the model is no :class:`UDASegmentor`, or if the config has no such phase.
    """
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    warnings.filterwarnings('ignore', message='Full backward hook')
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    if not isinstance(model, UDASegmentor):
        raise UserError(f'the model is a {type(model).__name__}; only a UDASegmentor can be timed')
    hooks = [h for h in map(HOOKS.build, cfg.get('custom_hooks') or []) if isinstance(h, PhaseHook)]
    count = max([len(hook.phases) for hook in hooks], default=1)
    if phase is not None and not 1 <= phase <= count:
        raise UserError(f'--phase {phase}: expected 1 to {count}, the phases of the config')
    for hook in hooks:
        hook.resolve(model, cfg.train_cfg.max_iters)
        hook.enter(model, min(phase or count, len(hook.phases)) - 1)
    model.train()
    if torch.cuda.is_available():
        model.cuda()
        torch.backends.cudnn.benchmark = True
    num_classes = cfg.model.segmentor.decode_head.num_classes
    data = {
        domain: random_batch(size, num_classes, batch_size, seed=seed)
        for seed, (domain, size) in enumerate(sizes.items())
    }
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    return StepBenchmark(model, optim_wrapper, data), sorted(model.active)


def image_sizes(dataset: dict) -> dict[str, Size]:
    """Return the image size of the first data set of each domain that a method forwards.

    Args:
        dataset: Config of the training data set.

    Raises:
        UserError: If a pipeline has neither ``Resize`` nor ``RandomCrop``.
    """
    sizes = {}
    for domain in ('source', 'target'):
        for cfg in list(datasets_in(domain, dataset.get(domain)).values())[:1]:
            for step in cfg.pipeline:
                if step.type == 'Resize' and step.get('scale'):
                    width, height = to_2tuple(step.scale)
                elif step.type == 'RandomCrop':
                    height, width = to_2tuple(step.crop_size)
                else:
                    continue
                sizes[domain] = width, height
            if domain not in sizes:
                raise UserError(
                    f'the pipeline of the {domain} has no Resize that sets the size of its '
                    'images; use --size'
                )
    return sizes


def random_batch(
    size: tuple[int, int],
    num_classes: int,
    batch_size: int = 1,
    labelled: bool = True,
    seed: int = 0,
) -> dict[str, list]:
    """Make a batch of random images in the format of a data loader.

    Args:
        size: Width and height.
        num_classes: Labels are 0..num_classes-1; a tenth of the pixels is 255.
        batch_size: Number of images.
        labelled: Whether the images have labels.
        seed: Random seed.

    Returns:
        ``inputs`` and ``data_samples``.
    """
    generator = torch.Generator().manual_seed(seed)
    width, height = size
    inputs, samples = [], []
    for _ in range(batch_size):
        inputs.append(
            torch.randint(256, (3, height, width), generator=generator, dtype=torch.uint8)
        )
        sample = SegDataSample(metainfo=dict(img_shape=(height, width)))
        if labelled:
            labels = torch.randint(num_classes, (1, height, width), generator=generator)
            labels[torch.rand(labels.shape, generator=generator) < 0.1] = 255
            sample.gt_sem_seg = PixelData(data=labels)
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def device_name() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        with open('/proc/cpuinfo') as file:
            return next(line.split(':')[1].strip() for line in file if 'model name' in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
