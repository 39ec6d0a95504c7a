"""Time the parts of a config's training step.

Images and weights are random, so no data set is needed. Prints a table and, as the last line, one
JSON object.

Example:
    python tools/benchmark.py configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py
"""

import argparse
import json
import os
import re
from collections.abc import Sequence
from typing import Any

import torch

from mmseg_gl.cli.parser import ToolParser, add_cfg_options, whole_number
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.config.mixed_precision import use_amp
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.plain_floor import PlainFloor
from mmseg_gl.experiments.step_setup import Size, build_benchmark, device_name, image_sizes

REQUIRED = ('model', 'train_dataloader', 'optim_wrapper')


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
        help="image size, or those of the source and the target (default: the config's)",
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
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.json and os.path.exists(args.json):
        raise UserError(f'--json {args.json} exists; name a new file')
    cfg = load_config(args.config, args.cfg_options, REQUIRED)
    dataset = cfg.train_dataloader.dataset
    sizes = given_sizes(args.size, dataset) if args.size else image_sizes(dataset)
    batch_size = args.batch_size or cfg.train_dataloader.batch_size
    if args.amp:
        use_amp(cfg, args.amp)
    benchmark, active = build_benchmark(cfg, sizes, batch_size, args.phase)
    plain = PlainFloor(cfg, sizes, batch_size) if args.plain else None
    figures = benchmark.run(args.iters, plain=plain.measure if plain else None)
    if plain:
        plain.close()
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
        **rounded(figures),
    )
    print(table(result))
    line = json.dumps(result)
    if args.json:
        with open(args.json, 'x') as file:
            file.write(line + '\n')
    print(line)


def given_sizes(given: Sequence[str], dataset: dict) -> dict[str, Size]:
    """Return the image sizes of ``--size`` by domain.

    Raises:
        UserError: If there is neither one for all nor one for each domain of the training data.
    """
    domains = [d for d in ('source', 'target') if dataset.get(d)]
    given = list(given) * len(domains) if len(given) == 1 else given
    are_sizes = all(re.fullmatch(r'[1-9]\d*x[1-9]\d*', size) for size in given)
    if len(given) != len(domains) or not are_sizes:
        raise UserError(
            f'--size {" ".join(given)}: expected WxH, or one for each of '
            f'{", ".join(domains)}, e.g. 640x360 512x256'
        )
    pairs = [size.split('x') for size in given]
    return {domain: (int(w), int(h)) for domain, (w, h) in zip(domains, pairs)}


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
        share = f'{seconds / result["step_s"]:.1%}' if seconds > 0 else 'about 0'
        lines.append(f'{name:<28}{max(seconds, 0):>9.3f}{share:>8}')
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
    run_tool(main)
