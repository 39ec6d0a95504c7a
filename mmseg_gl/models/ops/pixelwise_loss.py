"""Adversarial losses of a pixel-wise discriminator, computed in chunks to save memory."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from mmseg_gl.models.losses.adversarial import GAN_LOSSES

SLOPE = 0.2  # of LeakyReLU, as in every discriminator of the official codes
# Pixels per chunk: the activations (512 channels) fit into the cache of a CPU, and keep a GPU busy
# (0.25 GB).
CHUNK = dict(cpu=2048, cuda=131_072)
# Of the sums over a chunk: in float16, means would underflow and sums overflow. A power of two,
# close to the root of 1 / CHUNK['cuda'], so that it rounds nothing in float32.
SCALE = 2.0**-8


def pixelwise_loss(
    maps: Tensor, domain: Tensor, valid: Tensor, layers: Iterable[nn.Module], gan: str = 'bce'
) -> tuple[Tensor, Tensor]:
    """Compute the mean adversarial loss of the valid pixels for a stack of 1x1 convolutions.

    The result is that of running the layers on the maps and averaging the loss. It is computed
    for a chunk of pixels at a time, gradients included, as matrix products: the activations of a
    whole map are never in memory.

    Args:
        maps: (N, C, H, W).
        domain: Domain that each score should predict, (N, 1, H, W): 0 = source, 1 = target.
        valid: Mask of the pixels that count, (N, 1, H, W), bool.
        layers: 1x1 convolutions with bias, LeakyReLU(0.2) between them.
        gan: 'bce' or 'lsgan'.

    Returns:
        The loss, a scalar (0 without a valid pixel), and the raw scores, (N, 1, H, W), detached.
    """
    inputs = [maps, *parameters_of(layers)]
    wants_maps, *wants_parameters = [tensor.requires_grad for tensor in inputs]
    scores, for_maps, for_parameters = one_pass(
        maps,
        valid,
        inputs[1:],
        gan,
        maps_domain=domain if wants_maps else None,
        layers_domain=domain if any(wants_parameters) else None,
    )
    loss = mean_loss(scores, domain, valid, gan)
    return KnownGradients.apply(loss, [for_maps, *for_parameters], *inputs), scores


def opposed_losses(
    maps: Tensor,
    valid: Tensor,
    layers: Iterable[nn.Module],
    gan: str,
    maps_domain: Tensor,
    layers_domain: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the losses of segmentor and discriminator in one pass over the pixels.

    The segmentor, which makes the maps, and the discriminator want opposite scores for the same
    maps. The gradients of both losses contain the derivatives of the scores, which are computed
    only once.

    Args:
        maps, valid, layers, gan: See :func:`pixelwise_loss`.
        maps_domain: Domain that the scores should predict for the segmentor, (N, 1, H, W).
        layers_domain: Domain that they should predict for the discriminator, (N, 1, H, W).

    Returns:
        The loss of the segmentor, whose gradient reaches the maps only; the loss of the
        discriminator, whose gradient reaches the layers only; and the raw scores, detached.
    """
    parameters = parameters_of(layers)
    scores, for_maps, for_parameters = one_pass(
        maps, valid, parameters, gan, maps_domain, layers_domain
    )
    maps_loss = mean_loss(scores, maps_domain, valid, gan)
    layers_loss = mean_loss(scores, layers_domain, valid, gan)
    return (
        KnownGradients.apply(maps_loss, [for_maps], maps),
        KnownGradients.apply(layers_loss, for_parameters, *parameters),
        scores,
    )


