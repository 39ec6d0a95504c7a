"""Batch norm, ReLU and convolution that keep one feature map for the backward pass, not two."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks


def norm_relu_conv(x: Tensor, norm: nn.Module, conv: nn.Module) -> Tensor:
    """Compute ``conv(relu(norm(x)))``.

    Autograd would keep both the input of the norm and that of the convolution. Here the backward
    pass recomputes the second from the first, bit for bit.

    Args:
        x: (N, C, h, w).
        norm: Normalisation layer of C channels. Memory is saved with an ``nn.BatchNorm2d`` only.
        conv: Convolution with C input channels.

    Returns:
        The output of the convolution.
    """
    normed = norm(x)
    if type(norm) is not nn.BatchNorm2d or torch.compiler.is_exporting():
        return conv(F.relu(normed, inplace=True))
    x, place = x.detach(), normed.data_ptr()
    again: list[Tensor] = []
    by_batch = norm.training or norm.running_mean is None

    def pack(tensor: Tensor) -> Tensor | None:  # the ReLU and the convolution save the same map
        return None if tensor.data_ptr() == place else tensor

    def unpack(saved: Tensor | None) -> Tensor:
        if saved is not None:
            return saved
        if again:  # by the convolution, whose backward pass comes first
            return again.pop()
        statistics = (None, None) if by_batch else (norm.running_mean, norm.running_var)
        with torch.no_grad():
            again.append(
                F.batch_norm(x, *statistics, norm.weight, norm.bias, by_batch, eps=norm.eps).relu_()
            )
        return again[0]

    with saved_tensors_hooks(pack, unpack):
        return conv(F.relu(normed, inplace=True))
