"""Evaluate a checkpoint: python tools/test.py CONFIG CHECKPOINT. Writes metrics.json.

The config's other_test_dataloaders are evaluated after its test_dataloader, by the same network and
evaluator.
"""

import json
import math
import os
import time

from mmengine.dist import is_main_process
from mmengine.hooks import LoggerHook

from mmseg_gl.cli.parser import ToolParser, add_run_arguments
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.run_config import load_run_config
from mmseg_gl.datasets.inspection import check_files
from mmseg_gl.engine.checkpoint import load_segmentor
from mmseg_gl.engine.hooks import PredictionWriterHook
from mmseg_gl.engine.safe_runner import SafeRunner
from mmseg_gl.errors import UserError, check_is_file
from mmseg_gl.evaluation import UDAIoUMetric
from mmseg_gl.evaluation.uda_iou_metric import names_of_means
from mmseg_gl.files import make_folder, write_text
from mmseg_gl.visualization.picture_writer_hook import PictureWriterHook

REQUIRED = ('model', 'test_dataloader', 'test_evaluator', 'default_hooks')


def parse_args():
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint of a run, or of its segmentor alone')
    parser.add_argument(
        '--weights',
        choices=['segmentor', 'teacher'],
        help='the network to evaluate (default: model.evaluated of the config, the segmentor)',
    )
    parser.add_argument(
        '--out',
        metavar='DIR',
        help='write the predictions as label PNGs; those of other test sets into subfolders',
    )
    parser.add_argument('--show-dir', metavar='DIR', help='write the predictions as pictures')
    add_run_arguments(parser)
    return parser.parse_args()


def main():
    args = parse_args()
    cfg = load_run_config(args, REQUIRED)
    check_is_file(args.checkpoint, 'checkpoint')
    check_files(cfg, ('test',))
    cfg.load_from, cfg.resume = None, False  # the checkpoint alone decides
    if args.weights:
        cfg.model.evaluated = args.weights
    make_folder(cfg.work_dir, '--work-dir')
    if args.out:
        make_folder(args.out, '--out')
        cfg.custom_hooks = [
            *cfg.get('custom_hooks', []),
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
    metrics = measure(runner, runner.test)
    others = {}
    for name, loader in (cfg.get('other_test_dataloaders') or {}).items():
        use_test_set(runner, name, loader, cfg.test_evaluator, args)
        others[name] = measure(runner, runner.test_loop.run)
    if is_main_process():
        metrics['checkpoint'] = args.checkpoint
        if others:
            metrics['other_test_sets'] = others
        print(f'wrote {write_metrics(cfg.work_dir, metrics)}')


def measure(runner, test):
    """Run a test.

    Args:
        runner (SafeRunner): Its test loop has the data set and the evaluator.
        test (Callable[[], dict]): Runs it and returns its figures.

    Returns:
        dict: The figures in percent by name, None for a class that does not occur, and 'protocol'.
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
    protocols = [m.protocol for m in runner.test_evaluator.metrics if isinstance(m, UDAIoUMetric)]
    return {**metrics, 'protocol': protocols[0] if protocols else None}


def use_test_set(runner, name, loader, evaluator, args):
    """Let a runner that has tested turn to another test set.

    Args:
        runner (SafeRunner): Its next results and predictions go to places named after the test set.
        name (str): The test set.
        loader (dict): Config of its data loader.
        evaluator (dict | list[dict]): Config of the evaluator.
        args (Namespace): With the folders of predictions and pictures, if they are written.
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


def write_metrics(work_dir, metrics):
    """Write metrics.json; an earlier one with other contents is kept as metrics.N.json."""
    text = json.dumps(metrics, indent=1)
    path = os.path.join(work_dir, 'metrics.json')
    if os.path.lexists(path) and not (os.path.isfile(path) and read_text(path) == text):
        number = 1
        while os.path.lexists(kept := os.path.join(work_dir, f'metrics.{number}.json')):
            number += 1
        os.rename(path, kept)
        print(f'kept the earlier results as {kept}')
    write_text(path, text)
    return path


def read_text(path):
    with open(path, errors='replace') as file:
        return file.read()


if __name__ == '__main__':
    run_tool(main)
