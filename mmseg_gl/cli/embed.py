"""Draw the features of both domains' pixels in a plane, for one or several checkpoints.

Pixels of source training images and of target test images are sampled, as many of each class as
there are up to --points. Their features before the classifier, or the network's outputs, are
projected for each checkpoint by itself, both domains together. Beside the picture, a JSON file has
the distance between the domains: for each class, that of the two centroids, relative to the spread.

Example:
    python tools/embed.py CONFIG.py before.pth after.pth --out features.png
"""

import argparse
import json
import os
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmseg.registry import DATASETS, MODELS
from torch.utils.data import ConcatDataset

from mmseg_gl.cli.parser import (
    SEED,
    ToolParser,
    add_cfg_options,
    add_weights_argument,
    whole_number,
)
from mmseg_gl.cli.progress import progress
from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.datasets.inspection import datasets_in, list_files
from mmseg_gl.datasets.training_images import with_labels
from mmseg_gl.engine.checkpoint import load_segmentor
from mmseg_gl.errors import UserError, check_is_file
from mmseg_gl.experiments.embedding import (
    domain_distances,
    mean,
    principal_components,
    tsne,
)
from mmseg_gl.experiments.pixel_sample import Points, sample_pixels
from mmseg_gl.files import make_folder, write_bytes, write_text
from mmseg_gl.visualization.embedding_picture import Embedding, embedding_picture

REQUIRED = ('model', 'train_dataloader', 'test_dataloader')


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'checkpoints', nargs='+', metavar='CKPT', help='checkpoints of the same network'
    )
    parser.add_argument('--out', metavar='FILE.png', required=True, help='new file')
    parser.add_argument('--names', nargs='+', metavar='NAME', help='names of the checkpoints')
    parser.add_argument(
        '--what',
        choices=['features', 'outputs'],
        default='features',
        help='features before the classifier (default), or outputs after the softmax',
    )
    parser.add_argument(
        '--method', choices=['pca', 'tsne'], default='pca', help='projection (default: pca)'
    )
    parser.add_argument(
        '--points',
        type=whole_number(2),
        default=100,
        metavar='N',
        help='largest number of pixels of each class and domain (default: 100)',
    )
    parser.add_argument(
        '--images',
        type=whole_number(1),
        default=50,
        metavar='N',
        help='largest number of images of each domain, drawn at random (default: 50)',
    )
    parser.add_argument('--seed', type=SEED, default=0, help='of all draws (default: 0)')
    parser.add_argument(
        '--target-labels',
        choices=['test', 'predicted'],
        default='test',
        help="classes of the target's pixels: those of the test labels (default), or predicted",
    )
    add_weights_argument(parser, 'look at')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    check_output(args.out)
    for path in args.checkpoints:
        check_is_file(path, 'checkpoint')
    if args.names and len(args.names) != len(args.checkpoints):
        raise UserError(
            f'--names gives {len(args.names)} names for {len(args.checkpoints)} checkpoints; give '
            'one for each'
        )
    titles = args.names or names_of(args.checkpoints)
    cfg = load_config(args.config, args.cfg_options, REQUIRED)
    if args.weights:
        cfg.model.evaluated = args.weights
    domains = [source_of(cfg), target_of(cfg, args.target_labels)]
    model = MODELS.build(cfg.model).to('cuda' if torch.cuda.is_available() else 'cpu').eval()
    metainfo = domains[0].datasets[0].metainfo
    classes = metainfo['classes']
    embeddings, figures = [], []
    for path, title in zip(args.checkpoints, titles):
        load_segmentor(model, path)
        points = sample_pixels(
            model, domains, args.what, args.points, args.images, args.seed, progress
        )
        places, axes = project(points, args.method, args.seed)
        embeddings.append(Embedding(title, places, points.classes, points.domains, axes))
        distances = {classes[number]: d for number, d in domain_distances(points).items()}
        figures.append(dict(name=title, checkpoint=path, distance=mean(distances.values())))
        if distances:
            print(f'{title}: distance between the domains {figures[-1]["distance"]:.2f}')
        figures[-1]['distance_of_class'] = distances
    what = 'Features before the classifier' if args.what == 'features' else 'Outputs'
    method = {'pca': 'PCA', 'tsne': 't-SNE'}[args.method]
    title = f'{what}, {method} of both domains together, for each network'
    picture = embedding_picture(embeddings, classes, metainfo['palette'], title)
    options = ('config', 'what', 'method', 'points', 'images', 'seed', 'target_labels')
    record = {name: getattr(args, name) for name in options}
    record.update(weights=cfg.model.get('evaluated', 'segmentor'), checkpoints=figures)
    write_text(beside(args.out), json.dumps(record, indent=1))
    write_bytes(args.out, picture)
    print(f'wrote {args.out} and {beside(args.out)}')


def beside(path: str) -> str:
    """Return the path of the figures beside a picture."""
    return os.path.splitext(path)[0] + '.json'


def check_output(path: str) -> None:
    """Raise a UserError unless a new picture can be written with its figures beside it."""
    if not path.lower().endswith('.png'):
        raise UserError(f'--out {path}: expected a name that ends in .png')
    for file in (path, beside(path)):
        if os.path.lexists(file):
            raise UserError(f'--out {path}: {file} exists; name a new file')
    make_folder(os.path.dirname(path) or '.', '--out')


def names_of(paths: Sequence[str]) -> list[str]:
    """Name checkpoints by their files or, if these have the same names, with their folders."""
    names = [os.path.splitext(os.path.basename(path))[0] for path in paths]
    if len(set(names)) == len(names):
        return names
    folders = [os.path.basename(os.path.dirname(os.path.abspath(path))) for path in paths]
    return [os.path.join(folder, name) for folder, name in zip(folders, names)]


def source_of(cfg: Config) -> ConcatDataset:
    """Return the labelled training images of the source, in their own pipeline.

    Raises:
        UserError: When the config has none.
    """
    sources = datasets_in('source', cfg.train_dataloader.dataset.get('source'))
    if not sources:
        raise UserError(
            f'the config {cfg.filename} has no source images to compare the target with '
            '(train_dataloader.dataset.source); take one that trains on a UDADataset'
        )
    for name, source in sources.items():
        list_files(name, source)  # raises an error if any are missing
    return ConcatDataset([DATASETS.build(source) for source in sources.values()])


def target_of(cfg: Config, labels: str) -> ConcatDataset:
    """Return the test images, with or without labels.

    Raises:
        UserError: When their labels are wanted but not loaded.
    """
    dataset = cfg.test_dataloader.dataset
    steps = with_labels(dataset.pipeline, [])
    if labels == 'predicted':
        dataset = {**dataset, 'pipeline': steps}
    elif len(steps) == len(dataset.pipeline):
        raise UserError(
            'the config loads no labels of its test images (LoadTrainIds); take the predicted '
            'classes: --target-labels predicted'
        )
    list_files('test', dataset)
    return ConcatDataset([DATASETS.build(dataset)])


def project(points: Points, method: str, seed: int) -> tuple[Any, tuple[str, str]]:
    """Return the points' places in the plane, (P, 2), and the names of the axes."""
    if method == 'tsne':
        return tsne(points.features, seed), ('', '')
    places, shares = principal_components(points.features, 2)
    first, second = (f'component {i + 1} ({100 * shares[i]:.0f} % of variance)' for i in (0, 1))
    return places, (first, second)


if __name__ == '__main__':
    run_tool(main)
