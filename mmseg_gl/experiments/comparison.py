"""The results of several methods and seeds, in a table and a picture."""

import json
import os
import statistics

import numpy as np
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_gl.datasets.inspection import LABEL_LOADERS
from mmseg_gl.datasets.label_writer import LabelWriter
from mmseg_gl.datasets.transforms.load_image import read_pil
from mmseg_gl.engine.plain_values import has_form
from mmseg_gl.visualization import montage


def validation_curve(run_dir):
    """Read the validation mIoU of a run, over all its resumptions.

    Args:
        run_dir (str): Work dir of tools/train.py.

    Returns:
        dict[int, float]: Iteration -> mIoU in percent.
    """
    curve = {}
    for start in sorted(os.listdir(run_dir)):  # folders named after the time of each start
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


def read_metrics(run_dir):
    """Return the figures of a run's test; None without a whole file of them."""
    path = os.path.join(run_dir, 'test', 'metrics.json')
    if not os.path.isfile(path):
        return None
    try:
        with open(path) as file:
            figures = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    return figures if has_form(figures, dict(mIoU=float)) else None


def collect(run_dirs):
    """Gather the figures of one method.

    Args:
        run_dirs (list[str]): One work dir per seed, tested (``test/metrics.json``).

    Returns:
        dict[str, list]: Per seed: the last iterate's metrics by name, 'best', the largest mIoU of
        any validation of the run, and 'other_test_sets', if there are any, with metrics by name of
        the test set.
    """
    metrics = []
    for run_dir in run_dirs:
        figures = read_metrics(run_dir)
        figures['best'] = max([figures['mIoU'], *validation_curve(run_dir).values()])
        metrics.append(figures)
    return {name: [figures[name] for figures in metrics] for name in metrics[0]}


def mean_and_std(values):
    """Format seeds' figures as 'mean +- sample standard deviation', or one value, or '-'."""
    values = [value for value in values if value is not None]
    if not values:
        return '-'
    if len(values) == 1:
        return f'{values[0]:.1f}'
    return f'{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}'


def table(results, seeds):
    """Write the results as Markdown tables: means over seeds, each seed, each class.

    Args:
        results (dict[str, dict[str, list]]): Output of :func:`collect` per method.
        seeds (list[int]): The seeds.

    Returns:
        str: Markdown.
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


def other_test_sets_table(results):
    """Return the lines of the table of other test sets, none where there are no such."""
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


def seeds_in_words(seeds):
    if len(seeds) == 1:
        return f'one seed ({seeds[0]})'
    return f'mean ± sample standard deviation over the seeds {", ".join(map(str, seeds))}'


def class_names(figures):
    """Return the classes that the figures of a method are about, in the order of their numbers."""
    return [name.removeprefix('IoU.') for name in figures if name.startswith('IoU.')]


def results_of(results, class_name):
    return [v for figures in results.values() for v in figures.get(f'IoU.{class_name}', [])]


def prediction_montage(dataset_cfg, run_dirs, rows=6):
    """Draw target images, their truth and each method's prediction.

    Args:
        dataset_cfg (dict): The labelled test data set.
        run_dirs (dict[str, str]): Per method a tested run, with ``test/predictions``.
        rows (int): Number of images, spread evenly over the data set.

    Returns:
        Image: The picture.
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


def read_prediction(folder, sample):
    """Return what tools/test.py predicted for a sample, an image of the sample's size."""
    name = os.path.splitext(os.path.basename(sample['img_path']))[0] + '.png'
    height, width = sample['img'].shape[:2]
    return read_pil(os.path.join(folder, name), 'prediction', height * width / 1e6)
