"""Evaluate a checkpoint: python tools/test.py CONFIG CHECKPOINT. Writes metrics.json."""

import json
import math
import os
import time

from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmseg_gl.apis import add_run_arguments, load_run_config, load_segmentor
from mmseg_gl.cli import make_folder, run_tool
from mmseg_gl.datasets.inspection import check_files
from mmseg_gl.errors import UserError
from mmseg_gl.evaluation import UDAIoUMetric
from mmseg_gl.evaluation.uda_iou_metric import names_of_means
from mmseg_gl.files import write_text
from mmseg_gl.tool_parser import ToolParser

REQUIRED = ('model', 'test_dataloader', 'test_evaluator', 'default_hooks')


def parse_args():
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint of a run, or of its segmentor alone')
    parser.add_argument('--out', metavar='DIR', help='write the predictions as label PNGs')
    parser.add_argument('--show-dir', metavar='DIR', help='write the predictions as pictures')
    add_run_arguments(parser)
    return parser.parse_args()


def main():
    args = parse_args()
    cfg = load_run_config(args, REQUIRED)
    if not os.path.isfile(args.checkpoint):
        raise UserError(f'there is no checkpoint file {args.checkpoint}')
    check_files(cfg, ('test',))
    cfg.load_from, cfg.resume = None, False  # the checkpoint alone decides
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
        cfg.default_hooks.visualization.draw = True
        cfg.visualizer.save_dir = args.show_dir
    runner = Runner.from_cfg(cfg)
    load_segmentor(runner.model, args.checkpoint)
    start = time.time()
    figures = runner.test()
    if is_main_process():
        images = len(runner.test_dataloader.dataset)
        print(f'{images} images, {images / (time.time() - start):.2f} images/s')
        classes = runner.test_dataloader.dataset.metainfo['classes']
        metrics = runner.test_loop.evaluator.metrics
        protocols = [m.protocol for m in metrics if isinstance(m, UDAIoUMetric)]
        protocol = protocols[0] if protocols else None
        path = write_metrics(cfg.work_dir, args.checkpoint, figures, classes, protocol)
        print(f'wrote {path}')


def write_metrics(work_dir, checkpoint, figures, classes, protocol):
    """Write metrics.json; an earlier one with other contents is kept as metrics.N.json."""
    names = (*names_of_means(classes), *(f'IoU.{name}' for name in classes))
    contents = {name: figures.get(name) for name in names}  # null: the class does not occur
    contents = {k: None if v is None or math.isnan(v) else float(v) for k, v in contents.items()}
    contents['protocol'] = protocol
    contents['checkpoint'] = checkpoint
    text = json.dumps(contents, indent=1)
    path = os.path.join(work_dir, 'metrics.json')
    if os.path.exists(path) and read_text(path) != text:
        number = 1
        while os.path.exists(kept := os.path.join(work_dir, f'metrics.{number}.json')):
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
