import random
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate

import numpy as np
import torch
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATA_SAMPLERS, DATASETS
from torch.utils.data import ConcatDataset

from mmseg_gl.datasets.inspection import datasets_in, list_images
from mmseg_gl.datasets.label_ids import check_class_numbers
from mmseg_gl.datasets.weighted_draws import draw_by_weights, draw_evenly, share_out
from mmseg_gl.errors import UserError, check_choice, in_short

# Independent random streams of one seed.
SOURCE, TARGET, AUGMENTATION, REPLACEMENT, SOURCE_BLOCKS, TARGET_BLOCKS, SAMPLING = range(7)
STREAMS = dict(source=(SOURCE, SOURCE_BLOCKS), target=(TARGET, TARGET_BLOCKS))
MAX_REPLACEMENTS = 10  # per draw; more broken files in a row are no accident
UNREADABLE = (UserError, OSError, AssertionError)  # the last two of mmcv's and mmseg's own loaders


@DATASETS.register_module()
class UDADataset:
    """Pairs a labelled source with an unlabelled target: one item is ``dict(source, target)``.

    Item ``n`` is a pure function of the seed and ``n``: each domain is traversed in shuffled order,
    reshuffled every epoch and independent of the other domain, and the pipelines' random numbers
    derive from ``(seed, n)`` too. Together with :class:`UDASampler`, which yields the pairs
    ``(seed, n)``, the data are the same for any number of workers, and after a resume.

    A domain may consist of several data sets. Without weights all their images are equally likely,
    as in a concatenation. With weights, every 1000 draws (0 to 999, 1000 to 1999, ...) are divided
    in proportion to them, rounded to whole draws, in shuffled order; within a data set every image
    comes once before any comes again.

    ``source_sampling`` draws the source in another way, e.g. :class:`RareClassSampling`. The target
    is always drawn as described above, independently of the source.

    Args:
        source: One or several labelled data sets. They decide the length, which is the number of
            their images, and the classes.
        target: One or several data sets of images, whose pipelines load no labels. None for methods
            that never see the target (source-only).
        source_weights: Sampling weights > 0 of the data sets in the list, accurate to a thousandth.
            None: in proportion to their numbers of images.
        target_weights: The same for the target.
        source_sampling: Config of what draws the source's images, from all of its data sets.
        on_bad_image: What to do about a file that cannot be used. 'stop': raise an error that names
            it. 'skip': take another image of the same data set (with ``source_sampling``: draw
            again), also a function of (seed, n); the sample's metainfo ``replaced`` lists the
            errors, for :class:`BadImageHook`.

    Raises:
        UserError: If a data set has no images or the data sets have different classes; for weights
            that are not a positive number per data set, or beside ``source_sampling``; for an
            unknown ``on_bad_image``. Items raise it for files that cannot be used, as
            ``on_bad_image`` says.
    """

    def __init__(
        self,
        source: dict | list[dict],
        target: dict | list[dict] | None = None,
        source_weights: list[float] | None = None,
        target_weights: list[float] | None = None,
        on_bad_image: str = 'stop',
        source_sampling: dict | None = None,
    ) -> None:
        check_choice('on_bad_image', on_bad_image, ('stop', 'skip'))
        self.on_bad_image = on_bad_image
        self.domains: dict[str, BaseSegDataset | ConcatDataset] = {}
        self.starts: dict[str, list[int]] = {}
        self.shares: dict[str, tuple[int, ...] | None] = {}
        sources = self.add('source', source, source_weights)
        targets = self.add('target', target, target_weights)
        self.metainfo = sources[0].metainfo
        classes = {tuple(dataset.metainfo['classes']) for dataset in [*sources, *targets]}
        if len(classes) > 1:
            raise UserError(
                'the data sets of source and target have different classes: map all of them to the '
                f'same list ({" / ".join(", ".join(names) for names in sorted(classes))})'
            )
        self.sampling = None
        if source_sampling is not None:
            if source_weights is not None:
                raise UserError(
                    'source_weights have no effect with source_sampling, which draws from all '
                    'sources; leave one of them out'
                )
            self.sampling = DATA_SAMPLERS.build(source_sampling)
            self.sampling.prepare(sources, skip_broken=on_bad_image == 'skip')

    def add(
        self, name: str, cfg: dict | list[dict] | None, weights: list[float] | None
    ) -> list[BaseSegDataset]:
        """Build a domain and return its data sets; an empty list for None."""
        cfgs = datasets_in(name, cfg)
        self.shares[name] = share_out(f'{name}_weights', weights, len(cfgs))
        for part, part_cfg in cfgs.items():
            list_images(part, part_cfg)  # raises an error if there are none
        datasets = [DATASETS.build(part_cfg) for part_cfg in cfgs.values()]
        if datasets:
            self.domains[name] = datasets[0] if len(datasets) == 1 else ConcatDataset(datasets)
            self.starts[name] = [0, *accumulate(map(len, datasets))]
        return datasets

    def full_init(self) -> None:
        """Do nothing: mmengine's runner calls it, but the domains are initialised when built."""

    def __len__(self) -> int:
        return len(self.domains['source'])

    def __getitem__(self, index: int | tuple[int, int]) -> dict[str, dict]:
        """Return the pair of draw ``index``.

        Args:
            index: Draw number n >= 0, or (seed, n); the seed is 0 if only the number is given.

        Returns:
            The output of each domain's pipeline, by domain.
        """
        seed, n = index if isinstance(index, tuple) else (0, index)
        with random_numbers([seed, AUGMENTATION, n]):
            return {name: self.load(name, seed, n) for name in self.domains}

    def load(self, name: str, seed: int, n: int) -> dict:
        """Return a domain's item of draw ``n``, or the first replacement that can be used."""
        errors: list[str] = []
        while True:
            try:
                item = self.read(name, seed, n, len(errors))
                check_label_size(item)
                check_label_classes(item, len(self.metainfo['classes']))
                break
            except UNREADABLE as error:
                if self.on_bad_image == 'stop' or len(errors) == MAX_REPLACEMENTS:
                    raise
                errors.append(in_short(error))
        if errors and 'data_samples' in item:
            item['data_samples'].set_metainfo(dict(replaced=errors))
        return item

    def read(self, name: str, seed: int, n: int, replacement: int) -> dict:
        """Return a domain's item of draw ``n``, or its replacement of this number, from 1."""
        if self.sampling and name == 'source':
            return self.sampling.load(self.domains[name], (seed, SAMPLING, n, replacement))
        index = self.draw(name, seed, n)
        if replacement:
            key = (seed, REPLACEMENT, STREAMS[name][0], n, replacement)
            start, end = self.same_dataset(name, index)
            index = start + int(np.random.default_rng(key).integers(end - start))
        return self.domains[name][index]

    def draw(self, name: str, seed: int, n: int) -> int:
        """Return the index of draw ``n`` into a domain ('source' or 'target') without sampling.

        Indices run through the images of the first data set, then of the second, and so on.
        """
        (stream, blocks), shares = STREAMS[name], self.shares[name]
        if shares is None:
            return draw_evenly((seed, stream), len(self.domains[name]), n)
        part, rank = draw_by_weights((seed, blocks), shares, n)
        start, end = self.starts[name][part : part + 2]
        return start + draw_evenly((seed, stream, part), end - start, rank)

    def same_dataset(self, name: str, index: int) -> list[int]:
        """Return the start and the end of the range of indices of the data set with ``index``."""
        after = bisect_right(self.starts[name], index)
        return self.starts[name][after - 1 : after + 1]


