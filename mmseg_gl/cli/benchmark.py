"""Time the parts of a config's training step.

Images and weights are random, so no data set is needed. Prints a table and, as the last line, one
JSON object.

Example:
    python tools/benchmark.py configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py
"""

import argparse
import json
import logging
import os
import platform
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmseg.registry import HOOKS, MODELS

from mmseg_gl.cli.parser import ToolParser, add_cfg_options, whole_number
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.config.mixed_precision import use_amp
from mmseg_gl.datasets.inspection import datasets_in
from mmseg_gl.engine import PhaseHook
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.step_timing import StepBenchmark, random_batch
from mmseg_gl.models import UDASegmentor
from mmseg_gl.models.decode_heads import deeplabv2_head

REQUIRED = ('model', 'train_dataloader', 'optim_wrapper')

Floors = dict[str, dict[str, float]]  # seconds by layout and part, see StepBenchmark.floors


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--iters', type=whole_number(1), default=5, help='timed iterations (default: 5)'
    )
    parser.add_argument(
        '--size',
        nargs='+',
        metavar='WxH',
        help="image sizes of the source and the target (default: the config's)",
    )
    parser.add_argument(
        '--phase', type=int, help='phase of training to time, counted from 1 (default: the last)'
    )
    parser.add_argument(
        '--batch-size', type=whole_number(1), help="images of each domain (default: the config's)"
    )
    parser.add_argument('--json', metavar='FILE', help='also write the JSON object to a new file')
    parser.add_argument(
        '--amp', nargs='?', const='bf16', choices=['bf16', 'fp16'], help='mixed precision'
    )
    parser.add_argument(
        '--plain',
        action='store_true',
        help='alternately, in a second process, also time the segmentor alone with ordinary '
        'convolutions and, on a CPU, the default allocator',
    )
    parser.add_argument('--serve-floor', action='store_true', help=argparse.SUPPRESS)
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.json and os.path.exists(args.json):
        raise UserError(f'--json {args.json} exists; name a new file')
    cfg = load_config(args.config, args.cfg_options, REQUIRED)
    sizes = image_sizes(args.size, cfg.train_dataloader.dataset)
    batch_size = args.batch_size or cfg.train_dataloader.batch_size
    if args.amp:
        use_amp(cfg, args.amp)
    if args.serve_floor:
        deeplabv2_head.summed_dilated_conv = lambda features, convs: sum(
            conv(features) for conv in convs
        )
    benchmark, active = build(cfg, sizes, batch_size, args.phase)
    if args.serve_floor:
        return serve_floor(benchmark)
    plain = PlainFloor(sys.argv[1:]) if args.plain else None
    if plain:
        benchmark.floors = plain.beside(benchmark.floors)  # type: ignore[method-assign]
    result = dict(
        config=args.config,
        sizes={domain: f'{w}x{h}' for (domain, (w, h)) in sizes.items()},
        batch_size=batch_size,
        active=active,
        precision=args.amp or 'float32',
        device=device_name(),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        iters=args.iters,
        **benchmark.run(args.iters),
    )
    if plain:
        result.update(plain.result())
    result = rounded(result)
    print(table(result))
    line = json.dumps(result)
    if args.json:
        with open(args.json, 'x') as file:
            file.write(line + '\n')
    print(line)


def image_sizes(given: Sequence[str] | None, dataset: dict) -> dict[str, tuple[int, int]]:
    """Return the image size (width, height) by domain.

    Args:
        given: Values of ``--size``; None for the size in the first data set of each domain.
        dataset: Config of the training data set, with the domains that the method forwards.

    Raises:
        UserError: If a size is malformed, or if a pipeline has no ``Resize``.
    """
    domains = [d for d in ('source', 'target') if dataset.get(d)]
    if given:
        if len(given) != len(domains) or not all(re.fullmatch(r'\d+x\d+', s) for s in given):
            raise UserError(
                f'--size {" ".join(given)}: expected WxH for each of {", ".join(domains)}, '
                'e.g. 640x360 512x256'
            )
        pairs = [size.split('x') for size in given]
        return {domain: (int(w), int(h)) for domain, (w, h) in zip(domains, pairs)}
    sizes = {}
    for domain in domains:
        first, *_ = datasets_in(domain, dataset[domain]).values()
        scales = [s.scale for s in first.pipeline if s.type == 'Resize']
        if not scales:
            raise UserError(
                f'the pipeline of the {domain} has no Resize that says how large its images are; '
                'use --size'
            )
        width, height = scales[-1]
        sizes[domain] = width, height
    return sizes


