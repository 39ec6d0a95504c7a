"""Batch norm, ReLU and a convolution that keep one feature map for the backward pass, not two."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.graph import saved_tensors_hooks


def norm_relu_conv(x, norm, conv):
    """Compute ``conv(relu(norm(x)))``.

    Autograd would keep the input of the norm and that of the convolution. Here the latter is
    computed again from the former when the backward pass asks for it, bit for bit the same.

    Args:
        x (Tensor): (N, C, h, w).
        norm (nn.Module): Of C channels. Only with an ``nn.BatchNorm2d`` is a map saved.
        conv (nn.Module): Convolution with C inputs.

    Returns:
        Tensor: The convolution's output.
    """
    normed = norm(x)
    if type(norm) is not nn.BatchNorm2d:
        return conv(F.relu(normed, inplace=True))
    x, place, again = x.detach(), normed.data_ptr(), []
    by_batch = norm.training or norm.running_mean is None

    def pack(tensor):  # the ReLU and the convolution save the same map
        return None if tensor.data_ptr() == place else tensor

    def unpack(saved):
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
