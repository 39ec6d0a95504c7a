import torch
from mmseg.registry import OPTIMIZERS
from torch.optim import Optimizer

from mmseg_gl.errors import check_choice

SEMANTICS = ('papers', 'torch2', 'clean')
SETTINGS = ('repeats', 'lr', 'momentum', 'weight_decay')


@OPTIMIZERS.register_module()
class RepeatedSGD(Optimizer):
    """SGD with momentum that updates a tensor several times per step, as the official codes do.

    The official AdaptSegNet, ADVENT, BDL and global-local codes list each backbone convolution
    once per module that contains it, so that PyTorch's SGD updates it 3 times an iteration (the
    downsample convolutions 4 times): the published numbers come from an effective backbone rate of
    about three times the stated one. What the repetition does depends on the PyTorch version; with
    g the gradient, w the weight decay, m the momentum, b its buffer, for each of the k repeats:

    - 'papers': ``g += w*p; b = m*b + g; p -= lr*b``. Torch up to 1.4, which the papers ran; the
      decay is added to the gradient in place and so accumulates over the repeats.
    - 'torch2': ``d = g + w*p; b = m*b + d; p -= lr*b``, but in a tensor's first step every repeat
      starts a buffer of its own (``b = d``) and the last one is kept. Torch 2 on CPU.
    - 'clean': the repeats are ignored; plain SGD.

    Args:
        params (Iterable): Parameters or groups. A group may set ``repeats`` (int, default 1), e.g.
            through ``paramwise_cfg=dict(custom_keys={'layer': dict(repeats=3)})``.
        lr (float): Learning rate.
        momentum (float): Momentum factor.
        weight_decay (float): L2 penalty.
        semantics (str): 'papers', 'torch2' or 'clean'.
        repeats (int): Default number of updates per step.
    """

    batched = False  # True: several tensors at once on a CPU too

    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0, semantics='papers', repeats=1):
        check_choice('semantics', semantics, SEMANTICS)
        self.semantics = semantics
        super().__init__(
            params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, repeats=repeats)
        )

    @torch.no_grad()
    def step(self, closure=None):
        """Update every parameter that has a gradient. 'papers' changes the gradients in place."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for settings, parameters in self.batches():
            self.update(parameters, **settings)
        return loss

    def batches(self):
        """Return (settings, parameters) pairs: what can be updated by the same few operations.

        On a GPU these are all tensors with the same settings, for the sake of few kernel launches;
        on a CPU each tensor is alone and stays in the cache.
        """
        batches = {}
        for group in self.param_groups:
            for parameter in group['params']:
                if parameter.grad is not None:
                    settings = {name: group[name] for name in SETTINGS}
                    settings['started'] = 'momentum_buffer' in self.state[parameter]
                    key = (parameter.device, *settings.values())
                    if not self.batched and not parameter.is_cuda:
                        key = parameter
                    batches.setdefault(key, (settings, []))[1].append(parameter)
        return batches.values()

    def update(self, parameters, repeats, lr, momentum, weight_decay, started):
        gradients = [parameter.grad for parameter in parameters]
        buffers = [self.state[p]['momentum_buffer'] for p in parameters] if started else None
        for _ in range(1 if self.semantics == 'clean' else repeats):
            if self.semantics == 'papers':
                torch._foreach_add_(gradients, parameters, alpha=weight_decay)
                steps = gradients
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
