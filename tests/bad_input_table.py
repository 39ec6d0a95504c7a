"""Bad input to every tool, and the sentence that each gives.

    python tests/bad_input_table.py          writes the table, in Markdown

tests/test_cli/test_bad_input.py goes through the same cases.
"""

import contextlib
import importlib.util
import io
import os
import shutil
import struct
import sys
import tempfile
import traceback
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from mmengine.logging import MessageHub, MMLogger
from mmseg.registry import MODELS
from mmseg.visualization import SegLocalVisualizer
from PIL import Image

from mmseg_gl.cli.tool import run_tool
from mmseg_gl.config.load import load_config
from mmseg_gl.street_scenes import StreetScenesConfig, generate

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / 'configs'
SOURCE_ONLY = CONFIGS / 'source_only/source-only_deeplabv2-tiny_street-scenes.py'
ADAPTSEGNET = CONFIGS / 'adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'
LOCAL = CONFIGS / 'adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
CYCLEGAN = CONFIGS / 'bdl/cyclegan_street-scenes.py'
RECIPE = CONFIGS / 'bdl/recipes/bdl_deeplabv2-tiny_street-scenes.py'
SOURCE_IMAGE, SOURCE_LABEL = 'GTA5/images/00004.png', 'GTA5/labels/00004.png'
TRAIN = 'cityscapes/leftImg8bit/train/proceduria'
TARGET_IMAGE = f'{TRAIN}/proceduria_000003_000019_leftImg8bit.png'
VAL = 'cityscapes/leftImg8bit/val/perlinburg'
VAL_IMAGE = f'{VAL}/perlinburg_000000_000019_leftImg8bit.png'
VAL_LABEL = 'cityscapes/gtFine/val/perlinburg/perlinburg_000000_000019_gtFine_labelIds.png'


