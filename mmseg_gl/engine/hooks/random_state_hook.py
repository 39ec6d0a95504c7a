import random

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

KEY = 'random_states'  # key in a checkpoint of a list with an entry per process


@HOOKS.register_module()
class RandomStateHook(Hook):
    """Save the random states of every process in checkpoints, and restore them on resumption.

    Covers the generators of Python, NumPy, PyTorch and CUDA; data workers are seeded by
    :class:`UDADataset`. Validation leaves the states unchanged. With more processes than before,
    the new ones take the states of the first ones.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self.gathered: list[dict] = []  # all processes' states, for the checkpoint being saved
        self.resumed: dict = {}  # this process's state in the checkpoint
        self.before_validation: dict = {}

    def before_resume(self, runner: Runner, checkpoint: dict) -> None:
        if states := checkpoint.get(KEY):
            self.resumed = states[get_rank() % len(states)]
            set_state(self.resumed)  # fails now if it is not one

    def before_train(self, runner: Runner) -> None:
        if self.resumed:
            set_state(self.resumed)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        if self.resumed:  # again: creating the data loader's iterator has drawn a number
            set_state(self.resumed)
            self.resumed = {}

    def before_val(self, runner: Runner) -> None:
        self.before_validation = get_state()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        set_state(self.before_validation)
        self.before_validation = {}

    def before_checkpoint(self, runner: Runner) -> None:
        self.gathered = all_gather_object(self.before_validation or get_state())

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if self.gathered:
            checkpoint[KEY] = self.gathered
            self.gathered = []


def get_state() -> dict:
    """Return the state of all random number generators, as tensors and plain values."""
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()
    state = dict(
        python=[version, torch.tensor(words), gauss],
        numpy=[name, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached],
        torch=torch.get_rng_state(),
    )
    if torch.cuda.is_available():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_state(state: dict) -> None:
    """Restore a state from :func:`get_state`, whose tensors may be on any device."""
    version, words, gauss = state['python']
    random.setstate((version, tuple(words.tolist()), gauss))
    name, keys, *rest = state['numpy']
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())
