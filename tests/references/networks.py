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


def part(w, prefix):
    """Return the weights whose names start with a prefix, without it; the tensors are the same."""
    return {k.removeprefix(prefix): tensor for k, tensor in w.items() if k.startswith(prefix)}


def linear(w, name, x):
    return F.linear(x, w[f'{name}.weight'], w[f'{name}.bias'])


def layer_norm(w, name, x, eps):
    return F.layer_norm(x, x.shape[-1:], w[f'{name}.weight'], w[f'{name}.bias'], eps)


def drop_path(x, rate):
    """Skip the branch of some images; PyTorch's generator decides."""
    if rate == 0:
        return x
    kept = (1 - rate + torch.rand((len(x), 1, 1), dtype=x.dtype)).floor()
    return x / (1 - rate) * kept


def run_mit(w, x, drop=0.0):
    """Return the maps of MiT's four stages; ``drop`` is the last block's rate of stochastic depth.

    Names are NVIDIA's, without a prefix.
    """
    depth = sum(name.endswith('mlp.fc1.bias') for name in w)
    rates, maps = iter(torch.linspace(0, drop, depth).tolist()), []
    for stage, (heads, ratio) in enumerate(((1, 8), (2, 4), (5, 2), (8, 1)), 1):
        first = stage == 1
        x = apply(w, f'patch_embed{stage}.proj', x, stride=4 if first else 2, padding=1 + 2 * first)
        size = x.shape[2:]
        x = layer_norm(w, f'patch_embed{stage}.norm', x.flatten(2).transpose(1, 2), 1e-5)
        block = 0
        while f'block{stage}.{block}.norm1.weight' in w:
            name, rate = f'block{stage}.{block}', next(rates)
            y = layer_norm(w, f'{name}.norm1', x, 1e-6)
            x = x + drop_path(run_attention(w, f'{name}.attn', y, size, heads, ratio), rate)
            y = linear(w, f'{name}.mlp.fc1', layer_norm(w, f'{name}.norm2', x, 1e-6))
            y = y.transpose(1, 2).unflatten(2, size)
            y = apply(w, f'{name}.mlp.dwconv.dwconv', y, padding=1, groups=y.shape[1])
            y = linear(w, f'{name}.mlp.fc2', F.gelu(y.flatten(2).transpose(1, 2)))
            x, block = x + drop_path(y, rate), block + 1
        x = layer_norm(w, f'norm{stage}', x, 1e-6).transpose(1, 2).unflatten(2, size)
        maps.append(x)
    return maps


def run_attention(w, name, x, size, heads, ratio):
    y = x
    if ratio > 1:
        y = apply(w, f'{name}.sr', x.transpose(1, 2).unflatten(2, size), stride=ratio)
        y = layer_norm(w, f'{name}.norm', y.flatten(2).transpose(1, 2), 1e-5)
    k, v = linear(w, f'{name}.kv', y).chunk(2, dim=-1)
    q, k, v = (
        z.unflatten(-1, (heads, -1)).transpose(1, 2) for z in (linear(w, f'{name}.q', x), k, v)
    )
    share = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(dim=-1)
    return linear(w, f'{name}.proj', (share @ v).transpose(1, 2).flatten(2))


def conv_bn_relu(w, name, x, training, **options):
    if training:
        w[f'{name}.bn.num_batches_tracked'] += 1
    leaves = ('running_mean', 'running_var', 'weight', 'bias')
    x = F.batch_norm(
        apply(w, f'{name}.conv', x, **options),
        *(w[f'{name}.bn.{leaf}'] for leaf in leaves),
        training=training,
        momentum=0.1,
        eps=1e-5,
    )
    return F.relu(x)


def halfway(x, size):
    """Resize as mmsegmentation does without align_corners."""
    return F.interpolate(x, size=size, mode='bilinear', align_corners=False)


def run_daformer_head(w, maps, training=False, dropout=0.0):
    """Return the logits; the head with a single 1x1 convolution is HRDA's scale attention."""
    size = maps[0].shape[2:]
    tokens = [x.flatten(2).transpose(1, 2) for x in maps]
    embedded = [
        linear(w, f'embed_layers.{i}.proj', y).transpose(1, 2).unflatten(2, x.shape[2:])
        for i, (x, y) in enumerate(zip(maps, tokens))
    ]
    x = torch.cat([halfway(y, size) for y in embedded], dim=1)
    if 'fuse_layer.conv.weight' in w:
        x = conv_bn_relu(w, 'fuse_layer', x, training)
    else:
        name = 'fuse_layer.aspp_modules'
        branches = [conv_bn_relu(w, f'{name}.0', x, training)]
        for i, d in ((1, 6), (2, 12), (3, 18)):
            y = f'{name}.{i}.depthwise_conv'
            y = conv_bn_relu(w, y, x, training, padding=d, dilation=d, groups=x.shape[1])
            branches.append(conv_bn_relu(w, f'{name}.{i}.pointwise_conv', y, training))
        x = conv_bn_relu(w, 'fuse_layer.bottleneck', torch.cat(branches, 1), training, padding=1)
    return apply(w, 'conv_seg', F.dropout2d(x, dropout, dropout > 0))


def run_segformer_head(w, maps):
    size = maps[0].shape[2:]
    embedded = []
    for i, x in enumerate(maps, 1):
        y = linear(w, f'linear_c{i}.proj', x.flatten(2).transpose(1, 2))
        embedded.append(halfway(y.transpose(1, 2).unflatten(2, x.shape[2:]), size))
    return apply(w, 'linear_pred', conv_bn_relu(w, 'linear_fuse', torch.cat(embedded, 1), False))
