"""The sum of parallel dilated 3x3 convolutions as one matrix product and shifted sums."""

import torch
import torch.nn.functional as F

TAPS = tuple((y, x) for y in range(3) for x in range(3))
CENTRE = 4  # the tap at (1, 1), which reads the same pixel whatever the dilation


def summed_dilated_conv(features, convs):
    """Compute ``sum(conv(features) for conv in convs)``, several times faster.

    The features are read once, by one matrix product that gives every tap's contribution; these
    are then shifted into place. Pays where there are far fewer outputs than inputs.

    Args:
        features (Tensor): (N, C, h, w).
        convs (Iterable[nn.Conv2d]): 3x3 convolutions with stride 1, bias, C inputs, K outputs, and
            padding equal to their dilation.

    Returns:
        Tensor: (N, K, h, w); at least float32, also under autocast.
    """
    convs = list(convs)
    kernels = [sum(conv.weight[..., 1, 1] for conv in convs)]
    shifts = [(0, 0)]
    for conv in convs:
        dilation = conv.dilation[0]
        for number, (y, x) in enumerate(TAPS):
            if number != CENTRE:
                kernels.append(conv.weight[..., y, x])
                shifts.append(((y - 1) * dilation, (x - 1) * dilation))
    products = F.conv2d(features, torch.cat(kernels)[:, :, None, None])
    bias = sum(conv.bias for conv in convs)
    return ShiftedSum.apply(products, shifts) + bias[:, None, None]


class ShiftedSum(torch.autograd.Function):
    """``out[y, x] = sum_t maps[t][y + dy_t, x + dx_t]``, zero outside of the maps.

    Args of ``apply``:
        maps (Tensor): (N, T * K, h, w), the K channels of each shift in turn.
        shifts (list[tuple[int, int]]): The T shifts (dy, dx).

    Returns of ``apply``: (N, K, h, w), float32 for maps of half precision: there are many terms.
    """

    @staticmethod
    def forward(ctx, maps, shifts):
        ctx.shifts, ctx.dtype = shifts, maps.dtype
        parts = maps.chunk(len(shifts), dim=1)
        total = torch.zeros_like(parts[0], dtype=torch.promote_types(maps.dtype, torch.float32))
        for part, shift in zip(parts, shifts):
            here, there = windows(shift, part.shape[2:])
            total[here] += part[there]
        return total

    @staticmethod
    def backward(ctx, grad):
        n, channels, *size = grad.shape
        grads = grad.new_zeros(n, len(ctx.shifts) * channels, *size, dtype=ctx.dtype)
        for part, shift in zip(grads.chunk(len(ctx.shifts), dim=1), ctx.shifts):
            here, there = windows(shift, size)
            part[there] = grad[here]
        return grads, None


def windows(shift, size):
    """Return the indices of the pixels that a shift keeps inside, before and after shifting."""
    here, there = [...], [...]
    for step, length in zip(shift, size):
        here.append(slice(max(0, -step), max(0, length - max(0, step))))
        there.append(slice(max(0, step), max(0, length + min(0, step))))
    return tuple(here), tuple(there)
