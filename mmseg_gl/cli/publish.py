"""Write the adapted segmentor of a checkpoint to a file of its own.

The file holds the weights, the network's config, the classes, and how images are read and
normalised; mmseg_gl.load(FILE) predicts with it. A config for mmseg's own functions is written
beside it. Both names end in the first eight digits of the SHA-256 sum: NAME-1a2b3c4d.pth and .py.

Example:
    python tools/publish.py CONFIG.py work_dirs/CONFIG/iter_40.pth published/
"""

import argparse
import os

from mmengine.config import Config

from mmseg_gl.cli.parser import ToolParser, add_cfg_options, add_weights_argument
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.deployment.mmseg_config import mmseg_config
from mmseg_gl.deployment.published import published, to_bytes
from mmseg_gl.errors import UserError, check_is_file
from mmseg_gl.files import make_folder, write_bytes

REQUIRED = ('model', 'test_dataloader')
HEADER = '# For mmseg.apis.init_model(CONFIG, FILE): CONFIG is this file, FILE the .pth beside it.'


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint of a run, or of a segmentor alone')
    parser.add_argument('out', help='folder, or the path of the file without -1a2b3c4d.pth')
    add_weights_argument(parser, 'publish')
    parser.add_argument(
        '--metrics',
        metavar='FILE',
        help='metrics.json of tools/test.py (default: the one in the folder of the checkpoint)',
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options, REQUIRED)
    check_is_file(args.checkpoint, 'checkpoint')
    if args.weights:
        cfg.model.evaluated = args.weights
    contents = published(cfg, args.checkpoint, args.metrics)
    content, digits = to_bytes(contents)
    stem = f'{stem_of(args.out, args.config)}-{digits}'
    make_folder(os.path.dirname(stem) or '.', 'OUT')
    own = contents['mmseg_gl']
    config = mmseg_config(own['model'], own['test_pipeline'], imports_of(cfg))
    text = f'{HEADER}\n{config.pretty_text}'
    for path, new in ((f'{stem}.py', text.encode()), (f'{stem}.pth', content)):
        keep_or_write(path, new)
    figures = ', '.join(f'{k} {v:g}' for k, v in own['figures'].items() if k.startswith('mIoU'))
    print(f'figures: {figures or "none (--metrics FILE, which tools/test.py writes)"}')
    print(f'wrote {stem}.pth and .py')


def stem_of(out: str, config: str) -> str:
    """Return the path of the files without their digits: in a folder, under the config's name."""
    if os.path.isdir(out) or out.endswith(os.sep):
        return os.path.join(out, os.path.splitext(os.path.basename(config))[0])
    return out.removesuffix('.pth')


def imports_of(cfg: Config) -> list[str]:
    """Return the modules that a config imports; this library among them."""
    imports = (cfg.get('custom_imports') or {}).get('imports') or []
    imports = [imports] if isinstance(imports, str) else list(imports)
    return imports if 'mmseg_gl' in imports else ['mmseg_gl', *imports]


def keep_or_write(path: str, content: bytes) -> None:
    """Write a new file; one with the same content stays as it is.

    Raises:
        UserError: If the file exists with other content.
    """
    if os.path.lexists(path):
        if os.path.isfile(path) and read(path) == content:
            return
        raise UserError(f'{path} exists with other contents; choose another OUT')
    write_bytes(path, content)


def read(path: str) -> bytes:
    with open(path, 'rb') as file:
        return file.read()


if __name__ == '__main__':
    run_tool(main)
