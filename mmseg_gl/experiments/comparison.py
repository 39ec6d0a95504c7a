"""Comparison of the results of several methods and seeds: a table and a picture."""

import json
import os
import statistics
from collections.abc import Iterable
from typing import Any

import numpy as np
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_gl.datasets.inspection import LABEL_LOADERS
from mmseg_gl.datasets.label_writer import LabelWriter
from mmseg_gl.datasets.transforms.load_image import read_pil
from mmseg_gl.engine.plain_values import has_form
from mmseg_gl.visualization import montage


def validation_curve(run_dir: str) -> dict[int, float]:
    """Read the validation mIoU of a run, across all its resumptions.

    Args:
        run_dir: Work dir of tools/train.py.

    Returns:
        Iteration -> mIoU in percent.
    """
    curve: dict[int, float] = {}
    for start in sorted(os.listdir(run_dir)):  # one folder per start, named by its time
        path = os.path.join(run_dir, start, 'vis_data', 'scalars.json')
        if not os.path.isfile(path):
            continue
        with open(path, errors='replace') as file:
            for line in file:
                try:
                    record = json.loads(line)
                except ValueError:  # the last line of a run that was killed
                    continue
                if has_form(record, dict(mIoU=float, step=int)):
                    curve[record['step']] = record['mIoU']
    return curve


def read_metrics(run_dir: str) -> dict[str, Any] | None:
    """Return the test metrics of a run; None if their file is missing or incomplete."""
    path = os.path.join(run_dir, 'test', 'metrics.json')
    if not os.path.isfile(path):
        return None
    try:
        with open(path) as file:
            figures = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    return figures if has_form(figures, dict(mIoU=float)) else None


def collect(run_dirs: list[str]) -> dict[str, list]:
    """Collect the metrics of one method over its seeds.

    Args:
        run_dirs: One work dir per seed, tested (``test/metrics.json``).

    Returns:
        Lists with one entry per seed: the metrics of the last iterate by name; 'best', the highest
        mIoU of any validation of the run; and 'other_test_sets', if there are any, with the metrics
        by test set.
    """
    metrics = []
    for run_dir in run_dirs:
        figures: Any = read_metrics(run_dir)  # of a tested run, never None
        figures['best'] = max([figures['mIoU'], *validation_curve(run_dir).values()])
        metrics.append(figures)
    return {name: [figures[name] for figures in metrics] for name in metrics[0]}


def mean_and_std(values: Iterable[float | None]) -> str:
    """Format values as 'mean ± sample standard deviation', a single one as such, none as '-'."""
    known = [value for value in values if value is not None]
    if not known:
        return '-'
    if len(known) == 1:
        return f'{known[0]:.1f}'
    return f'{statistics.mean(known):.1f} ± {statistics.stdev(known):.1f}'


def table(results: dict[str, dict[str, list]], seeds: list[int]) -> str:
    """Format the results as Markdown tables: means over seeds, each seed, each class.

    Args:
        results: Output of :func:`collect` per method.
        seeds: The seeds.
    """
    names = {method: class_names(figures) for method, figures in results.items()}
    all_names = dict.fromkeys(sum(sorted(names.values(), key=len, reverse=True), []))
    occurring = [c for c in all_names if any(v is not None for v in results_of(results, c))]
    protocols = {
        method: ' / '.join(dict.fromkeys(map(str, figures.get('protocol', []))))
        for method, figures in results.items()
    }
    shared = len(set(protocols.values())) == 1 and len(set(map(tuple, names.values()))) == 1
    classes = f'the {len(occurring)} classes that occur in the validation set'
    lines = [
        f'Target mIoU (%) over {classes if shared else "the classes of each protocol below"}; '
        f'{seeds_in_words(seeds)}. "last" is the last iterate: no label of the target chose it. '
        '"best" is the best of all validations of a run: best-on-val is the papers\' custom, and '
        'uses labels of the target to choose the checkpoint.',
        '',
        '| method | last | best | ' + ' | '.join(f'seed {seed}' for seed in seeds) + ' |',
        '|---|---|---|' + '---|' * len(seeds),
    ]
    for method, figures in results.items():
        each = ' | '.join(f'{value:.1f}' for value in figures['mIoU'])
        lines.append(
            f'| {method} | {mean_and_std(figures["mIoU"])} | {mean_and_std(figures["best"])} '
            f'| {each} |'
        )
    if shared:
        lines += ['', f'Protocol: {protocols[method]}.']
    else:
        lines += ['', 'Protocols, whose figures are not the same measure:', '']
        lines += [f'- {method}: {protocol}' for method, protocol in protocols.items()]
    lines += [
        '',
        'IoU (%) per class, last iterate:',
        '',
        '| class | ' + ' | '.join(results) + ' |',
        '|---|' + '---|' * len(results),
    ]
    for name in occurring:
        cells = ' | '.join(
            mean_and_std(figures.get(f'IoU.{name}', [])) for figures in results.values()
        )
        lines.append(f'| {name} | {cells} |')
    return '\n'.join([*lines, *other_test_sets_table(results)])


