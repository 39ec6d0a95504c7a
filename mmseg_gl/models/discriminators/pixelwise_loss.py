"""A pixel-wise discriminator and its loss on whole maps, without the memory of whole maps."""

import torch

from mmseg_gl.models.losses.adversarial import GAN_LOSSES

SLOPE = 0.2  # of LeakyReLU, as in every discriminator of the official codes
# Pixels that are worked on at once: the activations (512 channels) stay in a CPU's cache, and a GPU
# has enough to do (0.25 GB).
CHUNK = dict(cpu=2048, cuda=131_072)


def pixelwise_loss(maps, domain, valid, layers, gan='bce'):
    """Score every pixel of maps by 1x1 convolutions; the mean adversarial loss of the valid ones.

    Equal to running the layers on the maps and averaging the loss, but done for a few thousand
    pixels at a time, gradients included: as matrix products, and no activation of a whole map is
    ever held.

    Args:
        maps (Tensor): (N, C, H, W).
        domain (Tensor): What the scores should be, (N, 1, H, W): 0 = source, 1 = target.
        valid (Tensor): Which pixels count, (N, 1, H, W), bool.
        layers (Iterable[nn.Module]): 1x1 convolutions with bias, LeakyReLU(0.2) between them.
        gan (str): 'bce' or 'lsgan'.

    Returns:
        tuple[Tensor, Tensor]: The loss, a scalar (0 without a valid pixel), and the raw scores,
        (N, 1, H, W), detached.
    """
    parameters = []
    for layer in layers:
        if hasattr(layer, 'weight'):
            parameters += [layer.weight.flatten(1), layer.bias]
    return PixelwiseLoss.apply(maps, domain, valid, gan, *parameters)


class PixelwiseLoss(torch.autograd.Function):
    """See :func:`pixelwise_loss`. The gradients are computed together with the loss."""

    @staticmethod
    def forward(ctx, maps, domain, valid, gan, *parameters):
        weights, biases = parameters[::2], parameters[1::2]
        wants_maps, wants_parameters = ctx.needs_input_grad[0], any(ctx.needs_input_grad[4:])
        scores = maps.new_empty(domain.shape)
        total = maps.new_zeros(())
        maps_grad = torch.empty_like(maps) if wants_maps else None
        grads = [torch.zeros_like(p) for p in parameters] if wants_parameters else []
        size = CHUNK['cpu' if maps.device.type == 'cpu' else 'cuda']
        for n in range(len(maps)):
            for begin in range(0, maps[n, 0].numel(), size):
                x, truth, weight, score = (
                    tensor[n].flatten(1)[:, begin : begin + size]
                    for tensor in (maps, domain, valid, scores)
                )
                activations = forward_pass(x, weights, biases)
                score[:] = activations[-1]
                loss, grad = loss_and_gradient(activations[-1].to(truth.dtype), truth, gan)
                total += (loss * weight).sum()
                if not (wants_maps or wants_parameters):
                    continue
                grad = backward_pass(grad * weight, activations, weights, grads, wants_maps)
                if wants_maps:
                    maps_grad[n].flatten(1)[:, begin : begin + size] = grad
        # Divided at the end: a half-precision gradient of a mean over a map would underflow.
        count = valid.sum().clamp(min=1)
        ctx.maps_grad = maps_grad.div_(count) if wants_maps else None
        ctx.grads = [grad.div_(count) for grad in grads] or [None] * len(parameters)
        ctx.mark_non_differentiable(scores)
        return total / count, scores

    @staticmethod
    def backward(ctx, factor, _):
        def scaled(grad):
            return None if grad is None else grad * factor

        return scaled(ctx.maps_grad), None, None, None, *map(scaled, ctx.grads)


def forward_pass(x, weights, biases):
    """Return the input and every layer's output, (C_i, pixels) each, the last one raw."""
    activations = [x]
    for weight, bias in zip(weights, biases):
        if len(activations) > 1:
            torch.nn.functional.leaky_relu_(activations[-1], SLOPE)
        activations.append(torch.addmm(bias[:, None], weight, activations[-1]))
    return activations


def loss_and_gradient(score, truth, gan):
    """Return every pixel's loss and its derivative with respect to the score."""
    with torch.enable_grad():
        score = score.detach().requires_grad_()
        loss = GAN_LOSSES[gan](score, truth, reduction='none')
        (grad,) = torch.autograd.grad(loss.sum(), score)
    return loss.detach(), grad


def backward_pass(grad, activations, weights, grads, wants_input):
    """Add the parameters' gradients to ``grads``, if any; return the input's, if wanted."""
    for i in reversed(range(len(weights))):
        if grads:
            grads[2 * i] += grad @ activations[i].t()
            grads[2 * i + 1] += grad.sum(dim=1)
        if i == 0 and not wants_input:
            return None
        grad = weights[i].t() @ grad
        if i > 0:  # the activation is its own result, and of the same sign
            grad = torch.ops.aten.leaky_relu_backward(grad, activations[i], SLOPE, True)
    return grad
