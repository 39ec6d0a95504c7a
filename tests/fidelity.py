"""How far this library's training steps are from straight-line ones, as a Markdown table.

For each method and backbone: the model and the optimizers of a shipped config, at their real
widths, in float64, with random weights and small random images, make two iterations beside
tests/references, which shares no code with mmseg_gl. After each, every tensor is compared.

    python -m tests.fidelity [--only NAME ...]
"""

import argparse
import logging
import math
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.registry import MODELS, PARAM_SCHEDULERS
from mmseg.structures import SegDataSample

ROOT = Path(__file__).parents[1]
if __name__ == '__main__':
    sys.path.insert(0, str(ROOT))

from mmseg_gl.config.load import load_config  # noqa: E402
from mmseg_gl.models.segmentors.hrda_encoder_decoder import Box  # noqa: E402
from mmseg_gl.models.views.strong_augmentation import Draws  # noqa: E402
from tests.references import self_training, training  # noqa: E402
from tests.references.networks import (  # noqa: E402
    FCN,
    TORCHVISION,
    bilinear_kernel,
    is_trained,
    run_classifier,
    run_deeplab_vgg,
    run_fcn8s,
    run_resnet,
)
from tests.references.optimizers import (  # noqa: E402
    SGD,
    Adam,
    constant,
    poly,
    resnet_entries,
    steps,
    warm_up,
)

LIMIT = 1e-9
ITERATIONS = 2
QUANTITIES = ('outputs', 'losses', 'gradients', 'updates', 'weights')
ROUNDING = 1e-12  # of the largest tensor's norm; below it a tensor is 0 but for rounding

RESNET, VGG, FCN8S, CYCLEGAN = 'ResNet-101', 'VGG-16', 'FCN-8s VGG-16', 'CycleGAN'
DAFORMER, HRDA = 'DAFormer, MiT-B0', 'HRDA, MiT-B0'
EXPLANATION = f"""\
Largest relative difference ||a - b|| / ||b|| of a tensor in {ITERATIONS} iterations (AdamW: 3), in
float64. Outputs: the logits of both domains, or of source, mixed and masked images, at the images'
size (CycleGAN: the images). Updates: changes of what SGD moves. Weights: with batch norm
statistics, discriminators and teachers. Dropout and stochastic depth are on, alike on both sides.
Left out: tensors whose gradient is 0 but for rounding (biases before a norm)."""

SEGMENTOR = 'model.segmentor'
WARM_UP = 2  # iterations instead of 1500, whose first steps move nothing
ONE, TWO = dict(decode=1.0), dict(decode=1.0, auxiliary=0.1)  # weights of the cross-entropies
LAMBDAS = dict(decode=1e-3, auxiliary=2e-4)
MAIN = dict(decode=1e-3)


NARROW_RESNET = {
    f'{SEGMENTOR}.backbone.stem_channels': 4,
    f'{SEGMENTOR}.backbone.base_channels': 4,
    f'{SEGMENTOR}.decode_head.in_channels': 128,
}
NARROW = {
    RESNET: NARROW_RESNET,
    VGG: {f'{SEGMENTOR}.backbone.base_channels': 8, f'{SEGMENTOR}.decode_head.in_channels': 128},
    FCN8S: {
        f'{SEGMENTOR}.backbone.base_channels': 4,
        f'{SEGMENTOR}.decode_head.in_channels': (16, 32, 256),
    },
    CYCLEGAN: {
        **NARROW_RESNET,
        'model.generator.channels': 4,
        'model.discriminator.channels': 4,
    },
}


