from collections.abc import Iterator, Sized
from itertools import count

from mmengine.dist import get_dist_info, sync_random_seed
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Sampler


@DATA_SAMPLERS.register_module()
class UDASampler(Sampler):
    """Endless sampler of draws ``(seed, n)``, n = 0, 1, 2, ..., for :class:`UDADataset`.

    With several processes, process r of R gets r, r + R, r + 2R, ... The data set does the
    shuffling, so to resume is to start at a later n.

    Args:
        dataset: Decides ``len``.
        seed: None draws a random seed, the same in all processes.
    """

    def __init__(self, dataset: Sized, seed: int | None = None) -> None:
        self.dataset = dataset
        self.seed = sync_random_seed() if seed is None else seed
        self.rank, self.world_size = get_dist_info()
        self.skipped = 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        start = self.rank + self.skipped * self.world_size
        return ((self.seed, n) for n in count(start, self.world_size))

    def __len__(self) -> int:
        return len(self.dataset)

    def skip(self, num_samples: int) -> None:
        """Skip the first ``num_samples`` draws of each process (used by mmengine to resume)."""
        self.skipped = num_samples
