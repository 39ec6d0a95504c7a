"""Translate a config's source images: python tools/translate.py CONFIG CHECKPOINT --out DIR.

Writes DIR/images/ with the names of the originals, and DIR/translation.json. Run again, it goes on
where it was stopped.
"""

import argparse
import os

import torch
from mmseg.registry import DATASETS, MODELS
from PIL import Image
from torch.utils.data import DataLoader, Subset

from mmseg_gl.cli.parser import ToolParser, add_cfg_options, whole_number
from mmseg_gl.cli.progress import progress
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.datasets.inspection import list_images
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.recorded_folder import RecordedFolder
from mmseg_gl.weights.files import below, check_tensors, read_checkpoint, tensors_of, weights_digest

PREFIX = 'generators.source_to_target.'


def parse_args():
    parser = ToolParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file of a CycleGAN with a translation_dataset')
    parser.add_argument('checkpoint', help='checkpoint of its training')
    parser.add_argument('--out', metavar='DIR', required=True, help='where to write')
    parser.add_argument(
        '--workers',
        type=whole_number(0),
        default=min(4, os.cpu_count() or 1),
        metavar='N',
        help='number of processes that read images; default: 4, or one per core; 0: none',
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main():
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options, required=('model', 'translation_dataset'))
    if cfg.model.get('type') != 'CycleGAN':
        raise UserError(f'{args.config} trains no CycleGAN, and nothing else translates images')
    generator, digest = load_generator(cfg.model.generator, args.checkpoint)
    list_images('source', cfg.translation_dataset)  # says so where there are none
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
            print(f'{len(files) - len(todo)} of {len(files)} images are there already')
        translate(generator, preprocess, dataset, todo, files, folder, args.workers)
        folder.finish()
    print(f'{len(names)} translated images are in {os.path.join(args.out, "images")}')


def load_generator(cfg, path):
    """Build the generator and load all of its weights.

    Args:
        cfg (dict): Its config.
        path (str): Checkpoint of a CycleGAN.

    Returns:
        tuple[nn.Module, str]: The generator and a SHA-256 digest of its weights.

    Raises:
        UserError: When weights are missing or of another network.
    """
    weights = below(tensors_of(read_checkpoint(path)), PREFIX)
    generator = MODELS.build(cfg)
    check_tensors(generator, weights, path, "this config's generator")
    generator.load_state_dict(weights)
    return generator.eval(), weights_digest(generator)


@torch.no_grad()
def translate(generator, preprocess, dataset, todo, files, folder, workers):
    """Translate the images ``todo`` of a data set, one at a time, and write them.

    Args:
        generator (nn.Module): Takes and returns (1, 3, H, W), RGB in [-1, 1].
        preprocess (nn.Module): The model's data preprocessor.
        dataset (Dataset): Of ``inputs`` and ``data_samples``.
        todo (list[int]): Indices of images.
        files (list[str]): File name per index.
        folder (RecordedFolder): Where to write.
        workers (int): Number of reading processes.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    generator, preprocess = generator.to(device), preprocess.to(device)
    loader = DataLoader(Subset(dataset, todo), batch_size=None, num_workers=workers)
    for index, item in progress(zip(todo, loader), len(todo)):
        batch = {key: [value] for key, value in item.items()}
        output = generator(preprocess(batch, False)['inputs'])[0]
        pixels = ((output + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
        save(Image.fromarray(pixels), folder, files[index])


def save(image, folder, name):
    is_jpeg = name.lower().endswith(('.jpg', '.jpeg'))
    with folder.write(name) as file:
        image.save(file, **(dict(format='JPEG', quality=95) if is_jpeg else dict(format='PNG')))


if __name__ == '__main__':
    run_tool(main)
