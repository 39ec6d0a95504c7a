"""Class statistics in the files that the data converters of DAFormer, HRDA and MIC write."""

import os

from mmseg_gl.datasets.dataset_labels import DatasetLabels, Pixels
from mmseg_gl.datasets.label_ids import IGNORED, TRAIN_ID_CLASSES
from mmseg_gl.datasets.statistics_cache import checked_pixels, read_json, reading

OFFICIAL = 'sample_class_stats.json'  # trainIds at full resolution
CHECKED = 5  # labels with which the file must agree


def official_pixels(labels: DatasetLabels) -> dict[int, Pixels]:
    """Return the pixels by class of the labels that an official file lists, by index.

    The file names copies of the labels, ``..._labelTrainIds.png``, by any path, so that labels are
    found by their bare names.

    Raises:
        UserError: If the file is damaged, or does not agree with some of the labels.
    """
    path = os.path.join(labels.root, OFFICIAL)
    if not isinstance(getattr(labels.loader, 'ids', None), str) or not os.path.exists(path):
        return {}
    numbers = labels.dataset.label_map or {i: i for i in range(len(TRAIN_ID_CLASSES))}
    listed: dict[str, Pixels] = {}
    with reading(path):
        for entry in read_json(path, list):
            stem = stem_of(entry['file'])
            if stem in listed:
                raise ValueError(f'it lists {stem} twice')
            pixels = {key: count for key, count in entry.items() if key != 'file'}
            pixels = checked_pixels(pixels, len(TRAIN_ID_CLASSES))
            pixels = {numbers[number]: count for number, count in pixels.items() if count}
            pixels.pop(IGNORED, None)  # classes that the data set does not use
            listed[stem] = pixels
        stems = [stem_of(file) for file in labels.files]
        found = {index: listed[stem] for index, stem in enumerate(stems) if stem in listed}
        if len(set(stems)) < len(stems):
            raise ValueError('several labels have the same name')
        for index in list(found)[:: max(1, len(found) // CHECKED)]:
            counted = labels.try_to_count(index)
            if isinstance(counted, dict) and counted != found[index]:
                raise ValueError(f'it does not agree with {labels.files[index]}')
    return found


def stem_of(file: str) -> str:
    """Return the name of a label file without folder, suffix and kind of ids."""
    stem = os.path.splitext(os.path.basename(file))[0]
    return stem.removesuffix('_labelTrainIds').removesuffix('_labelIds')
