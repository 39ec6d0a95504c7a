"""Random generators for the training step that resume exactly and differ between processes."""

import torch
from mmengine.dist import get_rank
from torch import Tensor, nn

SEEDS_PER_RANK = 10_000_000  # more draws than a run makes; PyTorch uses 32 bits of a seed


def register_seed(module: nn.Module, name: str = 'seed') -> None:
    """Register a buffer with a random seed in a module, for :func:`next_generator`."""
    module.register_buffer(name, torch.randint(2**31, ()))


def next_generator(seed: Tensor) -> torch.Generator:
    """Return the CPU generator of the next draw and increment the seed.

    The generator depends only on the seed, which is part of every checkpoint, and on the rank.
    """
    generator = torch.Generator().manual_seed(seed.item() + SEEDS_PER_RANK * get_rank())
    seed += 1
    return generator