class KnownGradients(torch.autograd.Function):
    """Autograd function ``apply(loss, gradients, *inputs)``: a loss with known gradients."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, loss: Tensor, gradients: list[Tensor | None], *inputs: Tensor
    ) -> Tensor:
        ctx.gradients = gradients
        return loss.clone()

    @staticmethod
    def backward(ctx: FunctionCtx, factor: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *[None if grad is None else grad * factor for grad in ctx.gradients]


def parameters_of(layers: Iterable[nn.Module]) -> list[Tensor]:
    """Return the weight, (outputs, inputs), and the bias of each convolution in turn."""
    convolutions = [layer for layer in layers if hasattr(layer, 'weight')]
    return [p for conv in convolutions for p in (conv.weight.flatten(1), conv.bias)]


@torch.no_grad()
def one_pass(
    maps: Tensor,
    valid: Tensor,
    parameters: list[Tensor],
    gan: str,
    maps_domain: Tensor | None,
    layers_domain: Tensor | None,
) -> tuple[Tensor, Tensor | None, list[Tensor | None]]:
    """Run one forward and backward pass over all pixels.

    The score of a pixel is a scalar, so the gradient of any loss is the gradient of the score times
    a factor per pixel: one backward pass serves a loss for the maps and one for the parameters.

    Args:
        maps, valid, gan: See :func:`pixelwise_loss`.
        parameters: See :func:`parameters_of`.
        maps_domain: Domain that the scores should predict, (N, 1, H, W), in the loss for the maps;
            None without such a loss.
        layers_domain: The same for the parameters.

    Returns:
        The scores, (N, 1, H, W), and the gradients of the mean losses with respect to the maps and
        to the parameters (None without the loss).
    """
    weights, biases = parameters[::2], parameters[1::2]
    scores = maps.new_empty(valid.shape)
    maps_grad = None if maps_domain is None else torch.empty_like(maps)
    grads = [None if layers_domain is None else torch.zeros_like(p) for p in parameters]
    size = CHUNK['cpu' if maps.device.type == 'cpu' else 'cuda']
    for n in range(len(maps)):
        for begin in range(0, maps[n, 0].numel(), size):
            pixels = slice(begin, begin + size)
            activations = forward_pass(maps[n].flatten(1)[:, pixels], weights, biases)
            score = scores[n].flatten(1)[:, pixels].copy_(activations.pop())
            for_maps, for_layers = (
                None if domain is None else derivative(score, gan, domain[n], valid[n], pixels)
                for domain in (maps_domain, layers_domain)
            )
            if for_layers is not None:
                for_layers *= SCALE
            if for_maps is not None or for_layers is not None:
                grad = backward_pass(activations, weights, grads, for_layers, for_maps is not None)
            if maps_grad is not None:
                maps_grad[n].flatten(1)[:, pixels] = grad * for_maps
    # Divided at the end: a half-precision gradient of a mean over a map would underflow.
    count = valid.sum().clamp(min=1)
    if maps_grad is not None:
        maps_grad.div_(count)
    for grad in grads:
        if grad is not None:
            grad.div_(SCALE * count)
    return scores, maps_grad, grads


def forward_pass(x: Tensor, weights: list[Tensor], biases: list[Tensor]) -> list[Tensor]:
    """Return the input and the output of every layer, (C_i, pixels) each, the last one raw."""
    activations = [x]
    for weight, bias in zip(weights, biases):
        if len(activations) > 1:
            torch.nn.functional.leaky_relu_(activations[-1], SLOPE)
        activations.append(torch.addmm(bias[:, None], weight, activations[-1]))
    return activations


def backward_pass(
    activations: list[Tensor],
    weights: list[Tensor],
    grads: list[Tensor | None],
    factor: Tensor | None,
    wants_input: bool,
) -> Tensor | None:
    """Backpropagate the score of each pixel.

    Args:
        activations: Input of every layer, (C_i, pixels).
        weights: Weight of every layer.
        grads: Gradients of the weights and biases in turn. With a factor, the sum over the pixels
            of the factor times the gradient of the score is added to them.
        factor: Factor of each pixel, (1, pixels); None if only the input's gradient is wanted.
        wants_input: Compute the gradient with respect to the input too.

    Returns:
        The gradient of the scores with respect to the input, or None if it is not wanted.
    """
    last = activations[-1]
    if factor is not None:
        factor = factor.to(last.dtype)
        grads[-2] += factor @ last.t()
        grads[-1] += factor.sum(dim=1)
    grad = weights[-1].t().to(last.dtype).expand(-1, last.shape[1])
    for i in reversed(range(len(weights) - 1)):
        # computed from the output of the activation, which has the sign of its input
        grad = torch.ops.aten.leaky_relu_backward(grad, activations[i + 1], SLOPE, True)
        if factor is not None:
            grads[2 * i] += grad @ (activations[i] * factor).t()
            grads[2 * i + 1] += (grad @ factor.t()).squeeze(1)
        if i == 0 and not wants_input:
            return None
        grad = weights[i].t() @ grad
    return grad


def mean_loss(scores: Tensor, domain: Tensor, valid: Tensor, gan: str) -> Tensor:
    """Return the mean loss of the valid pixels; 0 without a valid pixel."""
    losses = GAN_LOSSES[gan](scores, domain, reduction='none')
    return (losses * valid).sum() / valid.sum().clamp(min=1)


def derivative(score: Tensor, gan: str, domain: Tensor, valid: Tensor, pixels: slice) -> Tensor:
    """Return the derivative of the summed loss of some pixels by their scores, (1, pixels)."""
    domain, valid = (tensor.flatten(1)[:, pixels] for tensor in (domain, valid))
    with torch.enable_grad():
        score = score.detach().requires_grad_()
        losses = GAN_LOSSES[gan](score, domain, reduction='none')
        return torch.autograd.grad((losses * valid).sum(), score)[0]