class Shared:
    """What the cases start from: a tiny benchmark and checkpoints of networks not trained."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.data = self.folder / 'street_scenes'
        generate(StreetScenesConfig(height=32, width=64, train=6, val=3), self.data, workers=1)
        torch.manual_seed(0)
        self.models = {}
        for name, config in (('source_only', SOURCE_ONLY), ('cyclegan', CYCLEGAN)):
            self.models[name] = MODELS.build(load_config(config).model)
            path = self.folder / f'{name}.pth'
            torch.save(dict(meta={}, state_dict=self.models[name].state_dict()), path)

    def run_checkpoint(self):
        """Return the checkpoint of a run of one iteration."""
        path = self.folder / 'run/work/iter_1.pth'
        if not path.exists():
            bench = Bench(self, self.folder / 'run')
            answer = run_tool_with('train', bench.train(), bench.environment)
            assert answer.code == 0, answer.text
        return path


class Bench:
    """One case's own folder; its methods damage things and return the arguments of a tool."""

    def __init__(self, shared, folder):
        self.shared, self.folder = shared, Path(folder)
        self.data = self.folder / 'street_scenes'
        shutil.copytree(shared.data, self.data)
        self.weights = shared.folder / 'source_only.pth'
        self.environment = {'STREET_SCENES': str(self.data)}

    def path(self, name, content=None):
        """Return a path in the case's folder; with contents, the file is written."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def damage(self, name, pixels=None, content=b''):
        """Replace a file of the data by other contents, or by an image of other pixels."""
        if pixels is None:
            (self.data / name).write_bytes(content)
        else:
            Image.fromarray(pixels).save(self.data / name)

    def enlarge(self, name, width, height):
        """Let the header of a PNG of the data claim another size."""
        content = (self.data / name).read_bytes()
        header = b'IHDR' + struct.pack('>II', width, height) + content[24:29]
        checksum = struct.pack('>I', zlib.crc32(header))
        self.damage(name, content=content[:12] + header + checksum + content[33:])

    def pipe(self, name):
        """Replace a file of the data by a named pipe, which nobody writes to."""
        (self.data / name).unlink()
        os.mkfifo(self.data / name)

    def spoil_name(self, name):
        """Give a file of the data a name that is not UTF-8, of the same ending."""
        path = self.data / name
        path.rename(path.with_name('\udcff' + path.name[1:]))

    def link(self, name, target):
        """Replace a file of the data by a link."""
        (self.data / name).unlink(missing_ok=True)
        (self.data / name).symlink_to(target)

    def val_labels(self):
        return [path.relative_to(self.data) for path in self.data.glob('cityscapes/gtFine/val/*/*')]

    def truncate(self, name):
        content = (self.data / name).read_bytes()
        self.damage(name, content=content[: len(content) // 2])

    def config(self, text, base=SOURCE_ONLY):
        return self.path('own.py', f'_base_ = {str(base)!r}\n{text}')

    def checkpoint(self, **tensors):
        """Write the checkpoint with some tensors replaced, or left out where None is given."""
        state = dict(self.shared.models['source_only'].state_dict(), **tensors)
        torch.save({k: v for k, v in state.items() if v is not None}, self.path('other.pth'))
        return self.path('other.pth')

    def run(self, change=None):
        """Write the checkpoint of a run of one iteration, changed in place by ``change``."""
        contents = torch.load(self.shared.run_checkpoint(), weights_only=True)
        if change:
            change(contents)
        torch.save(contents, self.path('work/iter_1.pth', ''))
        return self.train('train_cfg.max_iters=2', more=['--resume'])

    def train(self, *options, config=SOURCE_ONLY, more=()):
        # The first batch has all images, so that a broken one is met at once.
        options = ['train_dataloader.batch_size=6', 'train_cfg.max_iters=1', *options]
        return [config, '--work-dir', self.folder / 'work', *more, '--cfg-options', *options]

    def test(self, *options, config=SOURCE_ONLY, weights=None, more=()):
        options = ['test_dataloader.num_workers=0', *options]
        work_dir = ['--work-dir', self.folder / 'work', *more]
        return [config, weights or self.weights, *work_dir, '--cfg-options', *options]

    def infer(self, images=None, config=SOURCE_ONLY, weights=None, out='out'):
        images = images or self.data / VAL
        return [config, weights or self.weights, images, '--out', self.folder / out]

    def label(self, *more, config=ADAPTSEGNET, weights=None, out='out'):
        return [config, weights or self.weights, '--out', self.folder / out, *more]

    def translate(self, *more, config=CYCLEGAN, weights=None, out='out'):
        weights = weights or self.shared.folder / 'cyclegan.pth'
        return [config, weights, '--out', self.folder / out, '--workers', 0, *more]

    def compare(self, *arguments):
        return [*arguments, '--work-dir', self.folder / 'work']

    def recipe(self, text=None, *more):
        recipe = RECIPE if text is None else self.path('recipe.py', text)
        return [recipe, '--work-dir', self.folder / 'work', *more]


@dataclass
class Case:
    """A bad input.

    Attributes:
        tool: Name of the tool.
        what: What is bad about the input.
        words: Part of the sentence that is expected.
        prepare: Bench -> the tool's arguments.
    """

    tool: str
    what: str
    words: str
    prepare: callable


def cases():
    """list[Case]: All of them, in the order of the table."""
    found = []

    def case(tool, what, words):
        return lambda prepare: found.append(Case(tool, what, words, prepare))

    for group in (data_cases, label_cases, checkpoint_cases, config_cases, other_cases):
        group(case)
    return found


def after(arguments, *steps):
    """Return the arguments; the steps before them have done the damage."""
    return arguments


GREY = np.full((32, 64), 7, np.uint8)
COLOUR = np.zeros((32, 64, 3), np.uint8)


def data_cases(case):
    """Images."""
    for name, what in ((SOURCE_IMAGE, 'source'), (TARGET_IMAGE, 'target')):
        case('train', f'{what} image cut off', 'is truncated or not an image')(
            lambda b, name=name: after(b.train(config=ADAPTSEGNET), b.truncate(name))
        )
    case('train', 'source image empty', 'unknown format')(
        lambda b: after(b.train(), b.damage(SOURCE_IMAGE))
    )
    case('train', '16-bit source image', 'more than 8 bits per channel')(
        lambda b: after(b.train(), b.damage(SOURCE_IMAGE, pixels=np.full((32, 64), 3000, 'u2')))
    )
    case('train', 'PostScript called .png', 'PNG or JPEG (unknown format)')(
        lambda b: after(b.train(), b.damage(SOURCE_IMAGE, content=b'%!PS-Adobe-3.0 EPSF-3.0\n'))
    )
    case('train', 'image of 9400x9400 pixels', 'max_megapixels')(
        lambda b: after(b.train(), b.enlarge(SOURCE_IMAGE, 9400, 9400))
    )
    case('train', 'image that is a named pipe', f'{SOURCE_IMAGE} is a pipe')(
        lambda b: after(b.train(), b.pipe(SOURCE_IMAGE))
    )
    case('test', 'image whose name is not UTF-8, --show-dir', r'\xfferlinburg_000000')(
        lambda b: after(
            b.test(more=['--show-dir', b.folder / 'show']),
            b.spoil_name(VAL_IMAGE),
            b.spoil_name(VAL_LABEL),
        )
    )
    case('pseudo_label', 'image whose name is not UTF-8', r'\xffroceduria_000003')(
        lambda b: after(b.label(), b.spoil_name(TARGET_IMAGE))
    )
    case('train', 'images smaller than 32 pixels, global head', 'at least 32x32')(
        lambda b: b.train(
            config=b.config(
                'small = dict(type="Resize", scale=(40, 20))\n'
                'train_dataloader = dict(dataset=dict(source=dict(pipeline=['
                'dict(type="LoadImage"), dict(type="LoadTrainIds", ids="gta5"), small, '
                'dict(type="PackSegInputs")]), target=dict(pipeline=['
                'dict(type="LoadImage"), small, dict(type="PackSegInputs")])))',
                ADAPTSEGNET,
            )
        )
    )
    case('train', 'no data folder', 'make_street_scenes.py')(
        lambda b: after(b.train(), shutil.rmtree(b.data))
    )
    case('train', 'empty source folder', 'has no images ending in')(
        lambda b: after(b.train(), [p.unlink() for p in (b.data / 'GTA5/images').iterdir()])
    )
    case('train', 'list of images (ann_file) missing', 'ann_file')(
        lambda b: b.train(f'train_dataloader.dataset.source.ann_file={b.path("none.txt")}')
    )
    case('train', 'empty list of images (ann_file)', 'has no images')(
        lambda b: b.train(f'train_dataloader.dataset.source.ann_file={b.path("none.txt", "")}')
    )
    case('train', 'list names an image that is not there', 'nowhere')(
        lambda b: b.train(f'train_dataloader.dataset.source.ann_file={b.path("l.txt", "nowhere")}')
    )
    case('train', 'list of images (ann_file) that is a named pipe', 'ann_file')(
        lambda b: after(
            b.train(f'train_dataloader.dataset.source.ann_file={b.data / SOURCE_LABEL}'),
            b.pipe(SOURCE_LABEL),
        )
    )
    case('train', 'list of images (ann_file) that is no text', 'UTF-8')(
        lambda b: b.train(f'train_dataloader.dataset.source.ann_file={b.data / SOURCE_IMAGE}')
    )
    case('translate', 'list names an image outside of the folder', 'is not inside its folder')(
        lambda b: b.translate(
            '--cfg-options', f'translation_dataset.ann_file={b.path("l.txt", "../labels/00004")}'
        )
    )
    case('train', 'data_root that is a file', 'there is no such folder')(
        lambda b: b.train(f'train_dataloader.dataset.source.data_root={b.path("file", "x")}')
    )
    case('train', 'a quote in STREET_SCENES', 'STREET_SCENES')(
        lambda b: after(b.train(), b.environment.update(STREET_SCENES="it's"))
    )
    case('train', 'image that is a dangling link', 'is a link to /nowhere/1.png')(
        lambda b: after(b.train(), b.link(SOURCE_IMAGE, '/nowhere/1.png'))
    )
    case('infer', 'folder that contains itself', 'the link "loop" leads back')(
        lambda b: after(b.infer(), b.link(f'{VAL}/loop', b.data / VAL))
    )
    case('infer', 'no such image', 'there is no image or folder')(
        lambda b: b.infer(b.folder / 'none.png')
    )
    case('infer', 'two images of the same stem', 'would have the same prediction')(
        lambda b: b.infer(after(b.path('p/a.png', 'x').parent, b.path('p/a.jpg', 'x')))
    )
    case('pseudo_label', 'target image cut off', 'is truncated or not an image')(
        lambda b: after(b.label(), b.truncate(TARGET_IMAGE))
    )
    case('pseudo_label', 'two images of the same name', 'would have the same pseudo label')(
        lambda b: after(b.label(), shutil.copytree(b.data / TRAIN, b.data / TRAIN / 'again'))
    )


def label_cases(case):
    """Labels."""
    case('train', 'label of 40000x30000 pixels', 'max_megapixels')(
        lambda b: after(b.train(), b.enlarge(SOURCE_LABEL, 40_000, 30_000))
    )
    case('train', 'label that is a named pipe', f'{SOURCE_LABEL} is a folder, a pipe')(
        lambda b: after(b.train(), b.pipe(SOURCE_LABEL))
    )
    case('train', 'label missing', 'images have no label')(
        lambda b: after(b.train(), (b.data / SOURCE_LABEL).unlink())
    )
    rare = (
        'train_dataloader = dict(dataset=dict(source_sampling=dict(type="RareClassSampling", {})))'
    )
    case(
        'train', 'rare-class sampling: no image has that many pixels', 'min_pixels=9999: no image'
    )(lambda b: b.train(config=b.config(rare.format('min_pixels=9999'))))
    case('train', 'rare-class sampling: temperature 0', 'source_sampling.temperature=0')(
        lambda b: b.train(config=b.config(rare.format('temperature=0')))
    )
    case(
        'train',
        'rare-class sampling: official statistics damaged',
        'sample_class_stats.json cannot',
    )(
        lambda b: after(
            b.train(config=b.config(rare.format('min_pixels=9'))),
            b.damage('GTA5/sample_class_stats.json', content=b'[{"file": 3}]'),
        )
    )
    case('train', 'rare-class sampling that is a number', 'source_sampling')(
        lambda b: b.train('train_dataloader.dataset.source_sampling=3')
    )
    case('train', 'label of another size than its image', 'is 64x16 after the pipeline')(
        lambda b: after(b.train(), b.damage(SOURCE_LABEL, pixels=GREY[:16]))
    )
    case('train', 'label that is a colour image', 'is a colour image')(
        lambda b: after(b.train(), b.damage(SOURCE_LABEL, pixels=COLOUR))
    )
    case('train', 'label with an id out of range', 'holds the id 99')(
        lambda b: after(b.train(), b.damage(SOURCE_LABEL, pixels=GREY + np.uint8(92)))
    )
    case('train', '16-bit label with an id out of range', 'holds the id 3000')(
        lambda b: after(b.train(), b.damage(SOURCE_LABEL, pixels=np.full((32, 64), 3000, 'u2')))
    )
    case('train', '8-bit labels read as SYNTHIA', '8 bits per channel')(
        lambda b: b.train('train_dataloader.dataset.source.pipeline.1.ids=synthia')
    )
    case('train', 'source without LoadTrainIds', 'have no labels')(
        lambda b: b.train(
            config=b.config(
                'train_dataloader = dict(dataset=dict(source=dict(pipeline=['
                'dict(type="LoadImage"), dict(type="PackSegInputs")])))'
            )
        )
    )
    case('train', 'domains of different classes', 'classes')(
        lambda b: b.train(
            config=b.config(
                'train_dataloader = dict(dataset=dict(target=dict('
                'metainfo=dict(classes=("road", "car")))))',
                ADAPTSEGNET,
            )
        )
    )
    case('train', 'own ids beyond 8 bits', 'ids maps the id 300')(
        lambda b: b.train(
            config=b.config(
                'train_dataloader = dict(dataset=dict(source=dict(pipeline=['
                'dict(type="LoadImage"), dict(type="LoadTrainIds", ids={300: 1}), '
                'dict(type="PackSegInputs")])))'
            )
        )
    )
    case('train', 'label that is a JPEG', 'is a JPEG, which changes ids')(
        lambda b: after(b.train(), Image.fromarray(GREY).save(b.data / SOURCE_LABEL, 'JPEG'))
    )
    case('train', 'label in black and white', 'is black and white')(
        lambda b: after(b.train(), Image.fromarray(GREY > 9).save(b.data / SOURCE_LABEL))
    )
    case('train', 'data set that lists images only', 'comes without a label')(
        lambda b: b.train(
            config=b.config(
                'train_dataloader = dict(dataset=dict(source=dict(_delete_=True, '
                f'type="ImageFolderDataset", data_root="{b.data}/GTA5/images", pipeline=['
                'dict(type="LoadImage"), dict(type="LoadTrainIds", ids={7: 0}), '
                'dict(type="PackSegInputs")])))'
            )
        )
    )
    for what, ids in (
        ('no own ids', '{}'),
        ('own ids as a list', '[7, 8]'),
        ('halves', '{7: 0.5}'),
    ):
        case('train', f'{what}: {ids}', 'ids')(
            lambda b, ids=ids: (
                b.train(f'train_dataloader.dataset.source.pipeline.1.ids={ids}')
                if ids[0] == '['
                else b.train(
                    config=b.config(
                        'train_dataloader = dict(dataset=dict(source=dict(pipeline=['
                        f'dict(type="LoadImage"), dict(type="LoadTrainIds", ids={ids}), '
                        'dict(type="PackSegInputs")])))'
                    )
                )
            )
        )
    case('test', 'validation labels without any class', 'no pixel of the validation labels')(
        lambda b: after(b.test(), [b.damage(p, pixels=0 * GREY) for p in b.val_labels()])
    )
    case('test', 'validation label cut off', 'is truncated or not an image')(
        lambda b: after(b.test(), b.truncate(VAL_LABEL))
    )
    case('test', 'other test set that is not there', 'the night test images')(
        lambda b: b.test(
            config=b.config(
                'city = _base_.test_dataloader.dataset\nother_test_dataloaders = dict(night=dict('
                '_base_.test_dataloader, dataset=dict(city, data_root="nowhere")))'
            )
        )
    )


def info(run):
    return run['message_hub']['runtime_info']


DAMAGED_RUNS = {
    'meta of a wrong kind': lambda run: run.update(meta=[1]),
    'iteration as text': lambda run: run['meta'].update(iter='1'),
    'short random states': lambda run: run['random_states'][0].update(torch=torch.zeros(3)),
    'no optimizer of the segmentor': lambda run: run['optimizer'].clear(),
    'schedule of a wrong kind': lambda run: run['param_schedulers']['segmentor'][0].update(
        last_step='1'
    ),
    'history of a wrong kind': lambda run: run['message_hub'].update(log_scalars=dict(a=[1])),
    'list of checkpoints of a wrong kind': lambda run: info(run).update(keep_ckpt_ids='all'),
    'best score of a wrong kind': lambda run: info(run).update(best_score='high'),
    'health of a wrong kind': lambda run: info(run).update(warned=dict(few_classes='3')),
}


def checkpoint_cases(case):
    """Checkpoints."""
    first = 'segmentor.decode_head.branches.0.weight'
    case('pseudo_label', 'checkpoint missing', 'there is no checkpoint file')(
        lambda b: b.label(weights=b.folder / 'none.pth')
    )
    case('infer', 'checkpoint is no PyTorch file', 'not a PyTorch checkpoint')(
        lambda b: b.infer(weights=b.path('bad.pth', b'garbage'))
    )
    case('test', 'checkpoint of another architecture', 'is not a checkpoint of this config')(
        lambda b: b.test(weights=b.checkpoint(**{first: torch.zeros(19, 9, 3, 3)}))
    )
    case('test', 'checkpoint of another method (CycleGAN)', 'is not a checkpoint of this config')(
        lambda b: b.test(weights=b.shared.folder / 'cyclegan.pth')
    )
    case('infer', 'checkpoint of a run that has diverged', 'its training has diverged')(
        lambda b: b.infer(weights=b.checkpoint(**{first: torch.full((19, 128, 3, 3), torch.nan)}))
    )
    case('train', 'required option left out', '--cfg-options load_from=')(
        lambda b: b.train(config=b.config('required_options = dict(load_from="weights")'))
    )
    case('train', '--resume: bare weights', 'not the state of a training run')(
        lambda b: b.train(more=['--resume', b.weights])
    )
    case('train', '--resume: work dir whose checkpoints are damaged', '--resume CKPT')(
        lambda b: after(b.train(more=['--resume']), b.path('work/iter_3.pth', 'precious'))
    )
    for what, value in (('missing', None), ('not in the model', torch.zeros(1))):
        key = first if value is None else f'{first}.extra'
        case('test', f'checkpoint with a tensor {what}', key.removeprefix('segmentor.'))(
            lambda b, key=key, value=value: b.test(weights=b.checkpoint(**{key: value}))
        )
    case('test', 'checkpoint that would run code', 'could run code')(
        lambda b: b.test(weights=after(b.folder / 'o.pth', torch.save(Shared, b.folder / 'o.pth')))
    )
    case('test', 'checkpoint that is a list', 'holds no named tensors')(
        lambda b: b.test(weights=after(b.folder / 'l.pth', torch.save([1], b.folder / 'l.pth')))
    )
    case('train', '--resume: checkpoint missing', 'there is no checkpoint file')(
        lambda b: b.train(more=['--resume', b.folder / 'none.pth'])
    )
    for what, change in DAMAGED_RUNS.items():
        case('train', f'--resume: {what}', 'iter_1.pth')(lambda b, change=change: b.run(change))
    case('translate', 'checkpoint of another method (source-only)', "this config's generator")(
        lambda b: b.translate(weights=b.weights)
    )
    case('convert_weights', 'weights of another network', 'source_only.pth: ')(
        lambda b: ['adaptsegnet', b.weights, b.folder / 'new.pth']
    )
    case('convert_weights', 'destination exists', 'is not overwritten')(
        lambda b: ['adaptsegnet', b.weights, b.path('mine.pth', 'precious')]
    )
    case('convert_weights', 'unknown kind', 'choose')(
        lambda b: ['adaptsegnt', b.weights, b.folder / 'new.pth']
    )


def config_cases(case):
    """Configs and their options."""
    tiny = str(SOURCE_ONLY).replace('tiny', 'tinny')
    case('check_data', 'config missing', 'did you mean')(lambda b: [tiny])
    case('train', 'config with a syntax error', 'cannot read the config')(
        lambda b: b.train(config=b.path('own.py', 'model = dict('))
    )
    case('train', 'only a part of a config', 'it is only a part of a config')(
        lambda b: b.train(config=CONFIGS / '_base_/models/deeplabv2_tiny.py')[:3]
    )
    case('infer', 'config of a CycleGAN', 'test_dataloader')(lambda b: b.infer(config=CYCLEGAN))
    case('translate', 'config of a segmentor', 'translation_dataset')(
        lambda b: b.translate(config=SOURCE_ONLY)
    )
    case('pseudo_label', 'config without a target', 'has no target images')(
        lambda b: b.label(config=SOURCE_ONLY)
    )
    for what, option, words in (
        ('type with a typo', 'model.segmentor.decode_head.type=DeepLabV2Hed', '"DeepLabV2Head"'),
        ('option with a typo', 'model.segmentor.decode_head.num_clases=2', '"num_classes"'),
        ('key with a typo', 'train_confg.max_iters=3', '"train_cfg"'),
        ('number of classes as text', 'model.segmentor.decode_head.num_classes=many', 'many'),
        ('impossible depth', 'model.segmentor.backbone.depth=7', '7'),
        ('learning rate as text', 'optim_wrapper.segmentor.optimizer.lr=fast', 'fast'),
        ('negative learning rate', 'optim_wrapper.segmentor.optimizer.lr=-1', '-1'),
        ('mean as text', 'model.data_preprocessor.mean=grey', 'grey'),
        ('channels that do not fit', 'model.segmentor.decode_head.in_channels=100', 'have 64, 128'),
        ('dilations as a number', 'model.segmentor.decode_head.dilations=3', 'dilations'),
        ('in_index out of range', 'model.segmentor.decode_head.in_index=9', 'in_index'),
        ('unknown ids', 'train_dataloader.dataset.source.pipeline.1.ids=gta', 'gta5'),
        ('flip probability of 2', 'train_dataloader.dataset.source.pipeline.2.prob=2', 'prob'),
        ('max_iters as text', 'train_cfg.max_iters=many', 'expected a whole number'),
        ('batch size 0', 'train_dataloader.batch_size=0', 'expected a whole number'),
        ('number of workers as text', 'train_dataloader.num_workers=two', 'whole number'),
        ('logging interval 0', 'default_hooks.logger.interval=0', 'interval'),
        ('logging interval as text', 'default_hooks.logger.interval=often', 'interval'),
        ('checkpoint interval as text', 'default_hooks.checkpoint.interval=often', 'whole'),
        ('poly power as text', 'param_scheduler.0.power=steep', 'steep'),
        ('a number in place of schedulers', 'param_scheduler=3', 'expected a list'),
        ('a number in place of a model', 'model=3', 'expected a dict'),
        ('a number in place of a data set', 'train_dataloader.dataset=3', 'expected a dict'),
        ('unknown log level', 'log_level=LOUD', 'LOUD'),
        ('schedule by epochs', 'param_scheduler.0.by_epoch=True', 'set by_epoch=False'),
        ('a number in place of hooks', 'custom_hooks=3', 'expected a list of dicts'),
        ('a number in place of an optimizer', 'optim_wrapper.segmentor=3', 'expected a dict'),
        ('no batch size', 'train_dataloader.batch_size=None', 'expected a whole number'),
        ('a number in place of a sampler', 'train_dataloader.sampler=3', 'expected a dict'),
        ('a number in place of steps', 'train_dataloader.dataset.source.pipeline=3', 'list of'),
        ('no steps', 'train_dataloader.dataset.source.pipeline=[]', 'PackSegInputs'),
        ('suffix as a number', 'train_dataloader.dataset.source.img_suffix=5', 'img_suffix'),
        ('val_begin as text', 'train_cfg.val_begin=x', 'expected a whole number'),
        ('validation half taken out', 'val_cfg=None', 'val_evaluator'),
        ('unknown start method', 'env_cfg.mp_cfg.mp_start_method=frok', 'spawn'),
        ('a number in place of a log processor', 'log_processor=3', 'expected a dict'),
        ('window as text', 'log_processor.window_size=x', 'expected a whole number'),
        ('max_keep_ckpts as text', 'default_hooks.checkpoint.max_keep_ckpts=x', 'whole number'),
        ('a number in place of a hook', 'default_hooks.alignment_monitor=3', 'expected a dict'),
        ('checkpoints by epochs', 'default_hooks.checkpoint.by_epoch=True', 'by_epoch=False'),
        ('several best', "default_hooks.checkpoint.save_best=['a','b']", 'one save_best'),
        ('signals without checkpoints', 'default_hooks.checkpoint=None', 'default_hooks.interrup'),
        ('unknown action', 'default_hooks.nonfinite_loss.action=go_on', 'stop, skip'),
        ('empty load_from', 'load_from=', 'load_from'),
        ('sliding windows of no size', 'model.segmentor.test_cfg.mode=slide', 'crop_size'),
        ('class that is not there', "val_evaluator.ignored_classes=['terain']", '"terain"'),
        ('output level that is not there', 'model.segmentor.backbone.out_indices=(0,9)', '9'),
        ('unknown on_bad_image', 'train_dataloader.dataset.on_bad_image=drop', 'stop, skip'),
        ('weights of no list', 'train_dataloader.dataset.source_weights=[1,2]', '1 data sets'),
        ('no source', 'train_dataloader.dataset.source=[]', 'a list of at least one'),
        ('numbers in place of sources', 'train_dataloader.dataset.source=[3]', 'expected a dict'),
        ('a number in place of test sets', 'other_test_dataloaders=3', 'expected a dict'),
    ):
        case('train', f'{what}: {option}', words)(lambda b, option=option: b.train(option))
    for what, option, words in (
        ('unknown representation', 'model.heads.global_head.representation=sotfmax', 'softmax'),
        ('channels as text', 'model.heads.global_head.channels=wide', 'wide'),
        ('loss weight as text', 'model.heads.global_head.loss_weights.decode=big', 'number >= 0'),
        ('level that is not there', 'model.heads.global_head.loss_weights.middle=1', '"middle"'),
        (
            'phases of an unknown head',
            "custom_hooks.0.phases=[('globl',),()]",
            'global_head, local_head',
        ),
        ('begin after the end', 'custom_hooks.0.begin=1.5', 'TwoPhaseHook: begin=1.5'),
        ('no channels', 'model.heads.local_head.channels=[]', 'whole numbers >= 1'),
        ('channels of 0', 'model.heads.global_head.channels=[0,1]', 'whole numbers >= 1'),
        ('number of points as text', 'model.heads.local_head.num_points=many', 'whole number'),
        ('phases without a comma', "custom_hooks.0.phases=['global','local']", 'mind the comma'),
        ('a list in place of a head', 'model.heads.global_head=[1]', 'expected a dict'),
        ('no optimizer of heads', 'optim_wrapper.heads=None', 'expected a dict'),
        ('sampled pixels with 3x3', 'model.heads.local_head.kernel_size=3', 'num_points'),
    ):
        case('train', f'{what}: {option}', words)(
            lambda b, option=option: b.train(option, config=LOCAL)
        )


def other_cases(case):
    """Arguments, numbers, and what is there already."""
    case('train', 'unknown argument --sede', 'did you mean --seed?')(
        lambda b: b.train(more=['--sede', 3])
    )
    case('test', 'unknown argument --outt', 'did you mean --out?')(
        lambda b: b.test(more=['--outt', 'x'])
    )
    case('train', 'no config given', 'the following arguments are required: config')(lambda b: [])
    case('train', 'negative seed', 'argument --seed: -1')(lambda b: b.train(more=['--seed', -1]))
    case('train', 'unknown launcher', 'invalid choice')(
        lambda b: b.train(more=['--launcher', 'mpirun'])
    )
    case('train', 'empty argument', "unknown argument ''")(lambda b: [SOURCE_ONLY, ''])
    case('train', 'folder in place of a config', 'is a folder')(lambda b: [CONFIGS])
    case('train', 'config that ends Python', 'cannot read the config')(
        lambda b: b.train(config=b.path('own.py', 'import sys; sys.exit(0)'))
    )
    case('train', 'config that names itself', 'name each other')(
        lambda b: b.train(config=b.path('own.py', "_base_ = './own.py'"))
    )
    case('train', '--launcher slurm without Slurm', 'SLURM_PROCID is not set')(
        lambda b: b.train(more=['--launcher', 'slurm'])
    )
    case('test', '--show-dir that is not empty', 'is not empty')(
        lambda b: b.test(more=['--show-dir', b.path('show/mine', 'precious').parent])
    )
    case('compare', "a report.md that is the user's", 'is not of this tool')(
        lambda b: after(b.compare(SOURCE_ONLY), b.path('work/report.md', 'precious'))
    )
    case('compare', 'config without a test set', 'has no test_dataloader')(
        lambda b: b.compare(SOURCE_ONLY, CYCLEGAN)
    )
    case('make_street_scenes', '--preview that exists', 'name a new file')(
        lambda b: [b.folder / 'new', '--preview', b.path('mine.png', 'precious')]
    )
    case('run_recipe', 'recipe that ends Python', 'cannot read the recipe')(
        lambda b: b.recipe('raise SystemExit(0)')
    )
    case('convert_weights', 'discriminator of which level', 'needs --level')(
        lambda b: ['discriminator', b.weights, b.folder / 'new.pth']
    )
    case('benchmark', 'unknown argument --itres', 'did you mean --iters?')(
        lambda b: [SOURCE_ONLY, '--itres', 3]
    )
    case('benchmark', 'phase that there is not', '--phase 2: expected 1 to 1')(
        lambda b: [SOURCE_ONLY, '--size', '64x32', '--phase', 2]
    )
    case('benchmark', 'size of one domain of two', 'expected WxH for each of source, target')(
        lambda b: [ADAPTSEGNET, '--size', '64x32']
    )
    case('train', '--launcher pytorch without torchrun', 'torchrun')(
        lambda b: b.train(more=['--launcher', 'pytorch'])
    )
    case('train', 'option without a value', 'expected KEY=VALUE')(lambda b: b.train('train_cfg'))
    case('train', 'work dir that is a file', 'cannot be made')(
        lambda b: b.train(more=['--work-dir', b.path('file', 'precious')])
    )
    case('train', 'work dir that cannot be written to', 'cannot be')(
        lambda b: b.train(more=['--work-dir', '/proc/work'])
    )
    case('train', 'work dir that holds checkpoints', 'go on with --resume')(
        lambda b: after(b.train(), b.path('work/iter_3.pth', 'precious'))
    )
    case('train', 'work dir of glob characters that holds checkpoints', 'go on with --resume')(
        lambda b: b.train(more=['--work-dir', b.path('w[xyz]/iter_3.pth', 'precious').parent])
    )
    case('train', "the user's file in place of the settings' copy", 'move it away')(
        lambda b: after(b.train(), b.path(f'work/{SOURCE_ONLY.name}', 'precious'))
    )
    case('train', 'checkpoints elsewhere', 'out_dir')(
        lambda b: b.train(f'default_hooks.checkpoint.out_dir={b.folder}/elsewhere')
    )
    case('compare', "the user's report.png", 'is not of this tool')(
        lambda b: after(b.compare(SOURCE_ONLY), b.path('work/report.png', 'precious'))
    )
    case('test', '--out that is not empty', 'is not empty')(
        lambda b: b.test(more=['--out', b.path('out/mine', 'precious').parent])
    )
    case('infer', '--out that is not empty', 'is not empty')(
        lambda b: after(b.infer(), b.path('out/mine', 'precious'))
    )
    case('infer', '--out inside the folder of images', 'is not apart from')(
        lambda b: b.infer(out=b.data / VAL / 'out')
    )
    case('translate', '--out that is the folder of images', 'is not apart from')(
        lambda b: b.translate(out=b.data / 'GTA5/images')
    )
    case('pseudo_label', '--out that holds the images', 'is not apart from')(
        lambda b: b.label(out=b.data)
    )
    case('make_street_scenes', '--preview inside the folder', 'name a file elsewhere')(
        lambda b: [b.folder / 'new', '--preview', b.folder / 'new/preview.png']
    )
    for tool, record, content in (
        ('infer', 'inference.json', b'null'),
        ('translate', 'translation.json', b'[1, 2]'),
        ('pseudo_label', 'pseudo_labels.json', b'{"complete": tr'),
        ('make_street_scenes', 'street_scenes.json', b'\xff\0'),
    ):
        case(tool, f'damaged {record}', f'{record} cannot be read')(
            lambda b, tool=tool, record=record, content=content: after(
                dict(
                    infer=b.infer,
                    translate=b.translate,
                    pseudo_label=b.label,
                    make_street_scenes=lambda: [b.folder / 'out'],
                )[tool](),
                b.path(f'out/{record}', content),
            )
        )
    case('infer', '--out that is a file', 'cannot be made')(
        lambda b: after(b.infer(), b.path('out', 'precious'))
    )
    case('pseudo_label', '--cap 2', 'expected a number from 0 to 1')(lambda b: b.label('--cap', 2))
    case('check_data', '--max-images 0', 'argument --max-images: 0')(
        lambda b: [SOURCE_ONLY, '--max-images', 0]
    )
    case('check_data', '--json a file that exists', 'exists; name a new file')(
        lambda b: [SOURCE_ONLY, '--json', b.path('classes.json', 'precious')]
    )
    case('check_data', 'config without data', 'has no data sets')(
        lambda b: [CONFIGS / '_base_/default_runtime.py']
    )
    case('compare', 'two configs of the same name', 'same file name')(
        lambda b: b.compare(SOURCE_ONLY, b.path(SOURCE_ONLY.name, f'_base_ = {str(SOURCE_ONLY)!r}'))
    )
    case('compare', '--jobs 0', 'argument --jobs: 0')(lambda b: b.compare(SOURCE_ONLY, '--jobs', 0))
    case('run_recipe', 'folder of the recipe with a typo', f'did you mean {RECIPE}?')(
        lambda b: [RECIPE.parents[1] / 'recepes' / RECIPE.name]
    )
    case('run_recipe', 'recipe with a syntax error', 'cannot read the recipe')(
        lambda b: b.recipe('stages = [')
    )
    case('run_recipe', 'recipe without stages', 'has no list "stages"')(
        lambda b: b.recipe('stages = []')
    )
    case('run_recipe', 'unknown tool in a recipe', 'unknown tool "trian"')(
        lambda b: b.recipe('stages = [dict(name="a", tool="trian", config="c.py")]')
    )
    case('run_recipe', 'stage folder holds other files', 'is in the way')(
        lambda b: after(
            b.recipe(f'stages = [dict(name="a", tool="train", config={str(SOURCE_ONLY)!r})]'),
            b.path('work/a/mine', 'precious'),
        )
    )
    case('run_recipe', 'damaged record of a stage', 'a.stage.json cannot be read')(
        lambda b: after(
            b.recipe(f'stages = [dict(name="a", tool="train", config={str(SOURCE_ONLY)!r})]'),
            b.path('work/a.stage.json', '3'),
        )
    )
    case('run_recipe', 'options of a stage that are no dict', 'options')(
        lambda b: b.recipe(
            f'stages = [dict(name="a", tool="train", config={str(SOURCE_ONLY)!r}, options=3)]'
        )
    )
    case('make_street_scenes', 'size in the wrong form', 'is not of the form HxW')(
        lambda b: [b.folder / 'new', '--size', 'big']
    )
    case('make_street_scenes', 'size too small', 'expected a whole number from 32')(
        lambda b: [b.folder / 'new', '--size', '8x8']
    )
    case('make_street_scenes', 'folder that holds another benchmark', 'settings.seed')(
        lambda b: [b.data, '--seed', 5]
    )
    case('make_street_scenes', 'folder that is a file', 'file')(
        lambda b: [b.path('file', 'precious')]
    )
    case('make_street_scenes', 'negative number of images', 'expected a whole number')(
        lambda b: [b.folder / 'new', '--train', -1]
    )
    case('configs', 'mistyped name of a config', f'did you mean {SOURCE_ONLY.name}')(
        lambda b: ['copy', SOURCE_ONLY.stem[1:], b.folder / 'new']
    )
    case('configs', 'another file in the place of a copy', 'is another file')(
        lambda b: after(
            ['copy', SOURCE_ONLY.stem, b.folder / 'new'],
            b.path('new/_base_/default_runtime.py', 'precious'),
        )
    )


@dataclass
class Answer:
    """What a tool has said: exit code and stderr, or the traceback of an error it let through."""

    code: int | None
    text: str


def run_case(case, shared):
    """Run a case's tool in this process, in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=shared.folder) as folder:
        bench = Bench(shared, folder)
        arguments = case.prepare(bench)
        precious = [p for p in files_in(folder) if p.read_bytes() == b'precious']
        answer = run_tool_with(case.tool, arguments, bench.environment)
        lost = [p for p in precious if not p.is_file() or p.read_bytes() != b'precious']
        if lost:
            return Answer(None, f'{lost[0]} is lost; {answer.text}')
        return Answer(answer.code, answer.text.replace(folder, 'TMP'))


