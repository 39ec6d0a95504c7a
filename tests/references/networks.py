"""The official networks as plain functions of their weights, and which weights they train.

``w`` is a dict of tensors by official name. Nothing here comes from mmseg_gl.
"""

import torch
import torch.nn.functional as F

DILATIONS = (6, 12, 18, 24)
LENGTHS = (3, 4, 23, 3)  # of ResNet-101's layers
TORCHVISION = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))  # vgg16.features, by block
FCN = [f'conv{b}_{i}' for b, block in enumerate(TORCHVISION, 1) for i, _ in enumerate(block, 1)]
NAMED = ('conv1', 'conv2', 'conv3', 'conv4', 'classifier')
NUMBERED = ('0', '2', '4', '6', '8')


def is_trained(name):
    """Whether the official optimizers move a tensor: no batch norm, no upsampling kernel."""
    fixed = ('bn', 'downsample.1.', 'upscore')
    return not any(part in name for part in fixed)


def bilinear_kernel(channels, size):
    """Upsampling kernel of a transposed convolution whose stride is half its size."""
    line = 1 - (torch.arange(size).double() - (size - 1) / 2).abs() / (size // 2)
    return torch.eye(channels).double()[:, :, None, None] * torch.outer(line, line)


def apply(w, name, x, **options):
    return F.conv2d(x, w[f'{name}.weight'], w.get(f'{name}.bias'), **options)


def run_resnet(w, x, training=False):
    """Return layer3's and layer4's maps; in training the running statistics in ``w`` move."""

    def conv_bn(x, conv, bn, **options):
        leaves = ('running_mean', 'running_var', 'weight', 'bias')
        if training:
            w[f'{bn}.num_batches_tracked'] += 1
        return F.batch_norm(
            apply(w, conv, x, **options),
            *(w[f'{bn}.{leaf}'] for leaf in leaves),
            training=training,
            momentum=0.1,
            eps=1e-5,
        )

    x = F.relu(conv_bn(x, 'conv1', 'bn1', stride=2, padding=3))
    x, maps = F.max_pool2d(x, 3, 2, 1, ceil_mode=True), []
    for layer, (length, d) in enumerate(zip(LENGTHS, (1, 1, 2, 4)), 1):
        for block in range(length):
            name, stride = f'layer{layer}.{block}', 2 if layer == 2 and block == 0 else 1
            y = F.relu(conv_bn(x, f'{name}.conv1', f'{name}.bn1', stride=stride))
            y = F.relu(conv_bn(y, f'{name}.conv2', f'{name}.bn2', padding=d, dilation=d))
            y = conv_bn(y, f'{name}.conv3', f'{name}.bn3')
            if block == 0:
                down = f'{name}.downsample'
                x = conv_bn(x, f'{down}.0', f'{down}.1', stride=stride)
            x = F.relu(x + y)
        maps.append(x)
    return maps[2:]


def run_classifier(w, name, x, branches):
    return sum(
        apply(w, f'{name}.conv2d_list.{i}', x, padding=d, dilation=d)
        for i, d in enumerate(DILATIONS[:branches])
    )


def run_deeplab_vgg(w, x, branches=2):
    names = iter(range(29))
    for block, length in enumerate((2, 2, 3, 3, 3)):
        for _ in range(length):
            d = 2 if block == 4 else 1
            x = F.relu(apply(w, f'features.{next(names)}', x, padding=d, dilation=d))
            next(names)
        if block < 3:
            x = F.max_pool2d(x, 2)
            next(names)
    for name in ('features.29', 'features.31'):
        x = F.relu(apply(w, name, x, padding=4, dilation=4))
    return run_classifier(w, 'classifier', x, branches)


def run_fcn8s(w, x, dropout=0.0):
    names, pools, size = iter(FCN), [], x.shape[2:]
    for block, length in enumerate((2, 2, 3, 3, 3)):
        for i in range(length):
            x = F.relu(apply(w, next(names), x, padding=100 if block == i == 0 else 1))
        x = F.max_pool2d(x, 2, ceil_mode=True)
        pools.append(x)
    for name in ('fc6', 'fc7'):
        x = F.dropout2d(F.relu(apply(w, name, x)), dropout)
    x = F.conv_transpose2d(apply(w, 'score_fr', x), w['upscore2.weight'], stride=2)
    score = apply(w, 'score_pool4', 0.01 * pools[3])
    x = x + score[:, :, 5 : 5 + x.shape[2], 5 : 5 + x.shape[3]]
    x = F.conv_transpose2d(x, w['upscore_pool4.weight'], stride=2)
    score = apply(w, 'score_pool3', 0.0001 * pools[2])
    x = x + score[:, :, 9 : 9 + x.shape[2], 9 : 9 + x.shape[3]]
    x = F.conv_transpose2d(x, w['upscore8.weight'], stride=8)
    return x[:, :, 31 : 31 + size[0], 31 : 31 + size[1]]


def run_discriminator(w, x, names):
    options = dict(stride=2, padding=1) if w[f'{names[0]}.weight'].shape[2] == 4 else {}
    for name in names[:-1]:
        x = F.leaky_relu(apply(w, name, x, **options), 0.2)
    return apply(w, names[-1], x, **options)


def run_generator(w, x):
    def padded(name, x, width):
        return apply(w, name, F.pad(x, 4 * (width,), mode='reflect'))

    x = F.relu(F.instance_norm(padded('model.1', x, 3)))
    for index in (4, 7):
        x = F.relu(F.instance_norm(apply(w, f'model.{index}', x, stride=2, padding=1)))
    for index in range(10, 19):
        y = F.relu(F.instance_norm(padded(f'model.{index}.conv_block.1', x, 1)))
        x = x + F.instance_norm(padded(f'model.{index}.conv_block.5', y, 1))
    for index in (19, 22):
        weight, bias = w[f'model.{index}.weight'], w[f'model.{index}.bias']
        x = F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
        x = F.relu(F.instance_norm(x))
    return torch.tanh(padded('model.26', x, 3))


def run_patch_discriminator(w, x):
    x = F.leaky_relu(apply(w, 'model.0', x, stride=2, padding=1), 0.2)
    for index, stride in ((2, 2), (5, 2), (8, 1)):
        x = apply(w, f'model.{index}', x, stride=stride, padding=1)
        x = F.leaky_relu(F.instance_norm(x), 0.2)
    return apply(w, 'model.11', x, padding=1)