def other_test_sets_table(results: dict[str, dict[str, list]]) -> list[str]:
    """Return the lines of the table of other test sets; none without such sets."""
    tested = [
        (method, name, figures)
        for method, all_figures in results.items()
        for seed_figures in all_figures.get('other_test_sets', [])
        for name, figures in seed_figures.items()
    ]
    names = list(dict.fromkeys(name for _, name, _ in tested))
    if not names:
        return []
    lines = [
        '',
        'Other test sets, mIoU (%), last iterate:',
        '',
        '| method | ' + ' | '.join(names) + ' |',
        '|---|' + '---|' * len(names),
    ]
    for method in results:
        cells = [
            mean_and_std([f['mIoU'] for m, n, f in tested if (m, n) == (method, name)])
            for name in names
        ]
        lines.append(f'| {method} | ' + ' | '.join(cells) + ' |')
    lines.append('')
    for name in names:
        protocols = dict.fromkeys(str(f['protocol']) for _, n, f in tested if n == name)
        lines.append(f'- {name}: {" / ".join(protocols)}')
    return lines


def seeds_in_words(seeds: list[int]) -> str:
    if len(seeds) == 1:
        return f'one seed ({seeds[0]})'
    return f'mean ± sample standard deviation over the seeds {", ".join(map(str, seeds))}'


def class_names(figures: dict[str, list]) -> list[str]:
    """Return the classes in the metrics of a method, in the order of their numbers."""
    return [name.removeprefix('IoU.') for name in figures if name.startswith('IoU.')]


def results_of(results: dict[str, dict[str, list]], class_name: str) -> list[float | None]:
    return [v for figures in results.values() for v in figures.get(f'IoU.{class_name}', [])]


def prediction_montage(dataset_cfg: dict, run_dirs: dict[str, str], rows: int = 6) -> Image.Image:
    """Draw target images beside their ground truth and the prediction of each method.

    Args:
        dataset_cfg: Config of the labelled test data set.
        run_dirs: Method -> work dir of a tested run, with ``test/predictions``.
        rows: Number of images, spread evenly over the data set.
    """
    init_default_scope('mmseg')
    loaders = ('LoadImage', 'LoadImageFromFile', *LABEL_LOADERS)
    steps = [step for step in dataset_cfg['pipeline'] if step['type'] in loaders]
    dataset = DATASETS.build({**dataset_cfg, 'pipeline': steps})
    chosen = np.linspace(0, len(dataset) - 1, min(rows, len(dataset))).astype(int)
    samples = [dataset[int(i)] for i in chosen]
    writer = LabelWriter(dataset_cfg)
    columns = {
        'target image': [Image.fromarray(sample['img'][..., ::-1]) for sample in samples],
        'truth': [writer.picture(sample['gt_seg_map']) for sample in samples],
    }
    for method, run_dir in run_dirs.items():
        folder = os.path.join(run_dir, 'test', 'predictions')
        columns[method] = [read_prediction(folder, sample) for sample in samples]
    return montage(columns)


def read_prediction(folder: str, sample: dict) -> Image.Image:
    """Read the prediction of tools/test.py for a sample, which may not have more pixels than it."""
    name = os.path.splitext(os.path.basename(sample['img_path']))[0] + '.png'
    height, width = sample['img'].shape[:2]
    return read_pil(os.path.join(folder, name), 'prediction', height * width / 1e6)
