"""One training iteration of DACS, DAFormer, HRDA and MIC as their codes run it, in straight lines.

All random decisions are given, but for dropout and stochastic depth, which PyTorch's generator
decides. Nothing here comes from mmseg_gl.
"""

import math
from dataclasses import dataclass
from types import SimpleNamespace

import torch
import torch.nn.functional as F

from tests.references.networks import halfway, part, run_daformer_head, run_mit

MEAN = torch.tensor([123.675, 116.28, 103.53]).double().view(3, 1, 1)  # of RGB
STD = torch.tensor([58.395, 57.12, 57.375]).double().view(3, 1, 1)
THINGS = (6, 7, 11, 12, 13, 14, 15, 16, 17, 18)
BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


# Strong augmentation


def jitter(image, factors, order):
    """Change an RGB image, (3, H, W) in [0, 1], as kornia 0.5.8 does."""
    for change in order:
        if change == BRIGHTNESS:
            image = (image + factors[0] - 1).clamp(0, 1)
        elif change == CONTRAST:
            image = (image * factors[1]).clamp(0, 1)
        else:
            hue, saturation, value = hsv(image)
            if change == SATURATION:
                saturation = (saturation * factors[2]).clamp(0, 1)
            else:
                hue = hue + 6 * factors[3]
            image = rgb(hue, saturation, value)
    return image


def hsv(image):
    """Return hue (0 to 6), saturation and value of an RGB image, (H, W) each."""
    (red, green, blue), value = image, image.amax(dim=0)
    span = value - image.amin(dim=0)
    safe = torch.where(span == 0, 1.0, span)
    of_green = torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4)
    hue = torch.where(value == red, (green - blue) / safe, of_green)
    return torch.where(span == 0, 0.0, hue) % 6, span / (value + 1e-6), value


def rgb(hue, saturation, value):
    k = torch.stack([(hue + n) % 6 for n in (5, 3, 1)])
    return value - value * saturation * torch.minimum(k, 4 - k).clamp(0, 1)


