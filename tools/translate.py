"""Translate a config's source images: python tools/translate.py CONFIG CHECKPOINT --out DIR.

Writes DIR/images/ with the names of the originals, and DIR/translation.json. Run again, it goes on
where it was stopped.
"""

import argparse
import json
import os
import sys
import time

import torch
from mmseg.registry import DATASETS, MODELS
from PIL import Image
from torch.utils.data import DataLoader, Subset

from mmseg_gl.apis import load_config
from mmseg_gl.cli import add_cfg_options, make_folder, run_tool
from mmseg_gl.datasets.inspection import list_images
from mmseg_gl.errors import UserError
from mmseg_gl.files import PART, whole_file, write_text
from mmseg_gl.tool_parser import ToolParser
from mmseg_gl.weights import check_tensors, read_checkpoint, tensors_of, weights_digest

PREFIX = 'generators.source_to_target.'
RECORD = 'translation.json'


def parse_args():
    parser = ToolParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file of a CycleGAN with a translation_dataset')
    parser.add_argument('checkpoint', help='checkpoint of its training')
    parser.add_argument('--out', metavar='DIR', required=True, help='where to write')
    parser.add_argument(
        '--workers',
        type=int,
        default=min(4, os.cpu_count() or 1),
        metavar='N',
        help='number of processes that read images; default: 4, or one per core; 0: none',
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main():
    args = parse_args()
    if args.workers < 0:
        raise UserError(f'--workers {args.workers}: expected at least 0')
    cfg = load_config(args.config, args.cfg_options, required=('model', 'translation_dataset'))
    if cfg.model.type != 'CycleGAN':
        raise UserError(f'{args.config} trains a {cfg.model.type}, which translates no images')
    generator, digest = load_generator(cfg.model.generator, args.checkpoint)
    list_images('source', cfg.translation_dataset)  # says so where there are none
    dataset = DATASETS.build(cfg.translation_dataset)
    root = dataset.data_prefix['img_path']
    names = [os.path.relpath(sample['img_path'], root) for sample in dataset.load_data_list()]
    record = dict(
        config=args.config,
        checkpoint=args.checkpoint,
        generator=digest,
        dataset=json.loads(json.dumps(cfg.translation_dataset.to_dict())),  # tuples become lists
        images=len(names),
        complete=False,
    )
    done = written_before(args.out, record, names)
    make_folder(args.out, '--out')
    write_record(args.out, record)
    todo = [index for index, name in enumerate(names) if name not in done]
    if done:
        print(f'{len(done)} of {len(names)} images are there already')
    preprocess = MODELS.build(cfg.model.data_preprocessor)
    translate(generator, preprocess, dataset, todo, names, args.out, args.workers)
    write_record(args.out, dict(record, complete=True))
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
    weights = {
        key.removeprefix(PREFIX): value
        for key, value in tensors_of(read_checkpoint(path)).items()
        if key.startswith(PREFIX)
    }
    generator = MODELS.build(cfg)
    check_tensors(generator, weights, path, '', "this config's generator")
    generator.load_state_dict(weights)
    return generator.eval(), weights_digest(generator)


def written_before(folder, record, names):
    """Return the names of the images that an earlier run has written to the folder.

    Raises:
        UserError: When the folder holds anything but this translation's images.
    """
    if not os.path.isdir(folder) or not os.listdir(folder):
        return set()
    path = os.path.join(folder, RECORD)
    try:
        with open(path) as file:
            earlier = json.load(file)
    except (OSError, ValueError):
        earlier = None
    if not isinstance(earlier, dict):
        raise UserError(
            f'--out {folder} is not empty and has no readable {RECORD} of an earlier run; choose a '
            'new folder'
        )
    for key, what in (
        ('generator', f'another checkpoint ({earlier.get("checkpoint")})'),
        ('dataset', 'other source images, or of the same read in another way'),
    ):
        if earlier.get(key) != record[key]:
            raise UserError(
                f'--out {folder} holds translations of {what}; choose a new folder, or delete it'
            )
    images = os.path.join(folder, 'images')
    found = {
        os.path.relpath(os.path.join(where, name), images)
        for where, _, files in os.walk(images)
        for name in files
    }
    parts = {name for name in found if name.endswith(PART)}
    others = {name for name in os.listdir(folder) if name not in ('images', RECORD, RECORD + PART)}
    if foreign := sorted(others | (found - parts - set(names))):
        raise UserError(
            f'--out {folder} holds {len(foreign)} files that are no translations (first: '
            f'{foreign[0]}); choose a new folder, or take them away'
        )
    for name in parts:  # a run that was killed
        os.remove(os.path.join(images, name))
    return found - parts


def write_record(folder, record):
    write_text(os.path.join(folder, RECORD), json.dumps(record, indent=1))


@torch.no_grad()
def translate(generator, preprocess, dataset, todo, names, folder, workers):
    """Translate the images ``todo`` of a data set, one at a time, and write them.

    Args:
        generator (nn.Module): Takes and returns (1, 3, H, W), RGB in [-1, 1].
        preprocess (nn.Module): The model's data preprocessor.
        dataset (Dataset): Of ``inputs`` and ``data_samples``.
        todo (list[int]): Indices of images.
        names (list[str]): File name per index, relative to ``folder/images``.
        folder (str): Where to write.
        workers (int): Number of reading processes.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    generator, preprocess = generator.to(device), preprocess.to(device)
    loader = DataLoader(Subset(dataset, todo), batch_size=None, num_workers=workers)
    begin = time.time()
    for count, (index, item) in enumerate(zip(todo, loader), 1):
        batch = {key: [value] for key, value in item.items()}
        output = generator(preprocess(batch, False)['inputs'])[0]
        pixels = ((output + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
        save(Image.fromarray(pixels), os.path.join(folder, 'images', names[index]))
        show_progress(count, len(todo), count / (time.time() - begin))


def save(image, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    is_jpeg = path.lower().endswith(('.jpg', '.jpeg'))
    with whole_file(path) as file:
        image.save(file, **(dict(format='JPEG', quality=95) if is_jpeg else dict(format='PNG')))


def show_progress(done, total, rate):
    """Rewrite one line on a terminal; elsewhere print a line per 1000 images and at the end."""
    line = f'{done}/{total} images, {rate:.1f} images/s'
    if sys.stdout.isatty():
        print(f'\r{line}', end='\n' if done == total else '', flush=True)
    elif done % 1000 == 0 or done == total:
        print(line, flush=True)


if __name__ == '__main__':
    run_tool(main)