@dataclass
class Row:
    """A method on a network: the shipped config, and what the published codes do instead of it."""

    name: str
    method: str
    config: str  # without its data and its variant
    variant: str = ''
    network: str = RESNET
    branches: int = 4
    semantics: str = 'papers'
    supervised: dict = field(default_factory=lambda: TWO)
    sees: str = 'softmax'
    gan: str = 'bce'
    heads: dict = field(default_factory=dict)  # 'global', 'local' -> lambda_adv of each output
    mixed: bool = False
    entropies: dict = field(default_factory=dict)
    pseudo_labels: bool = False
    sizes: tuple = ((33, 201), (48, 80))  # so wide that the largest dilation matters
    images: int = 1  # of each domain in a batch
    narrow: bool = False  # networks of few channels
    block: int = 1  # side of the labels' blocks in pixels
    alpha: float = 0.999  # of the teacher
    margins: tuple = (0, 0)  # rows without pseudo labels
    distance: bool = True  # whether there is a feature distance
    masks: bool = False  # whether masked images are learned
    iterations: int = ITERATIONS

    def options(self):
        """Return what is set in the config, whatever it ships with."""
        if self.network in (DAFORMER, HRDA):
            return self.self_training_options()
        options = {}
        if self.network != FCN8S:
            levels = self.supervised if self.network != CYCLEGAN else ONE
            options = {f'{SEGMENTOR}.{level}_head.num_branches': self.branches for level in levels}
        if self.uses_sgd():
            options['optim_wrapper.segmentor.optimizer.semantics'] = self.semantics
        if self.narrow:
            options |= NARROW[self.network]
            options |= {f'model.heads.{head}_head.channels': (8, 8, 8, 8) for head in self.heads}
            if 'auxiliary' in self.supervised and self.network == RESNET:
                options[f'{SEGMENTOR}.auxiliary_head.in_channels'] = 64
        return options

    def self_training_options(self):
        options = {f'{SEGMENTOR}.backbone.arch': 'b0', 'param_scheduler.0.end': WARM_UP + 1}
        for view in ('mixed', 'masked')[: 1 + self.masks]:
            options[f'model.views.{view}.ignored_rows'] = self.margins
        if self.network == HRDA:
            options[f'{SEGMENTOR}.detail_crop'] = 2 * (self.crop(),)
            options[f'{SEGMENTOR}.detail_stride'] = 2 * (self.crop() // 2,)
        if self.narrow:
            options[f'{SEGMENTOR}.decode_head.channels'] = 16
        return options

    def crop(self):
        """Return the side of HRDA's detail crop: half of the image's."""
        return self.sizes[0][0] // 2

    def uses_sgd(self):
        return self.network in (RESNET, VGG)

    def label(self):
        """Return the network's name in the table."""
        alone = self.network in (FCN8S, CYCLEGAN, DAFORMER, HRDA)
        return self.network if alone else f'{self.network}, {self.branches} branches'

    def optimizer(self):
        if self.uses_sgd():
            return f'SGD, `{self.semantics}`'
        return 'AdamW' if self.network in (DAFORMER, HRDA) else 'Adam'


ADAPTSEGNET, BDL = 'adaptsegnet/adaptsegnet_deeplabv2-r101', 'bdl/bdl_deeplabv2-r101'
ADVENT, ADVENT_GL = 'advent/advent_deeplabv2-r101', 'advent/advent-gl_deeplabv2-r101'
MULTI, ONE_OUTPUT = 'AdaptSegNet, multi-level', dict(branches=2, supervised=ONE)
LEVELS, LEVEL = {'global': LAMBDAS}, {'global': MAIN}
BOTH, LSGAN = {'global': LAMBDAS, 'local': LAMBDAS}, {'global': dict(decode=1e-2)}
SEES = dict(sees='entropy')
# Labels have blocks as large as the cells of the last features.
ON_DAFORMER = dict(
    network=DAFORMER, sizes=2 * ((64, 128),), images=2, block=32, margins=(5, 9), iterations=3
)
ON_HRDA = dict(network=HRDA, sizes=2 * ((128, 128),), images=2, block=64, iterations=3)
ROWS = [
    Row('adaptsegnet', MULTI, ADAPTSEGNET, branches=2, heads=LEVELS),
    Row('adaptsegnet-torch2', MULTI, ADAPTSEGNET, branches=2, semantics='torch2', heads=LEVELS),
    Row('adaptsegnet-clean', MULTI, ADAPTSEGNET, branches=2, semantics='clean', heads=LEVELS),
    Row('adaptsegnet-4-branches', MULTI, ADAPTSEGNET, heads=LEVELS),
    Row(
        *('adaptsegnet-single-level', 'AdaptSegNet, single-level', ADAPTSEGNET, '_single-level'),
        **ONE_OUTPUT,
        heads=LEVEL,
    ),
    Row(
        *('adaptsegnet-lsgan', 'AdaptSegNet, LS-GAN', ADAPTSEGNET, '_lsgan'),
        **ONE_OUTPUT,
        heads=LSGAN,
        gan='lsgan',
    ),
    Row(
        *('adaptsegnet-vgg16', 'AdaptSegNet', 'adaptsegnet/adaptsegnet_deeplabv2-vgg16', ''),
        **ONE_OUTPUT,
        network=VGG,
        heads=LEVEL,
    ),
    Row('advent', 'ADVENT', ADVENT, **SEES, heads=LEVELS),
    Row('minent', 'MinEnt', 'minent/minent_deeplabv2-r101', **SEES, entropies=LAMBDAS),
    Row(
        *('local', 'ADVENT, local step as released', ADVENT_GL, '_sequential'),
        **SEES,
        heads={'local': LAMBDAS},
    ),
    Row('joint', 'ADVENT, global and local', ADVENT_GL, **SEES, heads=BOTH, mixed=True),
    Row('bdl', 'BDL', BDL, '_m0', supervised=ONE, heads=LEVEL),
    Row(
        *('bdl-pseudo-labels', 'BDL, pseudo labels', BDL, ''),
        supervised=ONE,
        heads=LEVEL,
        pseudo_labels=True,
    ),
    Row(
        *('bdl-fcn8s', 'BDL, pseudo labels', 'bdl/bdl_fcn8s-vgg16', ''),
        network=FCN8S,
        supervised=ONE,
        heads={'global': dict(decode=1e-4)},
        pseudo_labels=True,
        sizes=((32, 48), (40, 32)),  # the padding of 100 comes on top
    ),
    Row(
        *('cyclegan', 'BDL, translation', 'bdl/cyclegan_perceptual_deeplabv2-r101', ''),
        network=CYCLEGAN,
        branches=2,
        sizes=((48, 64), (48, 64)),
    ),
    Row(
        *('dacs', 'DACS', 'dacs/dacs_daformer-mitb5', ''),
        **{**ON_DAFORMER, 'margins': (0, 0)},
        alpha=0.99,
        distance=False,
    ),
    Row('daformer', 'DAFormer', 'daformer/daformer_daformer-mitb5', **ON_DAFORMER),
    Row('mic-daformer', 'MIC', 'mic/mic_daformer-mitb5', **ON_DAFORMER, masks=True),
    Row('hrda', 'HRDA', 'hrda/hrda_daformer-mitb5', **ON_HRDA),
    Row('mic-hrda', 'MIC', 'mic/mic_hrda-mitb5', **ON_HRDA, masks=True),
]


# The two sides


def build(row, options=None):
    """Build the model with random weights, its optimizers and their schedulers from the config."""
    path = ROOT / 'configs' / f'{row.config}_gta5-to-cityscapes{row.variant}.py'
    cfg = load_config(path, {**row.options(), **(options or {})})
    if 'source_losses' not in cfg.model:  # the feature distance insists on them
        cfg.model.segmentor.backbone.init_cfg = None  # no ImageNet weights
    model = MODELS.build(cfg.model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            randomise(name, tensor, generator)
    model = model.double().train()
    wrappers = build_optim_wrapper(model, cfg.optim_wrapper)
    schedulers = [
        PARAM_SCHEDULERS.build(scheduler, default_args=dict(optimizer=wrapper))
        for scheduler in cfg.param_scheduler
        for wrapper in wrappers.values()
    ]
    return model, wrappers, schedulers


def randomise(name, tensor, generator):
    """Draw weights that keep maps and logits in a sane range; leave the upsampling kernels."""
    if 'upscore' in name or not tensor.is_floating_point() or name.startswith('data_'):
        return
    noise = torch.randn(tensor.shape, generator=generator)
    if tensor.dim() > 1:
        gain = math.sqrt(2)
        if 'conv_seg' in name:
            gain *= 8  # so that the teacher is confident of some pixels
        if 'features.0.' in name:
            gain /= 64  # images of 0 to 255 and no batch norm
        tensor.copy_(noise * gain / math.sqrt(tensor[0].numel()))
    elif name.endswith('running_var'):
        tensor.copy_(1 + 0.1 * noise.clamp(-5, 5))
    elif name.endswith('weight'):  # of batch norm
        tensor.copy_(0.5 + 0.1 * noise)
    elif name.endswith(('bias', 'running_mean')):
        tensor.copy_(0.1 * noise)


class Part:
    """A network of the model beside the reference's weights of it.

    Args:
        module (nn.Module): The network.
        rename (Callable[[str], str]): Own name of a tensor -> official name.
    """

    def __init__(self, module, rename):
        self.module, self.rename = module, rename
        named = self.official(module.state_dict())
        self.w = {name: tensor.detach().clone() for name, tensor in named.items()}

    def official(self, tensors):
        """Return own tensors, weights or gradients, by official name and in official shape."""
        named = {self.rename(k): v for k, v in tensors.items() if k != 'seed'}
        for name in list(named):
            if '.attn.q.' in name:  # with keys and values, which are a layer of their own there
                q, *kv = named[name].chunk(3)
                named[name], named[name.replace('.q.', '.kv.')] = q, torch.cat(kv)
            if re.search(r'(mlp\.fc.|embed_layers\.\d\.proj)\.weight', name):
                named[name] = named[name].flatten(1)
        return named


def segmentor_name(network):
    main = 'classifier' if network == VGG else 'layer6'
    indices = [index for block in TORCHVISION for index in block]

    def rename(name):
        name = re.sub(r'^auxiliary_head\.branches', 'layer5.conv2d_list', name)
        name = re.sub(r'^decode_head\.branches', f'{main}.conv2d_list', name)
        name = re.sub(r'^(backbone|decode_head)\.', '', name)
        if network == FCN8S and name.startswith('features'):
            _, index, leaf = name.split('.')
            name = f'{FCN[indices.index(int(index))]}.{leaf}'
        return name

    return rename


def daformer_name(network):
    def rename(name):
        if network == HRDA:
            name = re.sub(r'^decode_head\.', 'decode_head.head.', name)
            name = re.sub(r'^scale_attention_head\.', 'decode_head.scale_attention.', name)
        name = re.sub(r'(embed_layers\.\d)', r'\1.proj', name)
        return mit_name(name)

    return rename


def mit_name(name):
    """Return NVIDIA's name of a tensor of mmsegmentation's MiT."""

    def stage(match):
        part = ('patch_embed', 'block', 'norm')[int(match[2])]
        return f'{part}{int(match[1]) + 1}.'

    name = re.sub(r'layers\.(\d)\.([012])\.', stage, name, count=1)
    for here, there in (
        ('projection', 'proj'),
        ('attn.attn.in_proj_', 'attn.q.'),
        ('attn.attn.out_proj', 'attn.proj'),
        ('ffn.layers.0', 'mlp.fc1'),
        ('ffn.layers.1', 'mlp.dwconv.dwconv'),
        ('ffn.layers.4', 'mlp.fc2'),
    ):
        name = name.replace(here, there)
    return name


def translator_name(name):
    return re.sub(r'\.layers\.', '.conv_block.', re.sub(r'^layers\.', 'model.', name))


def forward(row):
    """Return the reference's segmentation network, (weights, images) -> logits by output."""

    def resnet(w, x, training=True):
        maps = dict(zip(('auxiliary', 'decode'), run_resnet(w, x, training)))
        names = dict(auxiliary='layer5', decode='layer6')
        return {
            level: run_classifier(w, names[level], maps[level], row.branches)
            for level in row.supervised
        }

    return {
        RESNET: resnet,
        VGG: lambda w, x: dict(decode=run_deeplab_vgg(w, x, row.branches)),
        FCN8S: lambda w, x: dict(decode=run_fcn8s(w, x, dropout=0.5)),
    }[row.network]


def adaptation(row, model):
    """Return the reference's loop and the parts of the model by optimizer."""
    segmentor = Part(model.segmentor, segmentor_name(row.network))
    names = [name for name, _ in model.segmentor.named_parameters()]
    names = [name for name in map(segmentor.rename, names) if is_trained(name)]
    rate, schedule = 1e-4, poly
    if row.network == FCN8S:
        for name, size in (('upscore2', 4), ('upscore_pool4', 4), ('upscore8', 16)):
            segmentor.w[f'{name}.weight'] = bilinear_kernel(19, size)
        rates = {name: 2e-5 if name.endswith('bias') else 1e-5 for name in names}
        optimizer = Adam(segmentor.w, rates, (0.9, 0.99), steps)
        rate, schedule = 1e-6, steps
    else:
        entries = [(name, 2.5e-4) for name in names]
        if row.network == RESNET:
            entries = resnet_entries(names, ('layer5', 'layer6'))
        optimizer = SGD(segmentor.w, entries, row.semantics)
    parts, adversaries = {'segmentor': [segmentor]}, []
    for head, weights in row.heads.items():
        parts[f'{head}_head'] = []
        for level, weight in weights.items():
            module = getattr(model, f'{head}_head').discriminators[level]
            part = Part(module, str)
            adam = Adam(part.w, dict.fromkeys(part.w, rate), (0.9, 0.99), schedule)
            adversaries.append(
                training.Adversary(
                    *(head, level, part.w, adam, weight),
                    sees=getattr(training, row.sees),
                    gan=row.gan,
                    mixed=row.mixed and head == 'local',
                )
            )
            parts[f'{head}_head'].append(part)
    loop = training.AdaptationLoop(
        *(forward(row), segmentor.w, optimizer, row.supervised, adversaries),
        entropies=row.entropies,
        pseudo_labels=row.pseudo_labels,
    )
    return loop, parts


def translation(row, model):
    """Return the reference's loop and the parts of the model by optimizer."""
    parts = {
        'generators': ('source_to_target', 'target_to_source'),
        'discriminators': ('source', 'target'),
    }
    for child, names in parts.items():
        parts[child] = [Part(getattr(model, child)[name], translator_name) for name in names]
    networks = [[part.w for part in parts[child]] for child in parts]
    adams = [
        [Adam(w, dict.fromkeys(w, 2e-4), (0.5, 0.999), constant) for w in pair] for pair in networks
    ]
    w = Part(model.semantics.segmentor, segmentor_name(RESNET)).w

    def meaning(x):
        return run_classifier(w, 'layer6', run_resnet(w, x)[1], row.branches)

    return training.CycleGANLoop(*networks, meaning, adams), parts


def self_training_family(row, model):
    """Return the reference's loop, the parts of the model, and feed both the same decisions."""
    rename = daformer_name(row.network)
    student = Part(model.segmentor, rename)
    teacher = Part(model.teacher.module, rename)
    imagenet = Part(model.feature_distance.backbone, mit_name).w if row.distance else None
    names = student.official(dict(model.segmentor.named_parameters()))
    rates = {name: 6e-5 if name.startswith('backbone') else 6e-4 for name in names}
    decays = {
        name: 0.0 if name.startswith('backbone') and 'norm' in name else 0.01 for name in names
    }
    optimizer = Adam(
        student.w, rates, (0.9, 0.999), lambda i: warm_up(i, length=WARM_UP), decays=decays
    )
    network = self_training.DAFormer()
    if row.network == HRDA:
        network = self_training.HRDA(crop=row.crop(), step=row.crop() // 2)
    loop = self_training.SelfTrainingLoop(
        *(network, student.w, teacher.w, imagenet, optimizer),
        alpha=row.alpha,
        margins=row.margins,
        masks=row.masks,
    )
    return loop, {'segmentor': [student], 'teacher': [teacher]}  # the teacher has no optimizer


def feed(model, decisions):
    """Make a model take these decisions in its next step instead of drawing its own."""
    boxes, strong = iter(decisions.boxes), iter(decisions.strong)
    model.segmentor.draw_box = lambda height, width: Box(*next(boxes))
    model.mixed.draw_classes = lambda labels: decisions.classes
    for name in model.names['views']:
        view = getattr(model, name)
        view.augmentation.draw = lambda number: next(strong)
        view.draw_mask = lambda images: decisions.mask


def decide(row, labels, iteration):
    """Draw the random decisions of an iteration: all of jitter and blur, then one of both."""
    generator = torch.Generator().manual_seed(100 + iteration)

    def uniform(low, high, *size):
        return low + (high - low) * torch.rand(size, generator=generator).double()

    def strong():
        factors = uniform(-0.2, 0.2, row.images, 4) + torch.tensor([1.0, 1.0, 1.0, 0.0])
        orders = [torch.randperm(4, generator=generator).tolist() for _ in range(row.images)]
        sigmas = uniform(0.15, 1.15, row.images).tolist()
        return Draws(
            factors=None if iteration == 2 else factors,
            orders=orders,
            sigmas=None if iteration == 1 else sigmas,
        )

    def drawn(values, number):
        return values[torch.randperm(len(values), generator=generator)[:number]]

    height, width = row.sizes[0]
    grid = (uniform(0, 1, row.images, 1, height // 16, width // 16) > 0.7).double()
    present = labels.unique()
    crop = row.crop()
    places = (8 * torch.randint(0, crop // 8, (3,), generator=generator) for _ in range(2))
    places = zip(*(place.tolist() for place in places))
    return SimpleNamespace(
        classes=[drawn(present, (len(present) + 1) // 2) for _ in range(row.images)],
        strong=[strong(), strong()],
        mask=F.interpolate(grid, size=(height, width), mode='nearest'),
        boxes=[(top, top + crop, left, left + crop) for top, left in places],
    )


# The comparison


class Differences:
    """The largest relative differences, ||a - b|| / ||b||, by quantity, and where they are."""

    def __init__(self, quantities=QUANTITIES):
        self.largest = dict.fromkeys(quantities, (None, 'nothing compared'))
        self.left_out = set()

    def add(self, quantity, got, wanted, scales=None):
        """Compare two dicts of tensors by name, relative to the scales or to ``wanted``.

        Returns the names of the tensors that are 0 on both sides but for rounding; they are left
        out.
        """
        scales = scales or {name: tensor.double().norm() for name, tensor in wanted.items()}
        zero, zeros = ROUNDING * max(scales.values()), set()
        for name in sorted(got.keys() | wanted.keys()):
            if name not in got or name not in wanted:
                self.note(quantity, math.inf, f'{name}, which only one side has')
                continue
            difference = (got[name] - wanted[name]).double().norm()
            if difference <= zero and scales[name] <= zero:
                zeros.add(name)
            else:
                self.note(quantity, (difference / scales[name]).item(), name)
        return zeros

    def note(self, quantity, difference, name):
        largest, _ = self.largest[quantity]
        if largest is None or math.isnan(difference) or difference > largest:
            self.largest[quantity] = (difference, name)

    def beyond(self, limit=LIMIT):
        """Return the entries that differ by more than the limit, or where nothing was compared."""
        return {
            quantity: (difference, name)
            for quantity, (difference, name) in self.largest.items()
            if difference is None or not difference <= limit
        }


def compare(row, options=None):
    """Run both sides side by side; return the largest differences of all iterations.

    Args:
        row (Row): What to run.
        options (dict | None): Further options of the config, e.g. to make the library differ.
    """
    model, wrappers, schedulers = build(row, options)
    loops = {CYCLEGAN: translation, DAFORMER: self_training_family, HRDA: self_training_family}
    loop, parts = loops.get(row.network, adaptation)(row, model)
    differences = Differences([q for q in QUANTITIES if q != 'updates' or row.uses_sgd()])
    outputs, zeros = [], {part: set() for child in parts.values() for part in child}

    def before_step(child):
        for part in parts[child]:
            both = [
                {k: p.grad for k, p in side}
                for side in (part.module.named_parameters(), part.w.items())
            ]
            own, other = ({k: g for k, g in side.items() if g is not None} for side in both)
            zeros[part] = differences.add('gradients', part.official(own), other)
            differences.left_out |= {(part, name) for name in zeros[part]}

    for child, wrapper in wrappers.items():
        wrapper.optimizer.register_step_pre_hook(lambda *_, child=child: before_step(child))
    network = model.generators if row.network == CYCLEGAN else model.segmentor
    network.register_forward_hook(lambda module, inputs, output: outputs.append(output))

    for iteration in range(row.iterations):
        data = draw(row, iteration)
        given = dict(data)
        if row.network in (DAFORMER, HRDA):
            given['decisions'] = decide(row, data['source_labels'], iteration)
            feed(model, given['decisions'])
        torch.manual_seed(iteration)  # so that both sides draw the same dropout masks
        expected = loop.step(**given, iteration=iteration)
        torch.manual_seed(iteration)
        logs = model.train_step(packed(row, **data), wrappers)
        for scheduler in schedulers:
            scheduler.step()

        for got, wanted in zip(outputs, expected.outputs, strict=True):
            got = getattr(got, 'logits', got)  # a segmentor gives Outputs
            differences.add('outputs', got, wanted)
        outputs.clear()
        losses = {name: value for name, value in logs.items() if name.startswith('loss_')}
        differences.add('losses', losses, expected.losses)
        flat = [part for child in parts.values() for part in child]
        for part, changes in zip(flat, expected.changes, strict=True):
            own = part.official(part.module.state_dict())
            own, other = (
                {name: v for name, v in side.items() if name not in zeros[part]}
                for side in (own, part.w)
            )
            differences.add('weights', own, other)
            if changes:
                own, other = ({name: side[name] for name in changes} for side in (own, other))
                differences.add('updates', own, other, changes)
    return differences


def draw(row, iteration):
    """Draw images (N, 3, H, W), 0 to 255, and labels (N, H, W), a quarter of them 255."""
    generator, data = torch.Generator().manual_seed(iteration), {}
    for domain, (height, width) in zip(('source', 'target'), row.sizes):
        image = torch.randint(0, 256, (row.images, 3, height, width), generator=generator)
        data[domain] = image.byte()
        if row.network != CYCLEGAN:
            size = (row.images, height // row.block, width // row.block)
            labels = torch.randint(0, 19, size, generator=generator)
            for side in (1, 2):
                labels = labels.repeat_interleave(row.block, dim=side)
            labels[:, : height // 4] = 255
            data[f'{domain}_labels'] = labels
    if row.network == HRDA:  # the margins come with the images
        data['trusted'] = torch.ones(labels.shape)
        data['trusted'][:, :10] = data['trusted'][:, :, -6:] = 0
    return data


def packed(row, source, target, source_labels=None, target_labels=None, trusted=None):
    """Return a batch as the data loader gives it; the target has labels only for BDL's."""
    if not row.pseudo_labels:
        target_labels = None
    maps = dict(
        source=dict(gt_sem_seg=source_labels),
        target=dict(gt_sem_seg=target_labels, pseudo_label_mask=trusted),
    )
    batch = {}
    for domain, images in (('source', source), ('target', target)):
        samples = [SegDataSample() for _ in images]
        for name, of_images in maps[domain].items():
            for sample, values in zip(samples, of_images if of_images is not None else ()):
                sample.set_data({name: PixelData(data=values[None])})
        batch[domain] = dict(inputs=list(images), data_samples=samples)
    return batch


# The report


def table(rows):
    """Run rows and print the table line by line; return whether all are within the limit."""
    cells = ('method', 'network', 'optimizer', *QUANTITIES)
    print('| ' + ' | '.join(cells) + ' |', '|' + '---|' * len(cells), sep='\n', flush=True)
    good = True
    for row in rows:
        begin = time.perf_counter()
        differences = compare(row)
        numbers = [differences.largest.get(quantity, ('-', None))[0] for quantity in QUANTITIES]
        numbers = [f'{number:.0e}' if isinstance(number, float) else '-' for number in numbers]
        cells = (row.method, row.label(), row.optimizer(), *numbers)
        print('| ' + ' | '.join(cells) + ' |', flush=True)
        left_out = len(differences.left_out)
        note = f', {left_out} tensors without a gradient left out' if left_out else ''
        print(f'{row.name}: {time.perf_counter() - begin:.0f} s{note}', file=sys.stderr)
        beyond = differences.beyond()
        good = good and not beyond
        for quantity, (difference, name) in beyond.items():
            difference = '-' if difference is None else f'{difference:.3g}'
            print(f'{row.name}: {quantity}: {difference} at {name}', file=sys.stderr)
    return good


def main(arguments=None):
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--only', nargs='+', choices=names, metavar='NAME', help=', '.join(names))
    only = parser.parse_args(arguments).only or names
    good = table([row for row in ROWS if row.name in only])
    verdict = 'All are' if good else 'NOT all are'
    print(f'\n{EXPLANATION}\n\n{verdict} at most {LIMIT:.0e}.')
    return 0 if good else 1


if __name__ == '__main__':
    logging.disable()  # mmengine's, which would go to stdout
    sys.exit(main())
