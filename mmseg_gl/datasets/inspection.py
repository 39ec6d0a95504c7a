"""What of a data set is there: cheap enough to run before every training."""

import errno
import os

from mmseg.registry import DATASETS

from mmseg_gl.datasets.pseudo_labels import check_pseudo_labels, pseudo_label_folder
from mmseg_gl.datasets.transforms.load_pseudo_labels import pseudo_label_path
from mmseg_gl.datasets.transforms.load_train_ids import LABEL_IDS, TRAIN_IDS
from mmseg_gl.errors import UserError

LABEL_LOADERS = ('LoadTrainIds', 'LoadPseudoLabels', 'LoadAnnotations')


def datasets_of(cfg, splits=('train', 'val', 'test')):
    """Name the data sets of a config.

    Args:
        cfg (Config): A config.
        splits (Sequence[str]): Which of its data loaders.

    Returns:
        dict[str, dict]: Data set configs by name: 'source', 'target', 'val', 'test'; 'test' only
        where it differs from 'val'. Several sources are 'source 1', 'source 2', ..., targets
        likewise, and other test sets 'NAME test'.
    """
    found = {}
    for split in splits:
        dataset = (cfg.get(f'{split}_dataloader') or {}).get('dataset')
        if dataset is None:
            continue
        if dataset.type == 'UDADataset':
            for domain in ('source', 'target'):
                found.update(datasets_in(domain, dataset.get(domain)))
        elif dataset not in found.values():
            found[split] = dataset
    if 'test' in splits:
        for name, loader in (cfg.get('other_test_dataloaders') or {}).items():
            found[f'{name} test'] = loader['dataset']
    return found


def datasets_in(domain, cfg):
    """Name the data sets of a domain.

    Args:
        domain (str): 'source' or 'target'.
        cfg (dict | list[dict] | None): A data set config, several or none.

    Returns:
        dict[str, dict]: Data set configs by name: the domain's, or of a list 'source 1',
        'source 2', ...
    """
    if isinstance(cfg, (list, tuple)):
        return {f'{domain} {number}': entry for number, entry in enumerate(cfg, 1)}
    return {domain: cfg} if cfg else {}


def list_images(name, cfg):
    """List the files of a data set without opening them; the labels need not be there.

    Args:
        name (str): How to call it in messages.
        cfg (dict): A config of a ``BaseSegDataset`` subclass.

    Returns:
        list[tuple[str, str | None]]: (image, label) paths, sorted; the label is None if the
        pipeline loads none.

    Raises:
        UserError: When the folder or the list of its files is missing, or has no images; for files
            outside of their folder, and names that are not UTF-8.
    """
    dataset = build_lazily(cfg)
    folder = dataset.data_prefix['img_path']
    if not os.path.isdir(folder):
        raise UserError(
            f'the {name} images of {cfg["type"]} are expected in {folder}, but there is no such '
            f'folder: {how_to_get(cfg.get("data_root") or "")}'
        )
    if dataset.ann_file and not os.path.isfile(dataset.ann_file):
        raise UserError(f'the {name} list of images (ann_file) {dataset.ann_file} is not a file')
    try:
        samples = dataset.load_data_list()
    except OSError as error:
        link = os.path.basename(error.filename or '')
        reason = (
            f'the link "{link}" leads back to a folder that it is in; take it away'
            if error.errno == errno.ELOOP
            else f'{error.filename}: {error.strerror}'
        )
        raise UserError(f'cannot list the {name} images in {folder}: {reason}') from error
    except UnicodeDecodeError as error:
        raise UserError(
            f'the {name} list of images (ann_file) {dataset.ann_file} is not a text file in UTF-8'
        ) from error
    check_names(name, samples, dataset.data_prefix)
    suffix = dataset.img_suffix
    check_left_out(name, folder, suffix)
    if not samples:
        raise UserError(
            f'the {name} folder {folder} has no images ending in '
            f'{suffix if isinstance(suffix, str) else " or ".join(suffix)}: is data_root right?'
        )
    folder = pseudo_label_folder(cfg)
    if folder is not None:
        return [(s['img_path'], pseudo_label_path(folder, s['img_path'])) for s in samples]
    labelled = any(step['type'] in LABEL_LOADERS for step in cfg.get('pipeline', ()))
    return [(s['img_path'], s.get('seg_map_path') if labelled else None) for s in samples]


def how_to_get(data_root: str) -> str:
    """Return what to do about a data set that is not there."""
    street_scenes = os.path.normpath(os.environ.get('STREET_SCENES', 'data/street_scenes'))
    if os.path.dirname(os.path.normpath(data_root)) == street_scenes:
        return f'draw the street scenes: python tools/make_street_scenes.py {street_scenes}'
    return 'put or link the data there, or point data_root of this data set to them'


def check_names(name, samples, folders):
    """Refuse names that leave their folder (tools write by them), and names that are not UTF-8.

    Args:
        name (str): How to call the data set in messages.
        samples (list[dict]): With paths under the keys of ``folders``.
        folders (dict[str, str]): 'img_path' and 'seg_map_path', or one of them.
    """
    for key, folder in folders.items():
        for path in (sample[key] for sample in samples if key in sample):
            try:
                path.encode()
            except UnicodeEncodeError as error:
                shown = os.fsencode(path).decode(errors='backslashreplace')
                raise UserError(
                    f'the {name} file {shown} has a name that is not UTF-8; rename it'
                ) from error
            inside = os.path.join(folder, '')
            if not path.startswith(inside) or '..' in path.removeprefix(inside).split(os.sep):
                raise UserError(
                    f'the {name} file {path} is not inside its folder {folder}: put or link it '
                    'there, and list it by its name there'
                )


def check_left_out(name, folder, suffix):
    """Refuse what is called like an image but is no file; listing leaves it out."""
    suffixes = tuple(s.lower() for s in ([suffix] if isinstance(suffix, str) else suffix))
    for parent, _, files in os.walk(folder):
        for path in (os.path.join(parent, f) for f in files if f.lower().endswith(suffixes)):
            if not os.path.isfile(path):
                kind = 'a pipe or a device'
                if not os.path.exists(path):
                    kind = f'a link to {os.readlink(path)}, which is not there'
                raise UserError(
                    f'the {name} image {path} is {kind}: put the image there, or take that away'
                )


def list_files(name, cfg):
    """List the files of a data set like :func:`list_images`, and insist on the labels.

    Raises:
        UserError: See :func:`list_images`; when images lack labels; and for pseudo labels, see
            :func:`check_pseudo_labels`.
    """
    files = list_images(name, cfg)
    check_pseudo_labels(name, cfg, files)
    missing = [image for image, label in files if label is not None and not label_exists(label)]
    if missing:
        label = dict(files)[missing[0]]
        raise UserError(
            f'{len(missing)} of {len(files)} {name} images have no label (first: '
            f'{missing[0]}; expected {label}): add the labels or take those images away'
        )
    return files


def build_lazily(cfg):
    return DATASETS.build({**cfg, 'lazy_init': True, 'pipeline': []})


def label_exists(path):
    return os.path.exists(path) or os.path.exists(path.replace(LABEL_IDS, TRAIN_IDS))


def check_files(cfg, splits):
    """Raise a UserError unless every data set of ``splits`` has its images and labels."""
    for name, dataset in datasets_of(cfg, splits).items():
        list_files(name, dataset)
