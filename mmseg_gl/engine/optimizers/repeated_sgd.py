from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Any

import torch
from mmseg.registry import OPTIMIZERS
from torch import Tensor
from torch.optim import Optimizer

from mmseg_gl.errors import check_choice

SEMANTICS = ('papers', 'torch2', 'clean')
SETTINGS = ('repeats', 'lr', 'momentum', 'weight_decay')


@OPTIMIZERS.register_module()
class RepeatedSGD(Optimizer):
    """SGD with momentum that updates a tensor several times per step, as the official codes do.

    The official AdaptSegNet, ADVENT, BDL and global-local codes list each backbone convolution
    once per module that contains it, so that PyTorch's SGD updates it 3 times an iteration (the
    downsample convolutions 4 times): the published numbers come from an effective learning rate of
    the backbone of about three times the stated one. The effect of the repetition depends on the
    PyTorch version. With parameter p, gradient g, weight decay w, momentum m and its buffer b, each
    of the k repeats does:

    - 'papers': ``g += w*p; b = m*b + g; p -= lr*b``. PyTorch up to 1.4, which the papers used; the
      decay is added to the gradient in place and so accumulates over the repeats.
    - 'torch2': ``d = g + w*p; b = m*b + d; p -= lr*b``, but in a tensor's first step every repeat
      starts a buffer of its own (``b = d``) and the last one is kept. PyTorch 2 on a CPU.
    - 'clean': the repeats are ignored; plain SGD.

    Args:
        params: Parameters or groups. A group may set ``repeats``, e.g. through
            ``paramwise_cfg=dict(custom_keys={'layer': dict(repeats=3)})``.
        lr: Learning rate.
        momentum: Momentum factor.
        weight_decay: L2 penalty.
        semantics: 'papers', 'torch2' or 'clean'.
        repeats: Number of updates per step of groups that do not set it.

    Raises:
        UserError: For unknown semantics.
    """

    batched = False  # True: update several tensors at once on a CPU, too

    def __init__(
        self,
        params: Iterable,
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        semantics: str = 'papers',
        repeats: int = 1,
    ) -> None:
        check_choice('semantics', semantics, SEMANTICS)
        self.semantics = semantics
        super().__init__(
            params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, repeats=repeats)
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient. 'papers' changes the gradients in place."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for settings, parameters in self.batches():
            self.update(parameters, **settings)
        return loss

    def batches(self) -> Collection[tuple[dict[str, Any], list[Tensor]]]:
        """Return batches of parameters that are updated together, as (settings, parameters) pairs.

        On a GPU a batch is all tensors with the same settings, which saves kernel launches; on a
        CPU it is a single tensor, which stays in the cache.
        """
        batches: dict[Hashable, tuple[dict[str, Any], list[Tensor]]] = {}
        for group in self.param_groups:
            for parameter in group['params']:
                if parameter.grad is not None:
                    settings = {name: group[name] for name in SETTINGS}
                    settings['started'] = 'momentum_buffer' in self.state[parameter]
                    key: Hashable = (parameter.device, *settings.values())
                    if not self.batched and not parameter.is_cuda:
                        key = parameter
                    batches.setdefault(key, (settings, []))[1].append(parameter)
        return batches.values()

    def update(
        self,
        parameters: list[Tensor],
        repeats: int,
        lr: float,
        momentum: float,
        weight_decay: float,
        started: bool,
    ) -> None:
        gradients: list[Any] = [parameter.grad for parameter in parameters]
        buffers = [self.state[p]['momentum_buffer'] for p in parameters] if started else None
        for _ in range(1 if self.semantics == 'clean' else repeats):
            if self.semantics == 'papers':
                torch._foreach_add_(gradients, parameters, alpha=weight_decay)
                steps: list[Any] | tuple[Any, ...] = gradients
            else:
                steps = torch._foreach_add(gradients, parameters, alpha=weight_decay)
            if buffers is None:
                for parameter, step in zip(parameters, steps):
                    self.state[parameter]['momentum_buffer'] = step.clone()
                if self.semantics == 'papers':
                    buffers = [self.state[p]['momentum_buffer'] for p in parameters]
            else:
                torch._foreach_mul_(buffers, momentum)
                torch._foreach_add_(buffers, steps)
                steps = buffers
            torch._foreach_add_(parameters, steps, alpha=-lr)
