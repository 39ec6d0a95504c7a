"""The mixture module and the local head, also against straight-line code in float64."""

import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_gl.models import LocalDiscriminatorHead, MixtureModule, Outputs
from mmseg_gl.models.discriminators.local_head import one_domain

K = 19


def maps(height=6, width=8, images=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(images, K, height, width, generator=generator, dtype=torch.float64)


def some_labels(height=6, width=8, images=2):
    generator = torch.Generator().manual_seed(9)
    labels = torch.randint(0, K, (images, height, width), generator=generator)
    labels[torch.rand(labels.shape, generator=generator) < 0.3] = 255
    return labels


def outputs(labels=None, **logits):
    return Outputs(images=None, labels=labels, logits=logits)


def build_head(**options):
    torch.manual_seed(0)
    options.setdefault('loss_weights', dict(decode=0.7))
    return LocalDiscriminatorHead(num_classes=K, channels=(8, 8), **options).double()


@pytest.mark.parametrize('target_size', [(6, 8), (12, 20), (3, 5)])
@pytest.mark.parametrize('background', ['replace', 'ignore', 'keep'])
def test_mixed_map_and_domain_agree_pixel_by_pixel(background, target_size):
    source, target, labels = maps(), maps(*target_size, seed=1), some_labels()
    mixed, domain, valid = MixtureModule(background=background)(source, target, labels)
    resized = F.interpolate(target, size=(6, 8), mode='bilinear', align_corners=True)
    for n in range(2):
        for y in range(6):
            for x in range(8):
                unlabelled = labels[n, y, x] == 255
                from_target = unlabelled and background == 'replace'
                expected = (resized if from_target else source)[n, :, y, x]
                torch.testing.assert_close(mixed[n, :, y, x], expected)
                assert domain[n, 0, y, x] == (1 if from_target else 0)
                assert valid[n, 0, y, x] == (not (unlabelled and background == 'ignore'))


@pytest.mark.parametrize('background', ['replace', 'ignore', 'keep'])
@pytest.mark.parametrize('num_points', [None, 16])
@pytest.mark.parametrize('fill', [255, 3])
def test_all_background_and_fully_labelled_sources(background, num_points, fill):
    head = build_head(background=background, num_points=num_points)
    labels = torch.full((2, 6, 8), fill)
    source, target = maps(), maps(seed=1)
    mixed, domain, valid = head.mixture(source, target, labels)
    if fill == 255:
        assert domain.all() == (background == 'replace')
        assert valid.any() == (background != 'ignore')
    else:
        assert torch.equal(mixed, source) and valid.all() and not domain.any()
    losses = head.discriminate(outputs(labels, decode=source), outputs(decode=target))
    losses['loss_d_local_decode'].backward()
    assert all(torch.isfinite(value).all() for value in losses.values())
    assert all(torch.isfinite(p.grad).all() for p in head.parameters())
    if fill == 255 and background == 'ignore' and num_points is None:
        scores = head.score('decode', target)
        only_target = 0.5 * F.binary_cross_entropy_with_logits(scores, torch.ones_like(scores))
        torch.testing.assert_close(losses['loss_d_local_decode'], only_target)


def reference_scores(head, logits, representation):
    """Score pixel vectors one by one with plain linear algebra: (N, K, H, W) -> (N, H, W)."""
    p = F.softmax(logits, dim=1)
    if representation == 'entropy':
        p = -p * torch.log2(p + 1e-30) / math.log2(K)
    vectors = p.permute(0, 2, 3, 1)
    convolutions = [m for m in head.discriminators['decode'] if isinstance(m, torch.nn.Conv2d)]
    for i, conv in enumerate(convolutions):
        vectors = vectors @ conv.weight[:, :, 0, 0].t() + conv.bias
        if i < len(convolutions) - 1:
            vectors = torch.where(vectors > 0, vectors, 0.2 * vectors)
    return vectors[..., 0]


@pytest.mark.parametrize('representation', ['softmax', 'entropy'])
@pytest.mark.parametrize('background', ['replace', 'ignore', 'keep'])
def test_local_losses_equal_straight_line_code(background, representation):
    head = build_head(background=background, representation=representation)
    source, target, labels = maps(), maps(9, 7, seed=1), some_labels()
    target.requires_grad_()

    losses = head.fool(outputs(decode=target))
    scores = reference_scores(head, target, representation)
    adversarial = 0.7 * torch.log1p(torch.exp(scores)).mean()  # BCE against 0 = source
    torch.testing.assert_close(losses['loss_adv_local_decode'], adversarial, rtol=1e-9, atol=0)
    (gradient,) = torch.autograd.grad(losses['loss_adv_local_decode'], target)
    (expected,) = torch.autograd.grad(adversarial, target)
    torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-15)

    on_source = reference_scores(head, source, representation)
    on_target = reference_scores(head, target.detach(), representation)
    resized = F.interpolate(target.detach(), size=(6, 8), mode='bilinear', align_corners=True)
    on_resized = reference_scores(head, resized, representation)
    terms = []
    for n, y, x in torch.cartesian_prod(torch.arange(2), torch.arange(6), torch.arange(8)):
        if labels[n, y, x] != 255 or background == 'keep':
            terms.append(torch.log1p(torch.exp(on_source[n, y, x])))
        elif background == 'replace':
            terms.append(torch.log1p(torch.exp(-on_resized[n, y, x])))
    expected = 0.5 * (torch.stack(terms).mean() + torch.log1p(torch.exp(-on_target)).mean())
    losses = head.discriminate(outputs(labels, decode=source), outputs(decode=target.detach()))
    torch.testing.assert_close(losses['loss_d_local_decode'], expected, rtol=1e-9, atol=0)
    parameters = list(head.parameters())
    ours = torch.autograd.grad(losses['loss_d_local_decode'], parameters)
    reference = torch.autograd.grad(expected, parameters)
    for one, other in zip(ours, reference):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-13)


