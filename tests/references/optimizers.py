"""The official optimizers in straight lines: method.md's formulas, one tensor after another.

``w`` is a dict of tensors by name, changed in place; the gradients are the tensors' ``.grad``.
``SGD.step`` returns the norm of each tensor's change. ``Adam.step`` returns none: where a gradient
is all but 0, rounding decides the sign of Adam's step, so that its changes are no measure.
"""

import torch


def poly(iteration, end=250_000):
    """Share of the learning rate that is left: (1 - i / end) ** 0.9."""
    return (1 - iteration / end) ** 0.9


def steps(iteration):
    """A tenth every 50 000 iterations."""
    return 0.1 ** (iteration // 50_000)


def warm_up(iteration, length=1500, end=40_000):
    """Linear decay to 0, and a linear start from a millionth."""
    start = 1 - (1 - iteration / length) * (1 - 1e-6) if iteration < length else 1.0
    return (1 - iteration / end) * start


def constant(iteration):
    return 1.0


def resnet_entries(names, heads, rate=2.5e-4):
    """List (name, rate) as often as the official parameter groups do: first backbone, then heads.

    The backbone's group walks through all modules and takes each one's parameters with those of
    its children, so that a tensor comes once for every module that it is in. layer1.0.conv1.weight
    is in layer1, layer1.0 and layer1.0.conv1.
    """
    entries = [
        (name, rate) for name in names if not name.startswith(heads) for _ in range(name.count('.'))
    ]
    return entries + [(name, 10 * rate) for name in names if name.startswith(heads)]


class SGD:
    """Momentum 0.9, weight decay 5e-4; a tensor that is listed several times moves several times.

    Args:
        w (dict[str, Tensor]): The weights.
        entries (list[tuple[str, float]]): Names and learning rates, with repetitions.
        semantics (str): What a repetition does: as in torch up to 1.4 ('papers'), as in torch 2 on
            a CPU ('torch2'), or nothing ('clean').
    """

    def __init__(self, w, entries, semantics):
        self.w, self.semantics = w, semantics
        self.entries = list(dict.fromkeys(entries)) if semantics == 'clean' else entries
        self.buffers = {}

    @torch.no_grad()
    def step(self, iteration):
        first = not self.buffers
        before = {name: self.w[name].clone() for name, _ in self.entries}
        gradients = {name: self.w[name].grad.clone() for name in before}
        for name, rate in self.entries:
            p, g, b = self.w[name], gradients[name], self.buffers.get(name, 0.0)
            if self.semantics == 'papers':
                g += 5e-4 * p  # stays for the next entry
                b = 0.9 * b + g
            elif first:
                b = g + 5e-4 * p
            else:
                b = 0.9 * b + g + 5e-4 * p
            p -= rate * poly(iteration) * b
            self.buffers[name] = b
        return {name: (self.w[name] - before[name]).norm() for name in before}


class Adam:
    """Adam (Kingma and Ba, algorithm 1) with eps 1e-8.

    Args:
        w (dict[str, Tensor]): The weights.
        rates (dict[str, float]): Learning rate by name.
        betas (tuple[float, float]): Of the moments.
        schedule (Callable[[int], float]): Share of the rate that is left at an iteration.
        decays (dict[str, float] | None): Decoupled weight decay by name (AdamW); None: without.
    """

    def __init__(self, w, rates, betas, schedule, decays=None):
        self.w, self.rates, self.betas, self.schedule = w, rates, betas, schedule
        self.decays = decays or dict.fromkeys(rates, 0.0)
        self.m = {name: torch.zeros_like(w[name]) for name in rates}
        self.v = {name: torch.zeros_like(w[name]) for name in rates}
        self.t = 0

    @torch.no_grad()
    def step(self, iteration):
        self.t += 1
        for name, rate in self.rates.items():
            g, m, v = self.w[name].grad, self.m[name], self.v[name]
            m.mul_(self.betas[0]).add_(g, alpha=1 - self.betas[0])
            v.mul_(self.betas[1]).addcmul_(g, g, value=1 - self.betas[1])
            change = (v / (1 - self.betas[1] ** self.t)).sqrt_().add_(1e-8).reciprocal_().mul_(m)
            rate *= self.schedule(iteration)
            change *= rate / (1 - self.betas[0] ** self.t)
            self.w[name] *= 1 - rate * self.decays[name]
            self.w[name] -= change
        return {}