def blur(image, sigma):
    """Blur an image, (3, H, W), with reflected borders."""
    kernels = []
    for n in image.shape[1:]:
        tenth = math.ceil(0.1 * n)
        size = math.floor(tenth - 0.5 + tenth % 2)
        x = torch.arange(size).double() - size // 2
        kernel = torch.exp(-(x**2) / (2 * sigma**2))
        kernels.append(kernel / kernel.sum())
    kernel = torch.outer(*kernels)[None, None]
    (ky, kx) = (len(k) // 2 for k in kernels)
    padded = F.pad(image[:, None], (kx, kx, ky, ky), mode='reflect')
    return F.conv2d(padded, kernel)[:, 0]


def augment(images, draws):
    """Augment normalised RGB images.

    Args:
        images (Tensor): (N, 3, H, W).
        draws: ``factors``, (N, 4), or None; ``orders``; ``sigmas``, or None.
    """
    if draws.factors is not None:
        colours = (images * STD + MEAN) / 255
        changed = map(jitter, colours, draws.factors.tolist(), draws.orders)
        images = (torch.stack(list(changed)) * 255 - MEAN) / STD
    if draws.sigmas is not None:
        images = torch.stack([blur(image, sigma) for image, sigma in zip(images, draws.sigmas)])
    return images


# Networks: they return the last features, the logits, and the detail crop's logits or None


@dataclass
class DAFormer:
    """DAFormer's network on MiT."""

    drop_path: float = 0.1
    dropout: float = 0.1

    def run(self, w, x, name, training, drops):
        """Return maps and logits of images or a crop."""
        maps = run_mit(part(w, 'backbone.'), x, self.drop_path * drops)
        head = part(w, name)
        return maps, run_daformer_head(head, maps, training, self.dropout * drops)

    def learn(self, w, x, box=None):
        maps, logits = self.run(w, x, 'decode_head.', True, True)
        return maps[-1], halfway(logits, x.shape[2:]), None

    def predict(self, w, x, training):
        return halfway(self.run(w, x, 'decode_head.', training, False)[1], x.shape[2:])

    def pretrained(self, w, x):
        return run_mit(w, x)[-1]


@dataclass
class HRDA(DAFormer):
    """HRDA on DAFormer's network: detail crops of ``crop`` pixels, ``step`` apart in inference."""

    crop: int = 512
    step: int = 256

    def context(self, w, x, training, drops):
        x = F.avg_pool2d(x, 2)
        maps, logits = self.run(w, x, 'decode_head.head.', training, drops)
        attention = part(w, 'decode_head.scale_attention.')
        attention = run_daformer_head(attention, maps, training, self.dropout * drops)
        return maps, logits, attention.sigmoid()

    def learn(self, w, x, box):
        top, bottom, left, right = box
        maps, context, attention = self.context(w, x, True, True)
        _, detail = self.run(w, x[:, :, top:bottom, left:right], 'decode_head.head.', True, True)
        inside = torch.zeros_like(attention)
        inside[:, :, top // 8 : bottom // 8, left // 8 : right // 8] = 1
        margins = (left // 4, (x.shape[3] - right) // 4, top // 4, (x.shape[2] - bottom) // 4)
        fused = self.fuse(context, F.pad(detail, margins), attention * inside)
        return maps[-1], halfway(fused, x.shape[2:]), halfway(detail, (bottom - top, right - left))

    def predict(self, w, x, training):
        _, context, attention = self.context(w, x, training, False)
        height, width = x.shape[2:]
        places = [
            (top, left)
            for top in range(0, height - self.crop + 1, self.step)
            for left in range(0, width - self.crop + 1, self.step)
        ]
        c, windows = self.crop, x.unfold(2, self.crop, self.step).unfold(3, self.crop, self.step)
        windows = windows.permute(2, 3, 0, 1, 4, 5).flatten(0, 2)  # all in one forward pass
        logits = self.run(w, windows, 'decode_head.head.', training, False)[1]
        total = x.new_zeros(len(x), 19, height // 4, width // 4)
        count = torch.zeros_like(total)
        for (top, left), z in zip(places, logits.split(len(x))):
            area = (..., slice(top // 4, (top + c) // 4), slice(left // 4, (left + c) // 4))
            total[area] += z
            count[area] += 1
        return halfway(self.fuse(context, total / count, attention), x.shape[2:])

    def fuse(self, context, detail, attention):
        size = detail.shape[2:]
        return halfway(attention, size) * detail + halfway((1 - attention) * context, size)

    def pretrained(self, w, x):
        return run_mit(w, F.avg_pool2d(x, 2))[-1]


# The step


def feature_distance(features, pretrained, labels):
    """Return the mean distance over the cells of which a thing covers three quarters; else 0."""
    side = labels.shape[2] // features.shape[3]
    planes = F.one_hot(labels.where(labels != 255, 19), 20).permute(0, 3, 1, 2).double()
    share, shown = F.avg_pool2d(planes, side).max(dim=1)
    things = (share >= 0.75) & (shown[..., None] == torch.tensor(THINGS)).any(dim=-1)
    distances = (features - pretrained).pow(2).sum(dim=1).sqrt()[things]
    return distances.mean() if len(distances) else 0 * features.sum()


def cross_entropy(logits, labels, weights=None):
    """Return the mean over all pixels, with those of 255 as 0."""
    losses = F.cross_entropy(logits, labels, ignore_index=255, reduction='none')
    return (losses if weights is None else losses * weights.float()).mean()  # float as in mmseg


class SelfTrainingLoop:
    """DACS, DAFormer, HRDA and MIC: they differ in what they are given.

    Args:
        network (DAFormer): The network.
        w, teacher (dict[str, Tensor]): Weights of the student and its teacher.
        imagenet (dict[str, Tensor] | None): Weights of the ImageNet backbone; None: no distance.
        optimizer: With ``step(iteration)``.
        alpha (float): Of the teacher's moving average.
        margins (tuple[int, int]): Rows without pseudo labels at the top and at the bottom.
        masks (bool): Whether the student learns masked images too (MIC).
    """

    def __init__(self, network, w, teacher, imagenet, optimizer, alpha, margins, masks):
        self.network, self.w, self.teacher, self.imagenet = network, w, teacher, imagenet
        self.optimizer, self.alpha, self.margins, self.masks = optimizer, alpha, margins, masks
        self.trained = [k for k in w if 'running' not in k and 'num_batches' not in k]
        for name in self.trained:
            w[name].requires_grad_()

    def learn(self, name, images, labels, weights, box):
        """Return the features, the logits and the losses of a forward pass."""
        features, logits, detail = self.network.learn(self.w, images, box)
        loss = cross_entropy(logits, labels, weights)
        losses = {f'loss_{name}_decode': loss}
        if detail is not None:
            inside = (..., slice(*box[:2]), slice(*box[2:]))
            weights = None if weights is None else weights[inside]
            losses[f'loss_{name}_decode'] = 0.9 * loss
            losses[f'loss_{name}_detail'] = 0.1 * cross_entropy(detail, labels[inside], weights)
        return features, logits, losses

    @torch.no_grad()
    def follow(self, iteration):
        alpha = min(1 - 1 / (iteration + 1), self.alpha)
        for name in self.trained:
            self.teacher[name].mul_(alpha).add_(self.w[name], alpha=1 - alpha)

    @torch.no_grad()
    def pseudo_labels(self, images, trusted):
        probability = self.network.predict(self.teacher, images, training=True).softmax(dim=1)
        confidence, labels = probability.max(dim=1)
        share = (confidence >= 0.968).double().sum() / confidence.numel()
        weights = torch.full_like(confidence, share)
        top, bottom = self.margins
        weights[:, :top] = 0
        weights[:, weights.shape[1] - bottom :] = 0
        return labels, weights if trusted is None else weights * trusted

    def step(self, source, source_labels, target, decisions, iteration, trusted=None, **_):
        """Run one iteration.

        Args:
            source, target (Tensor): Images, (N, 3, H, W), BGR, 0 to 255.
            source_labels (Tensor): (N, H, W), 0 to 18, and 255.
            decisions: ``classes`` to paste by image, ``strong`` draws of the mixed and of the
                masked images, ``mask`` (N, 1, H, W), ``boxes`` of the detail crops.
            iteration (int): Counted from 0.
            trusted (Tensor | None): Pixels whose pseudo labels count, (N, H, W).

        Returns:
            SimpleNamespace: As AdaptationLoop's; changes of the student and of the teacher.
        """
        for name in self.trained:
            self.w[name].grad = None
        self.follow(iteration)
        boxes = iter(decisions.boxes)
        xs, xt = ((x.double()[:, [2, 1, 0]] - MEAN) / STD for x in (source, target))

        features, p, losses = self.learn('seg', xs, source_labels, None, next(boxes))
        if self.imagenet is not None:
            with torch.no_grad():
                pretrained = self.network.pretrained(self.imagenet, xs)
            distance = feature_distance(features, pretrained, source_labels)
            losses['loss_feature_distance'] = 0.005 * distance
        sum(losses.values()).backward()
        outputs = [dict(decode=p.detach())]

        labels, weights = self.pseudo_labels(xt, trusted)
        pasted = torch.stack(
            [
                sum((of_image == c) for c in classes.tolist()) > 0
                for of_image, classes in zip(source_labels, decisions.classes)
            ]
        )
        m = pasted[:, None].double()
        mixed_labels = torch.where(pasted, source_labels, labels)
        mixed_weights = torch.where(pasted, 1.0, weights)
        views = [('mixed', m * xs + (1 - m) * xt, mixed_labels, mixed_weights)]
        if self.masks:
            views.append(('masked', xt, labels, weights))
        for (name, x, y, weight), draws in zip(views, decisions.strong):
            x = augment(x, draws)
            if name == 'masked':
                x = x * decisions.mask
            _, p, terms = self.learn(name, x, y, weight, next(boxes))
            sum(terms.values()).backward()
            losses.update(terms)
            outputs.append(dict(decode=p.detach()))
        changes = [self.optimizer.step(iteration), {}]
        return SimpleNamespace(outputs=outputs, losses=losses, changes=changes)
