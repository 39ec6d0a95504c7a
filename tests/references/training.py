"""One training iteration of each method as the published codes run it, in their order of events.

Written from descriptions of the loops; nothing here comes from mmseg_gl.
"""

import math
from types import SimpleNamespace

import torch
import torch.nn.functional as F

from tests.references.networks import (
    is_trained,
    run_discriminator,
    run_generator,
    run_patch_discriminator,
)

# The official loaders subtract the mean as float32.
MEAN = torch.tensor([104.00698793, 116.66876762, 122.67891434]).double().view(1, 3, 1, 1)


def resize(x, size):
    return F.interpolate(x, size=size, mode='bilinear', align_corners=True)


def cross_entropy(logits, labels):
    valid = labels != 255
    return F.cross_entropy(logits.permute(0, 2, 3, 1)[valid], labels[valid])


def gan_loss(scores, label, kind='bce'):
    truth = label if torch.is_tensor(label) else torch.full_like(scores, label)
    if kind == 'lsgan':
        return ((scores - truth) ** 2).mean()
    return F.binary_cross_entropy_with_logits(scores, truth)


def softmax(logits):
    return F.softmax(logits, dim=1)


def entropy(logits):
    p = softmax(logits)
    return -p * torch.log2(p + 1e-30) / math.log2(p.shape[1])


def set_trained(weights, trained):
    for name, tensor in weights.items():
        if is_trained(name) and tensor.is_floating_point() and 'running' not in name:
            tensor.requires_grad_(trained)


class Adversary:
    """The discriminator of one output.

    Args:
        head (str): 'global' or 'local'; part of the losses' names.
        level (str): The output that it sees.
        w (dict[str, Tensor]): Its weights, named '0.weight' to '8.bias'.
        optimizer: With ``step(iteration)``.
        weight (float): lambda_adv.
        sees (Callable): softmax or entropy.
        gan (str): 'bce' or 'lsgan'.
        mixed (bool): Whether the source's unlabelled pixels are replaced by the target's.
    """

    def __init__(self, head, level, w, optimizer, weight, sees, gan='bce', mixed=False):
        self.name, self.level, self.w, self.optimizer = f'{head}_{level}', level, w, optimizer
        self.weight, self.sees, self.gan, self.mixed = weight, sees, gan, mixed
        set_trained(w, True)

    def scores(self, maps):
        return run_discriminator(self.w, self.sees(maps[self.level]), ('0', '2', '4', '6', '8'))

    def on_source(self, p, q, labels):
        """Loss of the source's maps, which are 0; what is put in from the target is 1."""
        if not self.mixed:
            return gan_loss(self.scores(p), 0.0, self.gan)
        unlabelled = (labels == 255)[:, None]
        truth = unlabelled.double()
        target = resize(q[self.level], p[self.level].shape[2:])
        mixed = {self.level: torch.where(unlabelled, target, p[self.level])}
        return gan_loss(self.scores(mixed), truth, self.gan)


class AdaptationLoop:
    """AdaptSegNet, ADVENT, MinEnt, BDL and global-local: they differ in what they are given.

    Args:
        network (Callable): (weights, images) -> logits by output, of any size.
        w (dict[str, Tensor]): The segmentation network's weights.
        optimizer: With ``step(iteration)``.
        supervised (dict[str, float]): Weight of the cross-entropy of each output.
        adversaries (list[Adversary]): In the order in which they are updated.
        entropies (dict[str, float]): Weight of the target's entropy of each output (MinEnt).
        pseudo_labels (bool): Whether the target's main output learns its labels (BDL).
    """

    def __init__(
        self, network, w, optimizer, supervised, adversaries=(), entropies=None, pseudo_labels=False
    ):
        self.network, self.w, self.optimizer = network, w, optimizer
        self.supervised, self.adversaries = supervised, adversaries
        self.entropies, self.pseudo_labels = entropies or {}, pseudo_labels
        set_trained(w, True)

    def maps(self, images):
        logits = self.network(self.w, images.double() - MEAN)
        return {level: resize(z, images.shape[2:]) for level, z in logits.items()}

    def step(self, source, source_labels, target, target_labels, iteration):
        """Run one iteration.

        Args:
            source, target (Tensor): Images, (N, 3, H, W), BGR, 0 to 255.
            source_labels, target_labels (Tensor): (N, H, W), 0 to 18, and 255.
            iteration (int): Counted from 0.

        Returns:
            SimpleNamespace: ``outputs`` (dicts of the source's and the target's logits),
            ``losses`` and ``changes`` (what the segmentation network's optimizer returned, then
            each adversary's). The gradients stay in the weights.
        """
        for w in (self.w, *(d.w for d in self.adversaries)):
            for tensor in w.values():
                tensor.grad = None
        for d in self.adversaries:
            set_trained(d.w, False)

        p, losses = self.maps(source), {}
        for level, weight in self.supervised.items():
            losses[f'loss_seg_{level}'] = weight * cross_entropy(p[level], source_labels)
        sum(losses.values()).backward()

        q, terms = self.maps(target), {}
        for d in self.adversaries:
            terms[f'loss_adv_{d.name}'] = d.weight * gan_loss(d.scores(q), 0.0, d.gan)
        for level, weight in self.entropies.items():
            terms[f'loss_entropy_{level}'] = weight * entropy(q[level]).sum(dim=1).mean()
        if self.pseudo_labels:
            terms['loss_pseudo_decode'] = cross_entropy(q['decode'], target_labels)
        sum(terms.values()).backward()
        losses.update(terms)

        p, q = ({level: z.detach() for level, z in maps.items()} for maps in (p, q))
        halves = {}
        for d in self.adversaries:
            set_trained(d.w, True)
            halves[d.name] = d.on_source(p, q, source_labels) / 2
            halves[d.name].backward()
        for d in self.adversaries:
            half = gan_loss(d.scores(q), 1.0, d.gan) / 2
            half.backward()
            losses[f'loss_d_{d.name}'] = halves[d.name] + half
        changes = [part.optimizer.step(iteration) for part in (self, *self.adversaries)]
        return SimpleNamespace(outputs=[p, q], losses=losses, changes=changes)


