import random

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

KEY = 'random_states'  # in a checkpoint: a list with an entry per process


@HOOKS.register_module()
class RandomStateHook(Hook):
    """Checkpoints hold every process's random number generators, and a resumed run goes on there.

    Python's, NumPy's, PyTorch's and the GPU's are meant; what the data workers draw does not come
    from them (see :class:`UDADataset`). Validation leaves them as they were. With more processes
    than before, the new ones take over the states of the first.
    """

    priority = 'VERY_HIGH'

    def __init__(self):
        self.gathered = None  # all processes' states, for the checkpoint that is saved now
        self.resumed = None  # this process's state in the checkpoint
        self.before_validation = None

    def before_resume(self, runner, checkpoint: dict) -> None:
        if states := checkpoint.get(KEY):
            self.resumed = states[get_rank() % len(states)]
            set_state(self.resumed)  # an error here says that it is none

    def before_train(self, runner):
        if self.resumed:
            set_state(self.resumed)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if self.resumed:  # once more: making the data loader's iterator has drawn a number
            set_state(self.resumed)
            self.resumed = None

    def before_val(self, runner):
        self.before_validation = get_state()

    def after_val_epoch(self, runner, metrics=None):
        set_state(self.before_validation)
        self.before_validation = None

    def before_checkpoint(self, runner) -> None:
        self.gathered = all_gather_object(self.before_validation or get_state())

    def before_save_checkpoint(self, runner, checkpoint):
        if self.gathered:
            checkpoint[KEY] = self.gathered
            self.gathered = None


def get_state():
    """Return the state of all generators, as tensors and plain values."""
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


def set_state(state):
    """Put all generators into a state of :func:`get_state`, whose tensors may be on any device."""
    version, words, gauss = state['python']
    random.setstate((version, tuple(words.tolist()), gauss))
    name, keys, *rest = state['numpy']
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())
