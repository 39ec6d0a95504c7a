"""Options of tools/test.py that change the network or its images at test time."""

import argparse
import sys
from typing import Any

from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.dist import is_main_process
from mmseg.registry import DATASETS
from torch.utils.data import DataLoader

from mmseg_gl.cli.progress import progress
from mmseg_gl.datasets.inspection import datasets_in, list_images
from mmseg_gl.datasets.training_images import TrainingImages, with_labels
from mmseg_gl.datasets.views_pipeline import views_pipeline
from mmseg_gl.engine.safe_runner import SafeRunner
from mmseg_gl.errors import UserError
from mmseg_gl.evaluation import UDAIoUMetric
from mmseg_gl.models.test_time import AveragedViews, Tent, target_batch_norm

SCALES = (0.75, 1.0, 1.25)
RATE = 1e-3  # TENT


def number_above_0(text: str) -> float:
    """Parse a finite number above 0; an argparse type."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float('inf'):
        raise argparse.ArgumentTypeError(f'{text}: expected a number above 0')
    return number


def add_test_time_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to an argument parser."""
    parser.add_argument(
        '--tta',
        nargs='*',
        type=number_above_0,
        metavar='SCALE',
        help='test-time augmentation: average the probabilities of views of these scales, each '
        f'also flipped (default: {" ".join(map(str, SCALES))}; mmseg: 0.5 0.75 1.0 1.25 1.5 1.75)',
    )
    parser.add_argument(
        '--adapt',
        choices=['bn', 'tent'],
        help="adapt without source images: bn takes batch norm's statistics from target images "
        'before the test, tent lowers the entropy of the test images during it (TENT)',
    )
    parser.add_argument(
        '--adapt-images',
        metavar='DIR',
        help="images for --adapt bn (default: the target's training images of the config)",
    )
    parser.add_argument(
        '--adapt-lr',
        type=number_above_0,
        metavar='RATE',
        help=f'learning rate of --adapt tent (default: {RATE})',
    )


class TestTime:
    """What the options change.

    Args:
        args: With the options.
        cfg: Config of the test.

    Attributes:
        remarks: What the protocol must name.

    Raises:
        UserError: For options that do not go together, and without images to adapt to.
    """

    def __init__(self, args: argparse.Namespace, cfg: Config) -> None:
        self.scales = SCALES if args.tta == [] else args.tta
        self.method, self.rate = args.adapt, args.adapt_lr or RATE
        self.remarks: list[str] = []
        self.tent: Tent | None = None
        self.batch_size = cfg.test_dataloader.get('batch_size', 1)
        if args.adapt_images and self.method != 'bn':
            raise UserError(
                '--adapt-images is for --adapt bn; tent adapts to the test images themselves'
            )
        if args.adapt_lr and self.method != 'tent':
            raise UserError('--adapt-lr is for --adapt tent; leave it out')
        if self.method == 'tent' and self.scales:
            raise UserError(
                '--adapt tent does not go with --tta, whose views it would adapt to one by one; '
                'leave one of them out'
            )
        if self.method == 'tent' and args.launcher != 'none':
            raise UserError(
                '--adapt tent goes through the test images in order, in one process; leave out '
                '--launcher'
            )
        if self.method == 'bn':
            self.loader, self.source = target_images(cfg, args.adapt_images)

    def adapt(self, runner: SafeRunner) -> None:
        """Change the model of a runner, whose weights have been loaded."""
        size = f'in batches of {self.batch_size}'
        if self.method == 'bn':
            batches: Any = self.loader
            if is_main_process():
                batches = progress(self.loader, len(self.loader), 'batches')
            count = target_batch_norm(runner.model, batches)
            self.remarks.append(f'batch norm statistics of {count} {self.source}, {size}')
        if self.method == 'tent':
            self.tent = runner.model = Tent(runner.model, self.rate)
            words = f'TENT on the test images, online, {size}, learning rate {self.rate:g}'
            self.remarks.append(words)
        if self.scales:
            runner.model = AveragedViews(runner.model)
            scales = ', '.join(f'{scale:g}' for scale in self.scales)
            words = f'mean probabilities of views at {scales} times this input, each also flipped'
            self.remarks.append(words)

    def begin(self, runner: SafeRunner, loader: dict) -> None:
        """Prepare the test set that a runner's test loop has.

        Args:
            runner: The runner.
            loader: Config of the test set's data loader.
        """
        if self.tent:
            self.tent.reset()
        if self.scales:
            pipeline = views_pipeline(loader['dataset']['pipeline'], self.scales)
            runner.test_dataloader.dataset.pipeline = Compose(pipeline)
        for metric in runner.test_evaluator.metrics:
            if isinstance(metric, UDAIoUMetric):
                metric.remarks = self.remarks


def target_images(cfg: Config, folder: str | None) -> tuple[DataLoader, str]:
    """Return a data loader of unlabelled images in the test pipeline, and what they are.

    Args:
        cfg: A config.
        folder: Folder of the images; None for the target's training images of the config.

    Raises:
        UserError: When there are none.
    """
    loader, steps = cfg.test_dataloader, cfg.test_dataloader.dataset.pipeline
    training = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    if folder:
        images = dict(type='ImageFolderDataset', data_root=folder)
        list_images('--adapt-images', images)  # raises an error if there are none
        dataset = DATASETS.build({**images, 'pipeline': with_labels(steps, [])})
        words = f'images of {folder}'
    elif training.get('target'):
        for name, target in datasets_in('target', training.target).items():
            list_images(name, target)
        dataset = TrainingImages('target', training, steps, sys.maxsize)
        words = 'target training images'
    else:
        raise UserError(
            f'the config {cfg.filename} has no target images to adapt to '
            '(train_dataloader.dataset.target); name a folder of them: --adapt-images DIR'
        )
    options = {name: loader[name] for name in ('batch_size', 'num_workers') if name in loader}
    return DataLoader(dataset, collate_fn=pseudo_collate, **options), words
