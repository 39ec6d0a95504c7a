"""What the training step promises beside the figures of the official loops (test_fidelity)."""

import copy

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
from tests.references.training import cross_entropy, resize

K = 19
GLOBAL = dict(
    global_head=dict(
        type='GlobalDiscriminatorHead',
        num_classes=K,
        channels=(8,),
        loss_weights=dict(decode=0.1),
    )
)


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


def sgd(network):
    parameters = [p for p in network.parameters() if p.requires_grad]
    return torch.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=5e-4)


def optimizers(model, names):
    return OptimWrapperDict(**{name: OptimWrapper(sgd(getattr(model, name))) for name in names})


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
    model = build(heads=GLOBAL)
    model.active = set()
    model.global_head.forward = None  # calling it would fail
    before = copy.deepcopy(model.global_head.state_dict())
    wrappers = optimizers(model, ('segmentor', 'global_head'))
    logs = model.train_step(dict(source=batch(0, 33, 65)), wrappers)
    assert not any('global' in name for name in logs)
    for name, value in model.global_head.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_source_without_any_label_gives_a_finite_loss():
    model = build()
    data = batch(0, 33, 65)
    for sample in data['data_samples']:
        sample.gt_sem_seg.data[:] = 255
    logs = model.train_step(dict(source=data), optimizers(model, ['segmentor']))
    assert logs['loss_seg_decode'] == 0
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_what_is_missing_is_said():
    model = build(heads=GLOBAL)
    wrappers = optimizers(model, ('segmentor', 'global_head'))
    with pytest.raises(UserError, match='"target"'):
        model.train_step(dict(source=batch(0, 33, 65)), wrappers)
    with pytest.raises(UserError, match='LoadTrainIds'):
        data = dict(source=unlabelled(batch(0, 33, 65)), target=batch(1, 33, 65))
        model.train_step(data, wrappers)
    with pytest.raises(UserError, match='"middle".*decode, auxiliary'):
        build(target_losses=dict(e=dict(type='EntropyLoss', loss_weights=dict(middle=0.1))))


@pytest.mark.parametrize('skip', [False, True])
def test_a_broken_discriminator_changes_no_weight(skip):
    """Nor a running statistic."""
    model = build(heads=GLOBAL)
    model.global_head.discriminators['decode'][0].bias.data.fill_(float('inf'))
    model.skip_nonfinite = skip
    before = copy.deepcopy(model.segmentor.state_dict())
    data = dict(source=batch(0, 33, 65), target=batch(1, 33, 65))
    wrappers = optimizers(model, ('segmentor', 'global_head'))
    if skip:
        logs = model.train_step(data, wrappers)
        assert not torch.isfinite(logs['loss_d_global_decode'])
        for name, buffer in model.segmentor.named_buffers():
            assert torch.equal(buffer, before[name])
    else:
        with pytest.raises(UserError, match='loss_d_global_decode'):
            model.train_step(data, wrappers)
    for name, parameter in model.segmentor.named_parameters():
        assert torch.equal(parameter, before[name])
    assert not skip or all(parameter.grad is None for parameter in model.parameters())


def test_accuracies_per_domain():
    model = build(heads=GLOBAL)
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
    with pytest.raises(UserError, match='CascadeEncoderDecoder'):
        MODELS.build(dict(type='UDASegmentor', segmentor=cascade))


def maps(network, images):
    """The logits by level at the images' size, apart from the segmentor's own code."""
    x = torch.stack([image.double() - 104.0 for image in images])
    heads = dict(auxiliary=network.auxiliary_head, decode=network.decode_head)
    return {
        level: resize(sum(branch(features) for branch in head.branches), x.shape[2:])
        for (level, head), features in zip(heads.items(), network.backbone(x))
    }


