"""Whether a folder of pseudo labels is a complete set for the images of a data set."""

import os

from mmseg_gl.datasets.transforms.load_pseudo_labels import pseudo_label_path
from mmseg_gl.errors import UserError
from mmseg_gl.files import read_record

SUMMARY = 'pseudo_labels.json'  # what tools/pseudo_label.py says of its folder


def pseudo_label_folder(cfg):
    """Return the folder that a pipeline reads pseudo labels from; None if it reads none."""
    steps = [s for s in cfg.get('pipeline', ()) if s['type'] == 'LoadPseudoLabels']
    return steps[0]['folder'] if steps else None


def check_pseudo_labels(name, cfg, files):
    """Make sure that a data set's pseudo labels, if it uses any, are one complete set for it.

    Args:
        name (str): How to call the data set in messages.
        cfg (dict): A config of a ``BaseSegDataset`` subclass.
        files (list[tuple[str, str]]): Its (image, pseudo label) paths.

    Raises:
        UserError: When the folder is missing, empty or not complete, two images share a label, or
            there are labels of other images. Single labels may still be missing.
    """
    folder = pseudo_label_folder(cfg)
    if folder is None:
        return
    hint = f'write them with tools/pseudo_label.py CONFIG CKPT --out {folder}'
    if not os.path.isdir(folder):
        raise UserError(
            f'the pseudo labels of the {name} images are expected in {folder}, but there is no '
            f'such folder: {hint}'
        )
    summary = read_record(os.path.join(folder, SUMMARY))
    if summary is not None and summary.get('complete') is not True:
        raise UserError(
            f'the pseudo labels in {folder} are not complete; go on with: '
            f'{summary.get("command", "tools/pseudo_label.py")}'
        )
    found = {entry for entry in os.listdir(folder) if entry.lower().endswith('.png')}
    if not found:
        raise UserError(f'the folder of pseudo labels {folder} has no PNG files: {hint}')
    check_leaf_names(name, [image for image, _ in files])
    if surplus := sorted(found - {os.path.basename(label) for _, label in files}):
        raise UserError(
            f'{folder} has {len(found)} pseudo labels for {len(files)} {name} images; '
            f'{len(surplus)} are of other images (first: {surplus[0]}): take those away, or add '
            'their images'
        )


def check_leaf_names(name, images):
    """Raise a UserError when two images would have the same pseudo label."""
    owners = {}
    for image in images:
        leaf = os.path.basename(pseudo_label_path('', image))
        if leaf in owners:
            raise UserError(
                f'the {name} images {owners[leaf]} and {image} would have the same pseudo label '
                f'{leaf}; rename one of them'
            )
        owners[leaf] = image
