"""A pixel-wise discriminator and its losses on whole maps, without the memory of whole maps."""

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


def opposed_losses(maps, valid, layers, gan, maps_domain, layers_domain):
    """Compute the losses of both opponents from one pass over the pixels.

    The network behind the maps and the discriminator want opposite scores of the same maps. What
    is common to the gradients of their losses, the scores' derivatives, is computed once.

    Args:
        maps, valid, layers, gan: See :func:`pixelwise_loss`.
        maps_domain (Tensor): What the scores should be for the network behind the maps,
            (N, 1, H, W).
        layers_domain (Tensor): What they should be for the discriminator.

    Returns:
        tuple[Tensor, Tensor, Tensor]: The former's loss, whose gradient reaches the maps alone; the
        latter's, whose gradient reaches the layers alone; and the raw scores, detached.
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
    """``apply(loss, gradients, *inputs)``: a loss whose gradients have been computed with it."""

    @staticmethod
    def forward(ctx, loss, gradients, *inputs):
        ctx.gradients = gradients
        return loss.clone()

    @staticmethod
    def backward(ctx, factor):
        return None, None, *[None if grad is None else grad * factor for grad in ctx.gradients]


def parameters_of(layers):
    """Return the weight, (outputs, inputs), and bias of every convolution in turn."""
    convolutions = [layer for layer in layers if hasattr(layer, 'weight')]
    return [p for conv in convolutions for p in (conv.weight.flatten(1), conv.bias)]


@torch.no_grad()
def one_pass(maps, valid, parameters, gan, maps_domain, layers_domain):
    """Run through all pixels once, forward and backward.

    A pixel's score is a scalar, so that any loss's gradient is the score's own gradient times a
    factor of the pixel: one backward pass serves a loss for the maps and one for the parameters.

    Args:
        maps, valid, gan: See :func:`pixelwise_loss`.
        parameters (list[Tensor]): See :func:`parameters_of`.
        maps_domain, layers_domain (Tensor | None): (N, 1, H, W): what the scores should be, in the
            loss whose gradient with respect to the maps, or to the parameters, is wanted.

    Returns:
        tuple[Tensor, Tensor | None, list]: Scores (N, 1, H, W), and the gradients of the mean
        losses: of the maps, and of the parameters (None where not wanted).
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
            if for_maps is not None or for_layers is not None:
                grad = backward_pass(activations, weights, grads, for_layers, for_maps is not None)
            if for_maps is not None:
                maps_grad[n].flatten(1)[:, pixels] = grad * for_maps
    # Divided at the end: a half-precision gradient of a mean over a map would underflow.
    count = valid.sum().clamp(min=1)
    for grad in (maps_grad, *grads):
        if grad is not None:
            grad.div_(count)
    return scores, maps_grad, grads


def forward_pass(x, weights, biases):
    """Return the input and every layer's output, (C_i, pixels) each, the last one raw."""
    activations = [x]
    for weight, bias in zip(weights, biases):
        if len(activations) > 1:
            torch.nn.functional.leaky_relu_(activations[-1], SLOPE)
        activations.append(torch.addmm(bias[:, None], weight, activations[-1]))
    return activations


def backward_pass(activations, weights, grads, factor, wants_input):
    """Backpropagate the scores, each by itself.

    Args:
        activations (list[Tensor]): The input of every layer, (C_i, pixels).
        weights (list[Tensor]): Of every layer.
        grads (list[Tensor]): Of weights and biases in turn; if there is a factor, the sum over the
            pixels of factor times the score's gradient is added.
        factor (Tensor | None): (1, pixels).
        wants_input (bool): Whether to go on to the input.

    Returns:
        Tensor | None: The scores' gradient with respect to the input, if wanted.
    """
    last = activations[-1]
    if factor is not None:
        factor = factor.to(last.dtype)
        grads[-2] += factor @ last.t()
        grads[-1] += factor.sum(dim=1)
    grad = weights[-1].t().to(last.dtype).expand(-1, last.shape[1])
    for i in reversed(range(len(weights) - 1)):
        # the activation is its own result, and of the same sign
        grad = torch.ops.aten.leaky_relu_backward(grad, activations[i + 1], SLOPE, True)
        if factor is not None:
            grads[2 * i] += grad @ (activations[i] * factor).t()
            grads[2 * i + 1] += (grad @ factor.t()).squeeze(1)
        if i == 0 and not wants_input:
            return None
        grad = weights[i].t() @ grad
    return grad


def mean_loss(scores, domain, valid, gan):
    """Return the mean loss of the valid pixels; 0 if there is none."""
    losses = GAN_LOSSES[gan](scores, domain, reduction='none')
    return (losses * valid).sum() / valid.sum().clamp(min=1)


def derivative(score, gan, domain, valid, pixels):
    """Return the derivative of the sum of some pixels' losses by their scores, (1, pixels)."""
    domain, valid = (tensor.flatten(1)[:, pixels] for tensor in (domain, valid))
    with torch.enable_grad():
        score = score.detach().requires_grad_()
        losses = GAN_LOSSES[gan](score, domain, reduction='none')
        return torch.autograd.grad((losses * valid).sum(), score)[0]