def files_in(folder):
    return [path for path in Path(folder).rglob('*') if path.is_file()]


def run_tool_with(tool, arguments, environment):
    """Run a tool in this process and return its Answer."""
    path = ROOT / 'mmseg_gl/cli' / f'{tool}.py'
    spec = importlib.util.spec_from_file_location(f'tool_{tool}', path)
    module = importlib.util.module_from_spec(spec)
    for named_globals in (MMLogger, MessageHub, SegLocalVisualizer):
        named_globals._instance_dict.clear()
    errors = io.StringIO()
    with (
        mock.patch.object(sys, 'argv', [str(path), *map(str, arguments)]),
        mock.patch.dict(os.environ, environment),
        mock.patch('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, True)),
        mock.patch('gc.collect'),  # neither matters here, and both are slow
        contextlib.redirect_stderr(errors),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(action='ignore'),
    ):
        try:
            spec.loader.exec_module(module)
            run_tool(module.main)
        except SystemExit as end:
            return Answer(end.code or 0, errors.getvalue())
        except Exception:
            return Answer(None, traceback.format_exc())


def main():
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        shared = Shared(folder)
        print('| tool | bad input | what it says (exit code 2) |\n|---|---|---|')
        for case in cases():
            answer = run_case(case, shared)
            text = answer.text.strip().removeprefix('error: ').replace(str(ROOT) + '/', '')
            text = text.replace(folder, 'TMP').replace('|', '\\|')
            if answer.code != 2:
                text = f'**exit code {answer.code}** {text.splitlines()[-1] if text else ""}'
            print(f'| `{case.tool}` | {case.what} | {text} |', flush=True)


if __name__ == '__main__':
    main()
