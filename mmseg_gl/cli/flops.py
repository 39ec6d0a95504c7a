"""Count the parameters of a config's segmentor, and the multiply-adds of predicting one image.

The network is not run and needs no memory: PyTorch counts on shapes alone. Convolutions and matrix
products are counted, all that resizes, normalises or adds is not. Heads for training only have
parameters, but no multiply-adds.

Example:
    python tools/flops.py CONFIG.py --size 512x1024
"""

import argparse
from collections.abc import Mapping

import torch
from mmengine.config import Config, ConfigDict
from mmseg.registry import MODELS
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmseg_gl.cli.parser import ToolParser, add_cfg_options, image_size
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.deployment.exportable_segmentor import ExportableSegmentor
from mmseg_gl.deployment.model_config import plain_model
from mmseg_gl.deployment.pipeline import DEFAULT_SIZE, input_size
from mmseg_gl.errors import UserError
from mmseg_gl.models import MultiOutputEncoderDecoder


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--size',
        type=image_size,
        metavar='HxW',
        help=f'size of the image (default: that of the test pipeline, or else '
        f'{DEFAULT_SIZE[0]}x{DEFAULT_SIZE[1]})',
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    size = args.size or config_size(cfg)
    if 'segmentor' not in cfg.model:
        raise UserError(f'a {cfg.model.type} is not a segmentor; name a config that trains one')
    with torch.device('meta'):
        model = plain_model(cfg.model.segmentor, cfg.model.data_preprocessor)
        segmentor = MODELS.build(ConfigDict(model)).eval()
    counts = multiply_adds(segmentor, size)
    print(f'{args.config}, one image of {size[0]}x{size[1]} (height x width)')
    print(f'{"":26}{"parameters":>14}{"multiply-adds":>16}')
    for name, module in segmentor.named_children():
        if name != 'data_preprocessor':
            print(row(name, number_of_parameters(module), counts[name]))
    print(row('total', number_of_parameters(segmentor), counts['total']))


def config_size(cfg: Config) -> tuple[int, int]:
    """Return the size of the test pipeline's images, (height, width)."""
    loader = cfg.get('test_dataloader') or {}
    pipeline = loader.get('dataset', {}).get('pipeline', ())
    return input_size(pipeline) or DEFAULT_SIZE


def multiply_adds(segmentor: MultiOutputEncoderDecoder, size: tuple[int, int]) -> Mapping[str, int]:
    """Count the multiply-adds of predicting one image on the meta device.

    Args:
        segmentor: On the meta device.
        size: Height and width of the image in pixels.

    Returns:
        Counts by the names of the segmentor's parts, and 'total'.
    """
    network = ExportableSegmentor(segmentor)
    counter = FlopCounterMode(display=False)
    with counter, torch.device('meta'):  # with gradients: attention is fused without them
        network(torch.zeros(1, 3, *size))
    counts = counter.get_flop_counts()
    found = {
        name: sum(counts.get(f'{type(network).__name__}.segmentor.{name}', {}).values()) // 2
        for name, _ in segmentor.named_children()
    }
    total = counter.get_total_flops() // 2
    # mmseg calls the decode head's `forward` itself, past the module that is counted.
    found['decode_head'] += total - sum(found.values())
    return {**found, 'total': total}


def number_of_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def row(name: str, parameters: int, operations: int) -> str:
    return f'{name:26}{parameters / 1e6:12.3f} M{operations / 1e9:14.3f} G'


if __name__ == '__main__':
    run_tool(main)