class CycleGANLoop:
    """BDL's image translation with its perceptual terms; A is the source, B the target.

    Args:
        generators (tuple[dict, dict]): Weights of A to B and of B to A.
        discriminators (tuple[dict, dict]): Weights of A's and of B's.
        meaning (Callable): Images (BGR minus mean) -> low-resolution logits of the frozen network.
        optimizers (tuple): Two for the generators, two for the discriminators, each with
            ``step(iteration)``. (One for both is the same: Adam takes each tensor by itself.)
    """

    def __init__(self, generators, discriminators, meaning, optimizers):
        self.generators, self.discriminators = generators, discriminators
        self.meaning, self.optimizers = meaning, optimizers
        for w in (*generators, *discriminators):
            set_trained(w, True)

    def perceptual(self, x, y):
        x, y = (
            F.instance_norm(self.meaning((image[:, [2, 1, 0]] + 1) * 127.5 - MEAN))
            for image in (x, y)
        )
        return ((x - y.detach()) ** 2).mean()

    def step(self, source, target, iteration):
        """Run one iteration: images (N, 3, H, W), BGR, 0 to 255; see AdaptationLoop.step."""
        for w in (*self.generators, *self.discriminators):
            for tensor in w.values():
                tensor.grad = None
        for w in self.discriminators:
            set_trained(w, False)
        (g_ab, g_ba), (d_a, d_b) = self.generators, self.discriminators
        a, b = (image.double()[:, [2, 1, 0]] / 127.5 - 1 for image in (source, target))
        fake_b, fake_a = run_generator(g_ab, a), run_generator(g_ba, b)
        rec_a, rec_b = run_generator(g_ba, fake_b), run_generator(g_ab, fake_a)
        idt_a, idt_b = run_generator(g_ba, a), run_generator(g_ab, b)
        losses = dict(
            loss_gan_source=gan_loss(run_patch_discriminator(d_a, fake_a), 1.0, 'lsgan'),
            loss_gan_target=gan_loss(run_patch_discriminator(d_b, fake_b), 1.0, 'lsgan'),
            loss_cycle_source=10 * (rec_a - a).abs().mean(),
            loss_cycle_target=10 * (rec_b - b).abs().mean(),
            loss_identity_source=5 * (idt_a - a).abs().mean(),
            loss_identity_target=5 * (idt_b - b).abs().mean(),
            loss_semantic_source=0.1 * self.perceptual(fake_b, a),
            loss_semantic_target=0.1 * self.perceptual(fake_a, b),
            loss_semantic_reconstruction_source=10 * self.perceptual(rec_a, a),
            loss_semantic_reconstruction_target=10 * self.perceptual(rec_b, b),
        )
        sum(losses.values()).backward()
        changes = [optimizer.step(iteration) for optimizer in self.optimizers[0]]

        # The pools are not full, so that they return every image.
        for name, w, real, fake in (('source', d_a, a, fake_a), ('target', d_b, b, fake_b)):
            set_trained(w, True)
            on_real = gan_loss(run_patch_discriminator(w, real), 1.0, 'lsgan')
            on_fake = gan_loss(run_patch_discriminator(w, fake.detach()), 0.0, 'lsgan')
            losses[f'loss_d_{name}'] = 0.5 * (on_real + on_fake)
            losses[f'loss_d_{name}'].backward()
        changes += [optimizer.step(iteration) for optimizer in self.optimizers[1]]
        outputs = dict(
            fake_target=fake_b,
            fake_source=fake_a,
            cycled_source=rec_a,
            cycled_target=rec_b,
            same_source=idt_a,
            same_target=idt_b,
        )
        return SimpleNamespace(outputs=[outputs], losses=losses, changes=changes)
