"""Export a published network to ONNX, or to PyTorch's own format.

The exported network takes RGB images (N, 3, H, W), float32 from 0 to 255, and returns logits
(N, K, H, W), whose softmax gives the probabilities of the K classes, and labels (N, H, W) uint8.
Normalisation is inside; resizing images to the size for which the network was made is not. The tool
compares the output with PyTorch's, and writes nothing if they do not agree.

Example:
    python tools/export_onnx.py published/NAME-1a2b3c4d.pth NAME.onnx
"""

import argparse
import os

from mmseg_gl.cli.parser import ToolParser, image_size, whole_number
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.deployment.export import (
    agreement,
    export,
    is_dynamic,
    onnx_network,
    second_size,
    to_onnx,
    to_torch,
    torch_network,
)
from mmseg_gl.deployment.pipeline import DEFAULT_SIZE, input_size
from mmseg_gl.deployment.predictor import Predictor
from mmseg_gl.errors import UserError, check_installed
from mmseg_gl.files import write_bytes


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('file', help='file written by tools/publish.py')
    parser.add_argument('out', help='file to write; must not exist')
    parser.add_argument(
        '--format',
        choices=['onnx', 'pt2'],
        default='onnx',
        help='pt2 is for torch.export.load (default: onnx)',
    )
    parser.add_argument(
        '--size',
        type=image_size,
        metavar='HxW',
        help='size of the example images (default: that of the test pipeline)',
    )
    parser.add_argument(
        '--fixed-size', action='store_true', help='export for images of this size only'
    )
    parser.add_argument(
        '--opset',
        type=whole_number(18),
        help="version of ONNX's operators (default: PyTorch's)",
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.format == 'onnx':
        check_installed(('onnx', 'onnxscript', 'onnxruntime'), 'onnx')
    elif args.opset:
        raise UserError('--opset is for --format onnx; drop it')
    if os.path.lexists(args.out):
        raise UserError(f'{args.out} exists and will not be overwritten; choose another OUT')
    if not os.access(os.path.dirname(args.out) or '.', os.W_OK):
        raise UserError(f'cannot write to the folder of {args.out}; choose another OUT')
    predictor = Predictor(args.file, 'cpu')
    size = args.size or input_size(predictor.about['test_pipeline']) or DEFAULT_SIZE
    program = export(predictor, size, args.fixed_size)
    any_number, any_size = is_dynamic(program)
    about = dict(
        classes=predictor.classes,
        palette=predictor.palette.tolist(),
        protocol=predictor.protocol,
        figures=predictor.figures,
        size=size,
        source=os.path.basename(args.file),
    )
    if args.format == 'onnx':
        content = to_onnx(program, args.opset, about)
        network = onnx_network(content)
    else:
        content = to_torch(program, about)
        network = torch_network(content)
    second = second_size(size) if any_size else size
    for number, sides in zip((2, 1, 3) if any_number else (2, 2), (size, second, second)):
        result = agreement(predictor, network, (number, 3, *sides))
        print(result)
        if not result.is_good():
            raise UserError(
                f'the exported network does not agree with PyTorch ({result}), and was not '
                'written; try --fixed-size, or another --size or --opset'
            )
    write_bytes(args.out, content)
    sizes = 'any size' if any_size else f'{size[0]}x{size[1]} pixels only'
    print(f'wrote {args.out}: images of {sizes}, {"any number" if any_number else 2} at once')
    if not (any_size or args.fixed_size):
        print('the size is fixed, since this network cuts images into windows')


if __name__ == '__main__':
    run_tool(main)