def check_label_size(item: dict) -> None:
    """Raise a UserError if the label and the image of a packed item differ in size."""
    sample = item.get('data_samples', {})
    if 'gt_sem_seg' not in sample:
        return
    shape = item['inputs'].shape[-2:]
    if sample.gt_sem_seg.shape != tuple(shape):
        sizes = ['{1}x{0}'.format(*size) for size in (sample.gt_sem_seg.shape, shape)]
        raise UserError(
            f'the label of the image {sample.img_path} is {sizes[0]} after the pipeline, but the '
            f'image is {sizes[1]}: put LoadTrainIds before Resize, or copy both files again if '
            'they do not belong together'
        )


def check_label_classes(item: dict, num_classes: int) -> None:
    """Raise a UserError if the label of a packed item has a class that does not exist."""
    sample = item.get('data_samples', {})
    if 'gt_sem_seg' in sample:
        what = f'the label of the image {sample.get("img_path")}'
        check_class_numbers(sample.gt_sem_seg.data, num_classes, what)


@contextmanager
def random_numbers(seed: list[int]) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and PyTorch (CPU); restore them afterwards.

    Args:
        seed: Non-negative integers.
    """
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    state = [int(word) for word in np.random.SeedSequence(seed).generate_state(3)]
    random.seed(state[0])
    np.random.seed(state[1])
    torch.default_generator.manual_seed(state[2])  # of the CPU only
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