def pasted_pixels():
    return torch.rand(2, 6, 8, generator=torch.Generator().manual_seed(1)) < 0.5


@pytest.mark.parametrize('background', ['replace', 'ignore', 'keep'])
def test_only_the_targets_pixels_of_a_mixed_view_count(background):
    """Of its map, and where it replaces the source's background."""
    head = build_head(background=background)
    source, target, labels = maps(), maps(seed=1), some_labels()
    mixed = outputs(decode=target)
    mixed.pasted = pasted_pixels()
    on_source, on_target = (reference_scores(head, x, 'softmax') for x in (source, target))
    own = ~mixed.pasted
    terms = []
    for n, y, x in torch.cartesian_prod(torch.arange(2), torch.arange(6), torch.arange(8)):
        if labels[n, y, x] != 255 or background == 'keep':
            terms.append(torch.log1p(torch.exp(on_source[n, y, x])))
        elif background == 'replace' and own[n, y, x]:
            terms.append(torch.log1p(torch.exp(-on_target[n, y, x])))
    fooled, losses = head(outputs(labels, decode=source), mixed)
    adversarial = 0.7 * torch.log1p(torch.exp(on_target[own])).mean()
    torch.testing.assert_close(fooled['loss_adv_local_decode'], adversarial, rtol=1e-9, atol=0)
    expected = 0.5 * (torch.stack(terms).mean() + torch.log1p(torch.exp(-on_target[own])).mean())
    torch.testing.assert_close(losses['loss_d_local_decode'], expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize('background', ['replace', 'ignore', 'keep'])
def test_points_of_a_mixed_view_are_the_targets(background):
    head = build_head(background=background, num_points=40)
    mixed = outputs(decode=maps(seed=1))
    mixed.pasted = pasted_pixels()
    mixed.logits['decode'][mixed.pasted[:, None].expand(2, K, 6, 8)] = float('nan')
    fooled, losses = head(outputs(some_labels(), decode=maps()), mixed)
    assert all(torch.isfinite(value) for value in {**fooled, **losses}.values())


def step(head, target, in_one_call):
    """Return the losses of both opponents and all gradients."""
    target = target.clone().requires_grad_()
    source = outputs(some_labels(), decode=maps().to(target.dtype))
    if in_one_call:
        fooled, own = head(source, outputs(decode=target))
        passes = [fooled, own]
    else:
        passes = [head.fool(outputs(decode=target))]
        passes.append(head.discriminate(source, outputs(decode=target.detach())))
    gradients = []
    for losses, wanted in zip(passes, ([target], list(head.parameters()))):
        total = sum(value for name, value in losses.items() if name.startswith('loss_'))
        gradients += torch.autograd.grad(total, wanted, retain_graph=True)
    return [*passes[0].values(), *passes[1].values(), *gradients]


@pytest.mark.parametrize('dtype, tolerance', [(torch.float64, 1e-9), (torch.float32, 1e-5)])
@pytest.mark.parametrize('gan', ['bce', 'lsgan'])
@pytest.mark.parametrize('background', ['replace', 'ignore', 'keep'])
def test_one_call_gives_both_opponents_losses(background, gan, dtype, tolerance):
    head = build_head(background=background, gan=gan).to(dtype)
    target = maps(9, 7, seed=1).to(dtype)
    for one, other in zip(step(head, target, True), step(head, target, False)):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=1e-6 * tolerance)


def test_no_opponent_trains_the_other():
    for options in (dict(), dict(num_points=8), dict(kernel_size=3)):
        head = build_head(**options)
        target = maps(seed=1).requires_grad_()
        fooled, own = head(outputs(some_labels(), decode=maps()), outputs(decode=target))
        fooled['loss_adv_local_decode'].backward()
        assert target.grad.any() and all(p.grad is None for p in head.parameters())
        target.grad = None
        own['loss_d_local_decode'].backward()
        assert target.grad is None and all(p.grad is not None for p in head.parameters())


def test_official_size():
    head = LocalDiscriminatorHead(num_classes=K, loss_weights=dict(decode=1e-3))
    assert sum(p.numel() for p in head.parameters()) == 174_721
    assert head.discriminators['decode'](torch.zeros(1, K, 5, 7)).shape == (1, 1, 5, 7)
    wide = build_head(kernel_size=3)
    assert wide.discriminators['decode'][0].kernel_size == (3, 3)
    assert wide.score('decode', maps()).shape == (2, 1, 6, 8)