def test_a_step_with_a_teacher_and_views_equals_straight_line_code():
    """Mean teacher with mixing: the teacher follows, source, mixed images, one step."""
    model = build(
        teacher=dict(type='EMATeacher', momentum=0.1),
        views=dict(mix=dict(type='ClassMix', threshold=0.5)),
    )
    teacher, student = copy.deepcopy(model.segmentor), copy.deepcopy(model.segmentor)
    optimizer = sgd(student)
    wrappers = optimizers(model, ['segmentor'])
    recorded, mix = [], model.mix.forward
    model.mix.forward = lambda *args: recorded.append(mix(*args)) or recorded[-1]
    for i in range(3):
        source, target = batch(2 * i, 65, 97), batch(2 * i + 1, 65, 97)
        logs = model.train_step(dict(source=source, target=unlabelled(target)), wrappers)
        alpha = min(1 - 1 / (i + 1), 0.9)
        for own, other in zip(teacher.parameters(), student.parameters()):
            own.data = alpha * own.data + (1 - alpha) * other.data
        with torch.no_grad():
            p = maps(teacher, target['inputs'])['decode'].softmax(dim=1)
        share = (p.max(dim=1).values >= 0.5).double().mean()
        assert 0 < share < 1
        (mixed,) = recorded
        recorded.clear()
        labels = torch.stack([s.gt_sem_seg.data[0] for s in source['data_samples']])
        pasted = mixed.weights == 1
        assert torch.equal(mixed.labels, torch.where(pasted, labels, p.argmax(dim=1)))
        torch.testing.assert_close(mixed.weights[~pasted], share.expand((~pasted).sum()))

        optimizer.zero_grad()
        weights, p = dict(decode=1.0, auxiliary=0.1), maps(student, source['inputs'])
        sum(w * cross_entropy(p[level], labels) for level, w in weights.items()).backward()
        q, total = maps(student, [image + 104.0 for image in mixed.images]), 0
        for level, weight in weights.items():
            ce = F.cross_entropy(q[level], mixed.labels, ignore_index=255, reduction='none')
            ce = ce * mixed.weights.float()  # as mmseg's losses cast them
            loss = weight * ce.sum() / (mixed.labels != 255).sum()
            torch.testing.assert_close(logs[f'loss_mix_{level}'], loss.detach(), rtol=1e-9, atol=0)
            total = total + loss
        total.backward()
        optimizer.step()
    expected = student.state_dict()
    for name, value in model.segmentor.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-8, atol=1e-10)


def test_the_teacher_labels_a_batch_once_for_all_views():
    views = dict(one=dict(type='ClassMix'), two=dict(type='MaskedImages', block_size=8))
    model = build(teacher=dict(type='EMATeacher', momentum=0.1), views=views)
    asked = []
    model.teacher.segmentor.register_forward_hook(lambda *_: asked.append(1))
    data = dict(source=batch(0, 33, 65), target=unlabelled(batch(1, 33, 65)))
    logs = model.train_step(data, optimizers(model, ['segmentor']))
    assert len(asked) == 1 and {'loss_one_decode', 'loss_two_decode'} <= set(logs)


def test_heads_on_a_view_cost_no_forward_pass():
    """aligned='mixed': the heads see the mixed images, which the segmentor has learned anyway."""
    local = dict(
        type='LocalDiscriminatorHead', num_classes=K, channels=(8,), loss_weights=dict(decode=0.1)
    )
    methods = dict(
        teacher=dict(type='EMATeacher'), views=dict(mixed=dict(type='ClassMix')), aligned='mixed'
    )
    model = build(heads=dict(local_head=local), **methods)
    forwarded, seen = [], []
    model.segmentor.register_forward_hook(lambda module, inputs, out: forwarded.append(out))
    model.local_head.register_forward_hook(lambda module, inputs, out: seen.append(inputs))
    data = dict(source=batch(0, 33, 65), target=unlabelled(batch(1, 33, 65)))
    before = copy.deepcopy(model.local_head.state_dict())
    logs = model.train_step(data, optimizers(model, ['segmentor', 'local_head']))
    ((source, mixed),) = seen
    assert len(forwarded) == 2 and mixed is forwarded[1]
    assert torch.equal(source.logits['decode'], forwarded[0].logits['decode'])
    assert {'loss_mixed_decode', 'loss_adv_local_decode', 'loss_d_local_decode'} <= set(logs)
    after = model.local_head.state_dict()
    assert not any(torch.equal(after[k], w) for k, w in before.items() if 'discriminators' in k)
    model = build(heads=GLOBAL, **methods)
    with pytest.raises(UserError, match='global_head .*model.aligned'):
        model.train_step(data, optimizers(model, ['segmentor', 'global_head']))


@pytest.mark.parametrize('statistics', ['all', 'target'])
def test_running_statistics_of_batch_norm_are_those_of_the_chosen_images(statistics):
    model = build(heads=GLOBAL, running_statistics=statistics)
    data = dict(source=batch(0, 33, 49), target=unlabelled(batch(1, 33, 49)))
    expected = copy.deepcopy(model.segmentor)
    with torch.no_grad():
        for domain in ('source', 'target') if statistics == 'all' else ('target',):
            expected(model.batch(data[domain]), mode='outputs')
    model.train_step(data, optimizers(model, ['segmentor', 'global_head']))
    norm, same = model.segmentor.backbone.bn1, expected.backbone.bn1
    assert torch.equal(norm.running_mean, same.running_mean)
    assert torch.equal(norm.running_var, same.running_var)
    assert norm.num_batches_tracked == same.num_batches_tracked
    assert norm.momentum == same.momentum and norm.track_running_stats


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
    with pytest.raises(UserError, match='loss_gap'):
        model.train_step(data, wrappers)
    model.active = {'one'}
    model.one.name = 'gap'
    with pytest.raises(UserError, match='gap.*loss_'):
        model.train_step(data, wrappers)
    with pytest.raises(UserError, match='teacher'):
        build(evaluated='teacher')
    with pytest.raises(UserError, match='segmentor'):
        model.add_part('segmentor', MeanHead())
