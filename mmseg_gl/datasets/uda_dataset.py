import random
from contextlib import contextmanager

import numpy as np
import torch
from mmseg.registry import DATASETS

from mmseg_gl.datasets.inspection import list_images
from mmseg_gl.datasets.label_ids import check_class_numbers
from mmseg_gl.errors import UserError, check_choice

SOURCE, TARGET, AUGMENTATION, REPLACEMENT = range(4)  # independent random streams of one seed
MAX_REPLACEMENTS = 10  # of one draw; more broken files in a row are no accident


@DATASETS.register_module()
class UDADataset:
    """Pairs a labelled source with an unlabelled target: one item is ``dict(source, target)``.

    Item ``n`` is a pure function of the seed and ``n``: both domains are walked through in shuffled
    order, anew in every epoch and independently of each other, and the pipelines' random numbers
    derive from ``(seed, n)`` too. Together with :class:`UDASampler`, which hands out the pairs
    ``(seed, n)``, data are the same whatever the number of workers, and after a resume.

    Args:
        source (dict): Labelled data set. It decides the length and the classes.
        target (dict | None): Data set of images; its pipeline loads no labels. None for methods
            that never see the target (source-only).
        on_bad_image (str): What to do about a file that cannot be used. 'stop': raise an error
            that names it. 'skip': take another image of that domain, a function of (seed, n) as
            well; the sample's metainfo ``replaced`` lists the errors, for :class:`BadImageHook`.

    Raises:
        UserError: When a domain has no images or the domains have different classes; for an
            unknown ``on_bad_image``; and in use, see there.
    """

    def __init__(self, source, target=None, on_bad_image='stop'):
        check_choice('on_bad_image', on_bad_image, ('stop', 'skip'))
        self.on_bad_image = on_bad_image
        self.domains = {}
        for name, cfg in (('source', source), ('target', target)):
            if cfg is not None:
                list_images(name, cfg)  # says so where there are none
                self.domains[name] = DATASETS.build(cfg)
        classes = {tuple(dataset.metainfo['classes']) for dataset in self.domains.values()}
        if len(classes) > 1:
            raise UserError(
                'source and target have different classes: map both to the same list '
                f'({" / ".join(", ".join(names) for names in sorted(classes))})'
            )
        self.permutations = {}

    @property
    def metainfo(self):
        return self.domains['source'].metainfo

    def full_init(self):
        """Present for mmengine's runner; the domains are initialised when built."""

    def __len__(self):
        return len(self.domains['source'])

    def __getitem__(self, index):
        """Return the pair of draw ``index``.

        Args:
            index (int | tuple[int, int]): Draw number n >= 0, or (seed, n); the seed is 0 if only
                the number is given.

        Returns:
            dict[str, dict]: What each domain's pipeline returns, by domain.
        """
        seed, n = index if isinstance(index, tuple) else (0, index)
        with random_numbers([seed, AUGMENTATION, n]):
            return {name: self.load(name, seed, n) for name in self.domains}

    def load(self, name, seed, n):
        """Return a domain's item of draw ``n``, or of the first replacement that can be used."""
        index, errors = self.draw(name, seed, n), []
        while True:
            try:
                item = self.domains[name][index]
                check_label_size(item)
                check_label_classes(item, len(self.metainfo['classes']))
                break
            except UserError as error:
                if self.on_bad_image == 'stop' or len(errors) == MAX_REPLACEMENTS:
                    raise
                errors.append(str(error))
                key = (seed, REPLACEMENT, SOURCE if name == 'source' else TARGET, n, len(errors))
                index = int(np.random.default_rng(key).integers(len(self.domains[name])))
        if errors and 'data_samples' in item:
            item['data_samples'].set_metainfo(dict(replaced=errors))
        return item

    def draw(self, name, seed, n):
        """Return the index into a domain ('source' or 'target') of draw ``n``."""
        epoch, position = divmod(n, len(self.domains[name]))
        key = (seed, SOURCE if name == 'source' else TARGET, epoch)
        if self.permutations.get(name, (None,))[0] != key:
            order = np.random.default_rng(key).permutation(len(self.domains[name]))
            self.permutations[name] = (key, order)
        return int(self.permutations[name][1][position])


def check_label_size(item):
    """Raise a UserError when a packed item's label does not have the size of its image."""
    sample = item.get('data_samples', {})
    if 'gt_sem_seg' in sample and item['inputs'].shape[-2:] != sample.gt_sem_seg.shape:
        sizes = ['{1}x{0}'.format(*s[-2:]) for s in (sample.gt_sem_seg.shape, item['inputs'].shape)]
        raise UserError(
            f'the label of the image {sample.img_path} is {sizes[0]} after the pipeline, but the '
            f'image is {sizes[1]}: it is not the label of this image; copy both anew, or put '
            'LoadTrainIds before Resize'
        )


def check_label_classes(item, num_classes):
    """Raise a UserError when a packed item's label has a class that there is not."""
    sample = item.get('data_samples', {})
    if 'gt_sem_seg' in sample:
        what = f'the label of the image {sample.get("img_path")}'
        check_class_numbers(sample.gt_sem_seg.data, num_classes, what)


@contextmanager
def random_numbers(seed):
    """Seed Python's, NumPy's and PyTorch's global generators; put them back afterwards.

    Args:
        seed (list[int]): Non-negative integers.
    """
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    state = [int(word) for word in np.random.SeedSequence(seed).generate_state(3)]
    random.seed(state[0])
    np.random.seed(state[1])
    torch.default_generator.manual_seed(state[2])  # the CPU's alone
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