@pytest.mark.parametrize('background', ['replace', 'ignore', 'keep'])
def test_sampled_points_are_unbiased(background):
    head = build_head(background=background, num_points=64)
    full = build_head(background=background)
    full.load_state_dict(head.state_dict())
    for parameter in [*head.parameters(), *full.parameters()]:
        parameter.requires_grad_(False)
    data = outputs(some_labels(), decode=maps()), outputs(decode=maps(9, 7, seed=1))
    exact = full.discriminate(*data)['loss_d_local_decode']
    draws = torch.stack([head.discriminate(*data)['loss_d_local_decode'] for _ in range(800)])
    assert draws.std() > 1e-4
    assert abs(draws.mean() - exact) < 4 * draws.std() / math.sqrt(len(draws))
    exact = full.fool(data[1])['loss_adv_local_decode']
    draws = torch.stack([head.fool(data[1])['loss_adv_local_decode'] for _ in range(800)])
    assert abs(draws.mean() - exact) < 4 * draws.std() / math.sqrt(len(draws))


@pytest.mark.parametrize('kernel_size', [1, 3])
def test_small_gradients_survive_float16(kernel_size):
    head = build_head(kernel_size=kernel_size).float()
    head.discriminators['decode'][-1].weight.data *= 1e-4
    logits = maps(64, 128).float().requires_grad_()
    with torch.autocast('cpu', torch.float16):
        (loss,) = head.fool(outputs(decode=logits)).values()
    (65536 * loss).backward()
    assert (logits.grad != 0).float().mean() > 0.9


def test_sampled_points_are_pixels_of_the_map_and_valid():
    head = build_head(background='replace', num_points=50)
    source, target, labels = maps(), maps(seed=1), some_labels()
    mixed, domain, valid = head.mixture(source, target, labels)
    points, domains, validity = head.sample(mixed, domain, valid)
    assert points.shape == (1, K, 50, 1) and domains.shape == validity.shape == (1, 1, 50, 1)
    pool = mixed.permute(0, 2, 3, 1).reshape(-1, K)
    for point, its_domain in zip(points[0, :, :, 0].t(), domains.flatten()):
        (place,) = (pool == point).all(dim=1).nonzero()
        assert domain.flatten()[place] == its_domain
    _, _, valid = MixtureModule(background='ignore')(source, target, labels)
    assert head.sample(source, domain, valid)[2].all()


@pytest.mark.parametrize('size, num_points, draws', [((6, 8), 90, 200), ((720, 1280), 50_000, 8)])
def test_class_balanced_points_have_every_predicted_class_as_often(size, num_points, draws):
    head = build_head(background='keep', num_points=num_points, class_balanced=True)
    logits, valid = maps(*size), some_labels(*size)[:, None] != 255
    logits[:, 0] += 4  # 80 % of the pixels
    draws = [head.sample(logits, valid.double(), valid) for _ in range(draws)]
    assert all(validity.all() for _, _, validity in draws)
    drawn = torch.cat([points.argmax(dim=1).flatten() for points, _, _ in draws]).bincount()
    predicted = logits.argmax(dim=1)[valid[:, 0]].unique()
    expected = sum(points.shape[2] for points, _, _ in draws) / len(predicted)
    assert len(predicted) > 3
    assert ((drawn[predicted] - expected).abs() < 5 * math.sqrt(expected)).all()
    assert drawn.sum() == drawn[predicted].sum()
    head.sample(logits, valid.double(), torch.zeros_like(valid))  # without a valid pixel


def points(head):
    return head.sample(maps(), *one_domain(maps(), 0.0))[0]


def test_places_of_sampled_points_resume():
    head, twin = build_head(num_points=8), build_head(num_points=8)
    first = points(head)
    twin.load_state_dict(head.state_dict())
    assert torch.equal(points(head), second := points(twin))
    assert not torch.equal(first, second)


def test_places_of_sampled_points_differ_between_runs_and_processes(monkeypatch):
    head = build_head(num_points=8)
    other_run = LocalDiscriminatorHead(K, dict(decode=1.0), num_points=8)
    other_process = build_head(num_points=8)
    places = points(head)
    assert not torch.equal(places, points(other_run))
    monkeypatch.setattr('mmseg_gl.models.random_draws.get_rank', lambda: 1)
    assert not torch.equal(places, points(other_process))


@pytest.mark.parametrize('num_points', [None, 16])
def test_maps_of_a_subclass(num_points):
    class Doubled(LocalDiscriminatorHead):
        def maps(self, outputs):
            return {level: 2 * logits for level, logits in outputs.logits.items()}

    head, plain = (build_head(num_points=num_points) for _ in range(2))
    head.__class__ = Doubled
    source, target, labels = maps(), maps(seed=1), some_labels()
    doubled = plain(outputs(labels, decode=2 * source), outputs(decode=2 * target))
    for one, other in zip(head(outputs(labels, decode=source), outputs(decode=target)), doubled):
        assert one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
