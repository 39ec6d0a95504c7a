"""The training step against a straight-line version of the official loops, in float64."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import mmseg_gl  # noqa: F401
from mmseg_gl.errors import UserError
from mmseg_gl.models import MultiOutputEncoderDecoder, Outputs

K = 19


def segmentor_cfg(num_branches=4):
    loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
    head = dict(type='DeepLabV2Head', num_classes=K, dilations=(1, 2, 3, 4))
    head['num_branches'] = num_branches
    return dict(
        type='MultiOutputEncoderDecoder',
        backbone=dict(
            type='DeepLabV2ResNet', depth=10, stem_channels=8, base_channels=8, init_cfg=None
        ),
        decode_head=dict(head, in_channels=64, in_index=1, loss_decode=dict(loss, loss_weight=1.0)),
        auxiliary_head=dict(
            head, in_channels=32, in_index=0, loss_decode=dict(loss, loss_weight=0.1)
        ),
        test_cfg=dict(mode='whole'),
    )


def build(**methods):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    cfg = dict(
        type='UDASegmentor',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[104.0] * 3, std=[1.0] * 3, size_divisor=1
        ),
        segmentor=segmentor_cfg(),
        **methods,
    )
    model = MODELS.build(cfg)
    model.init_weights()
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d) and module.out_channels in (K, 1):
            torch.nn.init.normal_(module.weight, std=0.5)  # outputs far from uniform
    return model.double().train()


def batch(seed, height, width, size=2):
    generator = torch.Generator().manual_seed(seed)
    inputs, samples = [], []
    for _ in range(size):
        inputs.append(torch.randint(0, 256, (3, height, width), generator=generator).byte())
        labels = torch.randint(0, K, (1, height, width), generator=generator)
        labels[:, : height // 4] = 255
        sample = SegDataSample()
        sample.gt_sem_seg = PixelData(data=labels)
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def unlabelled(data):
    return dict(inputs=data['inputs'], data_samples=[SegDataSample() for _ in data['inputs']])


def optimizers(model, names):
    wrappers = {}
    for name in names:
        parameters = [p for p in getattr(model, name).parameters() if p.requires_grad]
        if name == 'segmentor':
            optimizer = torch.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=5e-4)
        else:
            optimizer = torch.optim.Adam(parameters, lr=1e-3, betas=(0.9, 0.99))
        wrappers[name] = OptimWrapper(optimizer)
    return OptimWrapperDict(**wrappers)


class Reference:
    """The official loop, written down once more: two outputs, one discriminator each."""

    def __init__(self, model, weights, representation, gan):
        self.net = copy.deepcopy(model.segmentor)
        self.weights, self.representation, self.gan = weights, representation, gan
        self.d = copy.deepcopy(model.global_head.discriminators) if weights else None
        self.opt = torch.optim.SGD(
            [p for p in self.net.parameters() if p.requires_grad],
            lr=0.05,
            momentum=0.9,
            weight_decay=5e-4,
        )
        self.opt_d = {
            level: torch.optim.Adam(self.d[level].parameters(), lr=1e-3, betas=(0.9, 0.99))
            for level in weights
        }

    def maps(self, images):
        x = torch.stack([image.double() - 104.0 for image in images])
        layer3, layer4 = self.net.backbone(x)
        logits = {'decode': 0, 'auxiliary': 0}
        for branch in self.net.decode_head.branches:
            logits['decode'] = logits['decode'] + branch(layer4)
        for branch in self.net.auxiliary_head.branches:
            logits['auxiliary'] = logits['auxiliary'] + branch(layer3)
        return {
            level: F.interpolate(z, size=x.shape[2:], mode='bilinear', align_corners=True)
            for level, z in logits.items()
        }

    def seen(self, logits):
        p = F.softmax(logits, dim=1)
        if self.representation == 'entropy':
            return -p * torch.log2(p + 1e-30) / math.log2(K)
        return p

    def gan_loss(self, score, label):
        truth = torch.full_like(score, label)
        if self.gan == 'lsgan':
            return ((score - truth) ** 2).mean()
        return F.binary_cross_entropy_with_logits(score, truth)

    def step(self, source, target):
        losses = {}
        labels = torch.stack([s.gt_sem_seg.data[0] for s in source['data_samples']])
        self.opt.zero_grad()
        p = self.maps(source['inputs'])
        for level, weight in (('decode', 1.0), ('auxiliary', 0.1)):
            valid = labels != 255
            ce = F.cross_entropy(p[level].permute(0, 2, 3, 1)[valid], labels[valid])
            losses[f'loss_seg_{level}'] = weight * ce
        (losses['loss_seg_decode'] + losses['loss_seg_auxiliary']).backward()

        q = self.maps(target['inputs'])
        adversarial = 0
        for level, weight in self.weights.items():
            term = weight * self.gan_loss(self.d[level](self.seen(q[level])), 0.0)
            losses[f'loss_adv_global_{level}'] = term
            adversarial = adversarial + term
        adversarial.backward()
        self.opt.step()

        for level in self.weights:
            self.opt_d[level].zero_grad()
            on_source = self.gan_loss(self.d[level](self.seen(p[level].detach())), 0.0)
            (on_source / 2).backward()
            on_target = self.gan_loss(self.d[level](self.seen(q[level].detach())), 1.0)
            (on_target / 2).backward()
            self.opt_d[level].step()
            losses[f'loss_d_global_{level}'] = (on_source + on_target) / 2
        return {name: value.detach() for name, value in losses.items()}


@pytest.mark.parametrize(
    'representation, gan', [('softmax', 'bce'), ('softmax', 'lsgan'), ('entropy', 'bce')]
)
def test_global_step_equals_the_official_loop(representation, gan):
    weights = dict(decode=0.3, auxiliary=0.1)
    model = build(
        heads=dict(
            global_head=dict(
                type='GlobalDiscriminatorHead',
                num_classes=K,
                channels=(8, 8, 8, 8),
                loss_weights=weights,
                representation=representation,
                gan=gan,
            )
        )
    )
    reference = Reference(model, weights, representation, gan)
    wrappers = optimizers(model, ('segmentor', 'global_head'))
    for i in range(3):
        source, target = batch(2 * i, 65, 97), batch(2 * i + 1, 72, 88)
        expected = reference.step(source, target)
        logs = model.train_step(dict(source=source, target=unlabelled(target)), wrappers)
        for name, value in expected.items():
            torch.testing.assert_close(logs[name], value, rtol=1e-9, atol=1e-12)
    compare_states(model.segmentor, reference.net)
    compare_states(model.global_head.discriminators, reference.d)


def test_minent_step_equals_the_official_loop():
    """Two backwards (source, then weighted entropies of the target), one step."""
    weights = dict(decode=0.3, auxiliary=0.1)
    model = build(target_losses=dict(entropy=dict(type='EntropyLoss', loss_weights=weights)))
    reference = Reference(model, weights={}, representation=None, gan=None)
    wrappers = optimizers(model, ['segmentor'])
    for i in range(3):
        source, target = batch(2 * i, 65, 97), batch(2 * i + 1, 72, 88)
        labels = torch.stack([s.gt_sem_seg.data[0] for s in source['data_samples']])
        reference.opt.zero_grad()
        p = reference.maps(source['inputs'])
        loss = 0
        for level, weight in (('decode', 1.0), ('auxiliary', 0.1)):
            loss = loss + weight * F.cross_entropy(p[level], labels, ignore_index=255)
        loss.backward()
        q = reference.maps(target['inputs'])
        loss = 0
        for level, weight in weights.items():
            probability = F.softmax(q[level], dim=1)
            n, c, h, w = probability.shape
            entropy = -(probability * torch.log2(probability + 1e-30)).sum()
            loss = loss + weight * entropy / (n * h * w * math.log2(c))
        loss.backward()
        reference.opt.step()
        logs = model.train_step(dict(source=source, target=unlabelled(target)), wrappers)
        total = logs['loss_entropy_decode'] + logs['loss_entropy_auxiliary']
        torch.testing.assert_close(total, loss.detach(), rtol=1e-9, atol=0)
    compare_states(model.segmentor, reference.net)


@pytest.mark.parametrize('background', ['replace', 'ignore', 'keep'])
def test_joint_step_equals_straight_line_code(background):
    """Global and local heads together: one segmentor update, one update of each head."""
    torch.manual_seed(1)
    widths = dict(num_classes=K, channels=(8, 8))
    model = build(
        heads=dict(
            global_head=dict(
                type='GlobalDiscriminatorHead', loss_weights=dict(decode=0.3), **widths
            ),
            local_head=dict(
                type='LocalDiscriminatorHead',
                loss_weights=dict(decode=2.0, auxiliary=0.5),
                background=background,
                **widths,
            ),
        ),
    )
    reference = Reference(model, dict(decode=0.3), 'softmax', 'bce')
    local = copy.deepcopy(model.local_head.discriminators)
    local_opt = torch.optim.Adam(local.parameters(), lr=1e-3, betas=(0.9, 0.99))
    wrappers = optimizers(model, ('segmentor', 'global_head', 'local_head'))
    for i in range(3):
        source, target = batch(2 * i, 33, 49), batch(2 * i + 1, 40, 44)
        labels = torch.stack([s.gt_sem_seg.data[0] for s in source['data_samples']])
        reference.opt.zero_grad()
        p = reference.maps(source['inputs'])
        loss = 0
        for level, weight in (('decode', 1.0), ('auxiliary', 0.1)):
            loss = loss + weight * F.cross_entropy(p[level], labels, ignore_index=255)
        loss.backward()
        q = reference.maps(target['inputs'])
        loss = 0.3 * reference.gan_loss(reference.d['decode'](F.softmax(q['decode'], 1)), 0.0)
        for level, weight in (('decode', 2.0), ('auxiliary', 0.5)):
            scores = local[level](F.softmax(q[level], 1))
            loss = loss + weight * reference.gan_loss(scores, 0.0)
        loss.backward()
        reference.opt.step()

        p = {level: z.detach() for level, z in p.items()}
        q = {level: z.detach() for level, z in q.items()}
        reference.opt_d['decode'].zero_grad()
        for maps, label in ((p, 0.0), (q, 1.0)):
            scores = reference.d['decode'](F.softmax(maps['decode'], 1))
            (reference.gan_loss(scores, label) / 2).backward()
        reference.opt_d['decode'].step()
        local_opt.zero_grad()
        unlabelled_pixels = labels == 255
        for level in ('decode', 'auxiliary'):
            mixed, truth = p[level].clone(), torch.zeros(labels.shape, dtype=torch.float64)
            if background == 'replace':
                resized = F.interpolate(q[level], (33, 49), mode='bilinear', align_corners=True)
                for k in range(K):
                    mixed[:, k][unlabelled_pixels] = resized[:, k][unlabelled_pixels]
                truth[unlabelled_pixels] = 1.0
            counted = torch.ones_like(unlabelled_pixels)
            if background == 'ignore':
                counted = ~unlabelled_pixels
            scores = local[level](F.softmax(mixed, 1))[:, 0]
            loss = F.binary_cross_entropy_with_logits(scores[counted], truth[counted]) / 2
            scores = local[level](F.softmax(q[level], 1))
            (loss + reference.gan_loss(scores, 1.0) / 2).backward()
        local_opt.step()
        model.train_step(dict(source=source, target=unlabelled(target)), wrappers)
    compare_states(model.segmentor, reference.net)
    compare_states(model.global_head.discriminators, reference.d)
    compare_states(model.local_head.discriminators, local)


def compare_states(module, reference):
    state, expected = module.state_dict(), reference.state_dict()
    assert state.keys() == expected.keys()
    for name in state:
        torch.testing.assert_close(state[name], expected[name], rtol=1e-8, atol=1e-10)


def test_source_only_never_forwards_a_target_image():
    model = build()
    forwarded = []
    model.segmentor.register_forward_pre_hook(lambda module, inputs: forwarded.append(1))
    logs = model.train_step(
        dict(source=batch(0, 33, 65), target='not even looked at'), optimizers(model, ['segmentor'])
    )
    assert len(forwarded) == 1
    assert set(logs) == {'loss_seg_decode', 'loss_seg_auxiliary'}


def test_an_inactive_head_costs_nothing():
    head = dict(type='GlobalDiscriminatorHead', num_classes=K, channels=(8,))
    model = build(heads=dict(global_head=dict(head, loss_weights=dict(decode=0.1))))
    model.active = set()
    model.global_head.forward = None  # calling it would fail
    before = copy.deepcopy(model.global_head.state_dict())
    wrappers = optimizers(model, ('segmentor', 'global_head'))
    logs = model.train_step(dict(source=batch(0, 33, 65)), wrappers)
    assert not any('global' in name for name in logs)
    for name, value in model.global_head.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_segmentor_update_leaves_no_gradient_in_the_discriminators():
    head = dict(type='GlobalDiscriminatorHead', num_classes=K, channels=(8,))
    model = build(heads=dict(global_head=dict(head, loss_weights=dict(decode=0.1))))
    wrappers = optimizers(model, ('segmentor', 'global_head'))
    passes, backward = [], wrappers['segmentor'].backward

    def gradients():
        return [None if p.grad is None else p.grad.clone() for p in model.global_head.parameters()]

    def watched(loss):
        before = gradients()
        backward(loss)
        passes.append((before, gradients()))

    wrappers['segmentor'].backward = watched
    model.train_step(dict(source=batch(0, 33, 65), target=batch(1, 33, 65)), wrappers)
    (source, target), trained = passes, passes[1][0]
    assert source == ([None] * len(trained), [None] * len(trained))
    assert all(torch.equal(one, other) and one.any() for one, other in zip(*target))
    assert all(p.requires_grad for p in model.global_head.parameters())


def test_a_source_without_any_label_gives_a_finite_loss():
    model = build()
    data = batch(0, 33, 65)
    for sample in data['data_samples']:
        sample.gt_sem_seg.data[:] = 255
    logs = model.train_step(dict(source=data), optimizers(model, ['segmentor']))
    assert logs['loss_seg_decode'] == 0
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_missing_target_data_and_missing_levels_are_said():
    head = dict(type='GlobalDiscriminatorHead', num_classes=K, channels=(8,))
    model = build(heads=dict(global_head=dict(head, loss_weights=dict(decode=0.1))))
    wrappers = optimizers(model, ('segmentor', 'global_head'))
    with pytest.raises(UserError, match='no "target" images'):
        model.train_step(dict(source=batch(0, 33, 65)), wrappers)
    with pytest.raises(UserError, match='the source images have no labels'):
        data = dict(source=unlabelled(batch(0, 33, 65)), target=batch(1, 33, 65))
        model.train_step(data, wrappers)
    with pytest.raises(UserError, match='"middle".*only decode, auxiliary'):
        build(heads=dict(global_head=dict(head, loss_weights=dict(middle=0.1))))
    with pytest.raises(UserError, match='"middle".*only decode, auxiliary'):
        build(target_losses=dict(e=dict(type='EntropyLoss', loss_weights=dict(middle=0.1))))
    for weights in (dict(decode=-1), dict(decode=float('nan'))):
        with pytest.raises(UserError, match='expected a'):
            build(heads=dict(global_head=dict(head, loss_weights=weights)))


def test_a_loss_that_is_not_finite_stops_training():
    model = build()
    model.segmentor.decode_head.branches[0].weight.data.fill_(float('nan'))
    with pytest.raises(UserError, match='training has diverged .loss_seg_decode nan'):
        model.train_step(dict(source=batch(0, 33, 65)), optimizers(model, ['segmentor']))


@pytest.mark.parametrize('skip', [False, True])
def test_a_broken_discriminator_changes_no_weight(skip):
    head = dict(type='GlobalDiscriminatorHead', num_classes=K, channels=(8,))
    model = build(heads=dict(global_head=dict(head, loss_weights=dict(decode=0.1))))
    model.global_head.discriminators['decode'][0].bias.data.fill_(float('inf'))
    model.skip_nonfinite = skip
    before = copy.deepcopy(model.segmentor.state_dict())
    data = dict(source=batch(0, 33, 65), target=batch(1, 33, 65))
    wrappers = optimizers(model, ('segmentor', 'global_head'))
    if skip:
        logs = model.train_step(data, wrappers)
        assert not torch.isfinite(logs['loss_d_global_decode'])
    else:
        with pytest.raises(UserError, match='diverged .*loss_d_global_decode'):
            model.train_step(data, wrappers)
    for name, parameter in model.segmentor.named_parameters():
        assert torch.equal(parameter, before[name])
    assert not skip or all(parameter.grad is None for parameter in model.parameters())


def test_accuracies_per_domain():
    head = dict(type='GlobalDiscriminatorHead', num_classes=K, channels=(8,))
    model = build(heads=dict(global_head=dict(head, loss_weights=dict(decode=0.1))))
    logits = torch.randn(2, K, 64, 64, dtype=torch.float64)
    outputs = Outputs(images=None, logits=dict(decode=logits))
    scores = model.global_head.score('decode', logits)
    right = (scores < 0).double().mean().item()
    assert 0 < right < 1
    _, losses = model.global_head(outputs, outputs)
    assert losses['acc_d_source_global_decode'].item() == pytest.approx(right)
    assert losses['acc_d_target_global_decode'].item() == pytest.approx(1 - right)
    assert losses['acc_d_global_decode'].item() == pytest.approx(0.5)


def test_a_plain_segmentor_is_built_as_one_with_outputs():
    init_default_scope('mmseg')
    model = MODELS.build(
        dict(type='UDASegmentor', segmentor=dict(segmentor_cfg(), type='EncoderDecoder'))
    )
    assert isinstance(model.segmentor, MultiOutputEncoderDecoder)
    cascade = dict(segmentor_cfg(), type='CascadeEncoderDecoder', num_stages=1)
    cascade['decode_head'] = [cascade['decode_head']]
    with pytest.raises(UserError, match='is a CascadeEncoderDecoder.*use MultiOutputEncoderDecod'):
        MODELS.build(dict(type='UDASegmentor', segmentor=cascade))


def test_unknown_choices_are_said():
    for option in (dict(representation='sotfmax'), dict(gan='wgan')):
        with pytest.raises(UserError, match='unknown; choose from'):
            build(
                heads=dict(
                    global_head=dict(
                        type='GlobalDiscriminatorHead',
                        num_classes=K,
                        loss_weights=dict(decode=0.1),
                        **option,
                    )
                )
            )


def test_a_step_with_a_teacher_and_views_equals_straight_line_code():
    """Mean teacher with mixing: the teacher follows, source, mixed images, one step."""
    model = build(
        teacher=dict(type='EMATeacher', momentum=0.1),
        views=dict(mix=dict(type='ClassMix', threshold=0.5)),
    )
    reference = Reference(model, weights={}, representation=None, gan=None)
    teacher = copy.deepcopy(model.segmentor)
    wrappers = optimizers(model, ['segmentor'])
    recorded, mix = [], model.mix.forward
    model.mix.forward = lambda *args: recorded.append(mix(*args)) or recorded[-1]
    for i in range(3):
        source, target = batch(2 * i, 65, 97), batch(2 * i + 1, 65, 97)
        logs = model.train_step(dict(source=source, target=unlabelled(target)), wrappers)
        alpha = min(1 - 1 / (i + 1), 0.9)
        for own, student in zip(teacher.parameters(), reference.net.parameters()):
            own.data = alpha * own.data + (1 - alpha) * student.data
        images = torch.stack([image.double() - 104.0 for image in target['inputs']])
        with torch.no_grad():
            maps = F.interpolate(
                teacher(images), size=(65, 97), mode='bilinear', align_corners=True
            ).softmax(dim=1)
        share = (maps.max(dim=1).values >= 0.5).double().mean()
        assert 0 < share < 1
        (mixed,) = recorded
        recorded.clear()
        labels = torch.stack([s.gt_sem_seg.data[0] for s in source['data_samples']])
        pasted = mixed.weights == 1
        assert torch.equal(mixed.labels, torch.where(pasted, labels, maps.argmax(dim=1)))
        torch.testing.assert_close(mixed.weights[~pasted], share.expand((~pasted).sum()))

        reference.opt.zero_grad()
        p = reference.maps(source['inputs'])
        losses = [F.cross_entropy(p[k], labels, ignore_index=255) for k in ('decode', 'auxiliary')]
        (losses[0] + 0.1 * losses[1]).backward()
        q, total = reference.maps([image + 104.0 for image in mixed.images]), 0
        for level, weight in (('decode', 1.0), ('auxiliary', 0.1)):
            ce = F.cross_entropy(q[level], mixed.labels, ignore_index=255, reduction='none')
            ce = ce * mixed.weights.float()  # as mmseg's losses cast them
            loss = weight * ce.sum() / (mixed.labels != 255).sum()
            torch.testing.assert_close(logs[f'loss_mix_{level}'], loss.detach(), rtol=1e-9, atol=0)
            total = total + loss
        total.backward()
        reference.opt.step()
    compare_states(model.segmentor, reference.net)


def test_parts_without_parameters_and_other_losses():
    """A head that learns nothing, two losses of one name, and what gives no loss."""

    class MeanHead(torch.nn.Module):
        def forward(self, source, target):
            gap = source.logits['decode'].mean() - target.logits['decode'].mean()
            return dict(loss_gap=gap**2), dict(gap=gap)

    class Named(torch.nn.Module):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def forward(self, outputs):
            return {self.name: outputs.logits['decode'].mean()}

    model = build()
    data = dict(source=batch(0, 33, 65), target=unlabelled(batch(1, 33, 65)))
    wrappers = optimizers(model, ['segmentor'])
    model.add_part('mean_head', MeanHead())
    model.names['heads'] = ('mean_head',)
    assert {'loss_gap', 'gap'} <= set(model.train_step(data, wrappers))
    model.add_part('one', Named('loss_gap'))
    model.names['target_losses'] = ('one',)
    with pytest.raises(UserError, match='both call a loss "loss_gap"'):
        model.train_step(data, wrappers)
    model.active = {'one'}
    model.one.name = 'gap'
    with pytest.raises(UserError, match='target_losses gave gap; expected .* named loss_'):
        model.train_step(data, wrappers)
    with pytest.raises(UserError, match='the model has no teacher; evaluate the segmentor'):
        build(evaluated='teacher')
    with pytest.raises(UserError, match='a part cannot be called "segmentor"'):
        model.add_part('segmentor', MeanHead())
