"""Check that a folder holds a complete set of pseudo labels for the images of a data set."""

import os
from collections.abc import Iterable

from mmseg_gl.datasets.transforms.load_pseudo_labels import pseudo_label_path
from mmseg_gl.errors import UserError
from mmseg_gl.files import read_record

SUMMARY = 'pseudo_labels.json'  # the record in tools/pseudo_label.py's output folder


def pseudo_label_folder(cfg: dict) -> str | None:
    """Return the folder from which a data set's pipeline reads pseudo labels; None without any."""
    steps = [s for s in cfg.get('pipeline', ()) if s['type'] == 'LoadPseudoLabels']
    return steps[0]['folder'] if steps else None


def check_pseudo_labels(name: str, cfg: dict, files: list[tuple[str, str | None]]) -> None:
    """Check the folder of a data set's pseudo labels, if it uses any.

    Args:
        name: Name of the data set in error messages.
        cfg: A config of a ``BaseSegDataset`` subclass.
        files: The data set's (image, pseudo label) paths.

    Raises:
        UserError: If the folder is missing, empty or incomplete by its record, if two images share
            a label, or if there are labels of other images. Single missing labels are not checked.
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
            f'the pseudo labels in {folder} are incomplete; continue with: '
            f'{summary.get("command", "tools/pseudo_label.py")}'
        )
    found = {entry for entry in os.listdir(folder) if entry.lower().endswith('.png')}
    if not found:
        raise UserError(f'the folder of pseudo labels {folder} has no PNG files: {hint}')
    check_leaf_names(name, [image for image, _ in files])
    if surplus := sorted(found - {os.path.basename(label) for _, label in files if label}):
        raise UserError(
            f'{folder} has {len(found)} pseudo labels for {len(files)} {name} images; '
            f'{len(surplus)} belong to other images (first: {surplus[0]}): remove them, or '
            'add their images'
        )


def check_leaf_names(name: str, images: Iterable[str]) -> None:
    """Raise a UserError if two images would share one pseudo label file."""
    owners: dict[str, str] = {}
    for image in images:
        leaf = os.path.basename(pseudo_label_path('', image))
        if leaf in owners:
            raise UserError(
                f'the {name} images {owners[leaf]} and {image} would have the same pseudo label '
                f'{leaf}; rename one of them'
            )
        owners[leaf] = image
