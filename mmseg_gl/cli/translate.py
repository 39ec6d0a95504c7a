"""Translate the source images of a config into the style of the target.

Writes DIR/images/, with the file names of the originals, and DIR/translation.json. The same command
resumes an interrupted run.

Example:
    python tools/translate.py configs/bdl/cyclegan_street-scenes.py iter_40.pth --out my_images
"""

import argparse
import os
from collections.abc import Sequence

import torch
from mmseg.registry import DATASETS, MODELS
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

from mmseg_gl.cli.parser import ToolParser, add_cfg_options, whole_number
from mmseg_gl.cli.progress import progress
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.datasets.inspection import list_images
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.recorded_folder import RecordedFolder
from mmseg_gl.weights.files import below, check_tensors, read_checkpoint, tensors_of, weights_digest

PREFIX = 'generators.source_to_target.'


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file of a CycleGAN with a translation_dataset')
    parser.add_argument('checkpoint', help='checkpoint of its training')
    parser.add_argument('--out', metavar='DIR', required=True, help='output folder')
    parser.add_argument(
        '--workers',
        type=whole_number(0),
        default=min(4, os.cpu_count() or 1),
        metavar='N',
        help='number of processes that read images, may be 0; default: one per core, at most 4',
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options, required=('model', 'translation_dataset'))
    if cfg.model.get('type') != 'CycleGAN':
        raise UserError(f'{args.config} is not the config of a CycleGAN, which translation needs')
    generator, digest = load_generator(cfg.model.generator, args.checkpoint)
    list_images('source', cfg.translation_dataset)  # raises an error if there are none
    dataset = DATASETS.build(cfg.translation_dataset)
    root = dataset.data_prefix['img_path']
    names = [os.path.relpath(sample['img_path'], root) for sample in dataset.load_data_list()]
    files = [os.path.join('images', name) for name in names]
    folder = RecordedFolder(
        args.out,
        'translation.json',
        run=dict(generator=digest, dataset=cfg.translation_dataset.to_dict()),
        about=dict(config=args.config, checkpoint=args.checkpoint, images=len(names)),
        files=files,
        inputs=[root],
    )
    preprocess = MODELS.build(cfg.model.data_preprocessor)
    with folder.open():
        todo = [index for index, file in enumerate(files) if file not in folder.done]
        if len(todo) < len(files):
            print(f'{len(files) - len(todo)} of {len(files)} images are already done')
        translate(generator, preprocess, dataset, todo, files, folder, args.workers)
        folder.finish()
    print(f'{len(names)} translated images are in {os.path.join(args.out, "images")}')


def load_generator(cfg: dict, path: str) -> tuple[nn.Module, str]:
    """Build the generator and load all of its weights.

    Args:
        cfg: Config of the generator.
        path: Checkpoint of a CycleGAN.

    Returns:
        The generator and a SHA-256 digest of its weights.

    Raises:
        UserError: If weights are missing or belong to another network.
    """
    weights = below(tensors_of(read_checkpoint(path)), PREFIX)
    generator = MODELS.build(cfg)
    check_tensors(generator, weights, path, "this config's generator")
    generator.load_state_dict(weights)
    return generator.eval(), weights_digest(generator)


@torch.no_grad()
def translate(
    generator: nn.Module,
    preprocess: nn.Module,
    dataset: Dataset,
    todo: Sequence[int],
    files: Sequence[str],
    folder: RecordedFolder,
    workers: int,
) -> None:
    """Translate images of a data set one by one and write them.

    Args:
        generator: Network with input and output of shape (1, 3, H, W), RGB in [-1, 1].
        preprocess: Data preprocessor of the model.
        dataset: Data set of ``inputs`` and ``data_samples``.
        todo: Indices of the images to translate.
        files: Output file name of each image of the data set.
        folder: Output folder.
        workers: Number of processes that read images.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    generator, preprocess = generator.to(device), preprocess.to(device)
    loader = DataLoader(Subset(dataset, todo), batch_size=None, num_workers=workers)
    for index, item in progress(zip(todo, loader), len(todo)):
        batch = {key: [value] for key, value in item.items()}
        output = generator(preprocess(batch, False)['inputs'])[0]
        pixels = ((output + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
        save(Image.fromarray(pixels), folder, files[index])


def save(image: Image.Image, folder: RecordedFolder, name: str) -> None:
    """Write an image as a JPEG (quality 95) or PNG, according to its name."""
    is_jpeg = name.lower().endswith(('.jpg', '.jpeg'))
    with folder.write(name) as file:
        image.save(file, **(dict(format='JPEG', quality=95) if is_jpeg else dict(format='PNG')))


if __name__ == '__main__':
    run_tool(main)