def build(
    cfg: Config, sizes: dict[str, tuple[int, int]], batch_size: int, phase: int | None = None
) -> tuple[StepBenchmark, list[str]]:
    """Build the benchmark.

    Args:
        cfg: Config of a training run.
        sizes: Output of :func:`image_sizes`.
        batch_size: Number of images of each domain.
        phase: Phase of training, counted from 1; None for the last.

    Returns:
        The benchmark and the names of the parts of the model that are active in the phase.

    Raises:
        UserError: If the model is no :class:`UDASegmentor`, or if the config has no such phase.
    """
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    warnings.filterwarnings('ignore', message='Full backward hook')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    if not isinstance(model, UDASegmentor):
        raise UserError(f'the model is a {type(model).__name__}; only a UDASegmentor is timed')
    hooks = [h for h in map(HOOKS.build, cfg.get('custom_hooks', [])) if isinstance(h, PhaseHook)]
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


def serve_floor(benchmark: StepBenchmark) -> None:
    """For every line on stdin, time the floor once and print its seconds."""
    print('ready', flush=True)
    for _ in sys.stdin:
        print(fastest(benchmark.floors()), flush=True)


def fastest(floors: Floors) -> float:
    """Return the seconds of the faster memory layout."""
    return min(sum(parts.values()) for parts in floors.values())


class PlainFloor:
    """Second process that times the segmentor without the optimisations of this library.

    Args:
        argv: Command line arguments of this process.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        command = [sys.executable, '-m', 'mmseg_gl.cli.benchmark', *argv, '--serve-floor']
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        while self.read() != 'ready':
            pass
        self.pairs: list[tuple[float, float]] = []  # seconds here and in the second process

    def read(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise UserError('the process for --plain has died; is there enough memory for two?')
        return line.strip()

    def beside(self, floors: Callable[[], Floors]) -> Callable[[], Floors]:
        """Return a function that measures the floors of both processes, one after the other."""

        def both() -> Floors:
            print('go', file=self.process.stdin, flush=True)
            plain = float(self.read())
            record = floors()
            self.pairs.append((fastest(record), plain))
            return record

        return both

    def result(self) -> dict[str, float]:
        """End the second process; return its median time and the median ratio of the two."""
        self.process.stdin.close()
        self.process.wait()
        pairs = self.pairs[1:]  # the first one warms up
        middle = len(pairs) // 2
        return dict(
            plain_floor_s=sorted(plain for _, plain in pairs)[middle],
            floor_over_plain=sorted(ours / plain for ours, plain in pairs)[middle],
        )


def device_name() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        with open('/proc/cpuinfo') as file:
            return next(line.split(':')[1].strip() for line in file if 'model name' in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def rounded(value: Any) -> Any:
    """Round the floats in nested dicts to four significant digits."""
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    return float(f'{value:.4g}') if isinstance(value, float) else value


def table(result: dict[str, Any]) -> str:
    sizes = ', '.join(f'{domain} {size}' for domain, size in result['sizes'].items())
    lines = [
        f'{result["config"]}: {sizes}, batch {result["batch_size"]}, {result["precision"]}, '
        f'{result["device"]}, {result["threads"]} threads, medians of {result["iters"]}',
        f'active: {", ".join(result["active"]) or "the segmentor alone"}',
        f'{"part":<28}{"seconds":>9}{"share":>8}',
    ]
    for name, seconds in result['parts_s'].items():
        lines.append(f'{name:<28}{seconds:>9.3f}{seconds / result["step_s"]:>8.1%}')
    lines += [
        f'{"whole step":<28}{result["step_s"]:>9.3f}',
        *(
            f'{f"segmentor, {layout}":<28}{seconds:>9.3f}'
            for layout, seconds in result['floors_s'].items()
        ),
        f'step / floor (segmentor alone, {result["layout"]}) {result["ratio"]:.3f}, '
        f'peak memory {result["peak_memory_gib"]:.2f} GiB',
    ]
    if result['ratio'] < 1:
        lines.append(
            'a ratio below 1 is no result: the machine was busy (repeat with more --iters), or the '
            'step runs the segmentor faster than this floor'
        )
    if 'floor_over_plain' in result:
        lines.append(
            f'floor / plain convolutions and default allocator {result["floor_over_plain"]:.3f} '
            f'({result["plain_floor_s"]:.3f} s)'
        )
    return '\n'.join(lines)


if __name__ == '__main__':
    run_tool(main, keep_memory='--serve-floor' not in sys.argv)
