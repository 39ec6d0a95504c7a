import random
from contextlib import contextmanager

import numpy as np
import torch
from mmseg.registry import DATASETS

from mmseg_gl.datasets.inspection import list_images
from mmseg_gl.errors import UserError

SOURCE, TARGET, AUGMENTATION = range(3)  # independent random streams of one seed


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

    Raises:
        UserError: When a domain has no images or the domains have different classes.
    """

    def __init__(self, source, target=None):
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
            return {
                name: dataset[self.draw(name, seed, n)] for name, dataset in self.domains.items()
            }

    def draw(self, name, seed, n):
        """Return the index into a domain ('source' or 'target') of draw ``n``."""
        epoch, position = divmod(n, len(self.domains[name]))
        key = (seed, SOURCE if name == 'source' else TARGET, epoch)
        if self.permutations.get(name, (None,))[0] != key:
            order = np.random.default_rng(key).permutation(len(self.domains[name]))
            self.permutations[name] = (key, order)
        return int(self.permutations[name][1][position])


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
