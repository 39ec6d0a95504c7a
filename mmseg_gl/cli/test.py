"""Evaluate a checkpoint on the test data of a config.

Prints a table of the IoU of each class, and writes metrics.json, the confusion matrix and the
figures of each image to the work dir. The config's other_test_dataloaders are evaluated after its
test_dataloader, with the same network and evaluator.

Example:
    python tools/test.py CONFIG.py work_dirs/CONFIG/iter_40.pth
"""

import argparse
import json
import math
import os
import time
from collections.abc import Callable
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import LoggerHook

from mmseg_gl.cli.parser import ToolParser, add_run_arguments, add_weights_argument
from mmseg_gl.cli.test_time import TestTime, add_test_time_arguments
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.run_config import load_run_config
from mmseg_gl.datasets.inspection import check_files
from mmseg_gl.engine.checkpoint import load_segmentor, unwrapped
from mmseg_gl.engine.hooks import PredictionWriterHook
from mmseg_gl.engine.safe_runner import SafeRunner
from mmseg_gl.errors import UserError, check_is_file
from mmseg_gl.evaluation import UDAIoUMetric
from mmseg_gl.evaluation.uda_iou_metric import names_of_means
from mmseg_gl.experiments.test_results import files_of, findings, write_results
from mmseg_gl.files import make_folder
from mmseg_gl.visualization.picture_writer_hook import PictureWriterHook
from mmseg_gl.weights.files import weights_digest

REQUIRED = ('model', 'test_dataloader', 'test_evaluator', 'default_hooks')


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint of a run, or of a segmentor alone')
    add_weights_argument(parser, 'evaluate')
    parser.add_argument(
        '--out',
        metavar='DIR',
        help='write the predictions as label PNGs, those of other test sets to subfolders',
    )
    parser.add_argument('--show-dir', metavar='DIR', help='write the predictions as pictures')
    add_test_time_arguments(parser)
    add_run_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_run_config(args, REQUIRED)
    check_is_file(args.checkpoint, 'checkpoint')
    check_files(cfg, ('test',))
    cfg.load_from, cfg.resume = None, False  # the checkpoint alone decides
    if args.weights:
        cfg.model.evaluated = args.weights
    test_time = TestTime(args, cfg)
    make_folder(cfg.work_dir, '--work-dir')
    if args.out:
        make_folder(args.out, '--out')
        cfg.custom_hooks = [
            *(cfg.get('custom_hooks') or []),
            dict(type='PredictionWriterHook', out_dir=args.out),
        ]
    if args.show_dir:
        make_folder(args.show_dir, '--show-dir')
        if os.listdir(args.show_dir):
            raise UserError(f'--show-dir {args.show_dir} is not empty; choose a new folder')
    runner = SafeRunner.from_cfg(cfg)
    if args.show_dir:
        runner.register_hook(PictureWriterHook(args.show_dir))
    load_segmentor(runner.model, args.checkpoint)
    digest = weights_digest(unwrapped(runner.model).network)
    test_time.adapt(runner)
    test_time.begin(runner, cfg.test_dataloader)
    metrics, files = measure(runner, runner.test)
    others = {}
    for name, loader in (cfg.get('other_test_dataloaders') or {}).items():
        use_test_set(runner, name, loader, cfg.test_evaluator, args)
        test_time.begin(runner, loader)
        others[name], more = measure(runner, runner.test_loop.run, f'_{name}')
        files.update(more)
    if is_main_process():
        metrics.update(checkpoint=args.checkpoint, weights_sha256=digest)
        if test_time.remarks:  # then these are not figures of the checkpoint alone
            metrics['test_time'] = test_time.remarks
        if others:
            metrics['other_test_sets'] = others
        files = {'metrics.json': json.dumps(metrics, indent=1).encode(), **files}
        write_results(cfg.work_dir, files)
        print(f'wrote {", ".join(files)} to {cfg.work_dir}')


def measure(
    runner: SafeRunner, test: Callable[[], dict], ending: str = ''
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Run a test and print its speed, what is confused, and the worst and the best images.

    Args:
        runner: Runner whose test loop has the data set and the evaluator.
        test: Runs the test and returns its metrics.
        ending: Of the names of the test's files, before their suffix.

    Returns:
        Metrics in percent by name, None for a class that does not occur, and 'protocol'; and in the
        first process the contents of further files by name.
    """
    start = time.time()
    figures = test()
    dataset = runner.test_dataloader.dataset
    if is_main_process():
        images = len(dataset)
        print(f'{images} images, {images / (time.time() - start):.2f} images/s')
    classes = dataset.metainfo['classes']
    names = (*names_of_means(classes), *(f'IoU.{name}' for name in classes))
    metrics = {name: figures.get(name) for name in names}
    metrics = {k: None if v is None or math.isnan(v) else float(v) for k, v in metrics.items()}
    measured = [m for m in runner.test_evaluator.metrics if isinstance(m, UDAIoUMetric)]
    files = {}
    if measured and is_main_process():
        print(findings(measured[0]))
        files = files_of(measured[0], ending)
    return {**metrics, 'protocol': measured[0].protocol if measured else None}, files


def use_test_set(
    runner: SafeRunner,
    name: str,
    loader: dict,
    evaluator: dict | list[dict],
    args: argparse.Namespace,
) -> None:
    """Switch a runner that has run its test to another test set.

    Its next log, predictions and pictures go to a file and folders named after the test set.

    Args:
        runner: The runner.
        name: Name of the test set.
        loader: Config of the data loader.
        evaluator: Config of the evaluator.
        args: Command line arguments, with the folders of predictions and pictures.
    """
    runner.logger.info(f'Test set {name}:')
    loop = runner.test_loop
    loop.dataloader = runner.build_dataloader(loader, seed=runner.seed)
    loop.evaluator = runner.build_evaluator(evaluator)
    metainfo = loop.dataloader.dataset.metainfo
    loop.evaluator.dataset_meta = runner.visualizer.dataset_meta = metainfo
    for hook in runner.hooks:
        if isinstance(hook, LoggerHook):
            hook.json_log_path = f'{runner.timestamp}_{name}.json'
        if isinstance(hook, PredictionWriterHook):
            hook.out_dir = os.path.join(args.out, name)
        if isinstance(hook, PictureWriterHook):
            hook.out_dir = os.path.join(args.show_dir, name)


if __name__ == '__main__':
    run_tool(main)
