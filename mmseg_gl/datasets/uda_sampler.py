from itertools import count

from mmengine.dist import get_dist_info, sync_random_seed
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Sampler


@DATA_SAMPLERS.register_module()
class UDASampler(Sampler):
    """Hands out draws ``(seed, n)``, n = 0, 1, 2, ... without end, to :class:`UDADataset`.

    With several processes, process r of R gets r, r + R, r + 2R, ... The data set does the
    shuffling, so resuming means starting to count later.

    Args:
        dataset (UDADataset): Decides ``len``.
        seed (int | None): None takes a random seed, the same in all processes.
    """

    def __init__(self, dataset, seed=None):
        self.dataset = dataset
        self.seed = sync_random_seed() if seed is None else seed
        self.rank, self.world_size = get_dist_info()
        self.skipped = 0

    def __iter__(self):
        start = self.rank + self.skipped * self.world_size
        return ((self.seed, n) for n in count(start, self.world_size))

    def __len__(self):
        return len(self.dataset)

    def skip(self, num_samples):
        """Start after the first ``num_samples`` draws of each process (mmengine's resume)."""
        self.skipped = num_samples
