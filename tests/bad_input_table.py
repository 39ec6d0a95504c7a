"""Bad input to every tool, one case per check; tests/test_cli/test_bad_input.py goes through them.

In backquotes is what the sentence must name: the option, the file or the value that is wrong.
"""

import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from mmseg.registry import MODELS
from PIL import Image

from mmseg_gl.config.load import load_config
from mmseg_gl.deployment.published import published, to_bytes

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / 'configs'
SOURCE_ONLY = CONFIGS / 'source_only/source-only_deeplabv2-tiny_street-scenes.py'
ADAPTSEGNET = CONFIGS / 'adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'
LOCAL = CONFIGS / 'adaptsegnet/adaptsegnet-gl_deeplabv2-tiny_street-scenes.py'
MIC = CONFIGS / 'mic/mic_deeplabv2-tiny_street-scenes.py'
CAMVID = CONFIGS / 'source_only/source-only_efficientnet-lite0_camvid-day-to-dusk.py'
CYCLEGAN = CONFIGS / 'bdl/cyclegan_street-scenes.py'
IMAGE, LABEL = 'GTA5/images/00004.png', 'GTA5/labels/00004.png'
TRAIN = 'cityscapes/leftImg8bit/train/proceduria'
TARGET_IMAGE = f'{TRAIN}/proceduria_000003_000019_leftImg8bit.png'
VAL = 'cityscapes/leftImg8bit/val/perlinburg'
GREY = np.full((32, 64), 7, np.uint8)
SOURCE = 'train_dataloader.dataset.source'
FIRST = 'segmentor.decode_head.branches.0.weight'


class Shared:
    """What the cases start from: a tiny benchmark and checkpoints of networks not trained."""

    def __init__(self, folder, data):
        self.folder, self.data = Path(folder), Path(data)
        self.trained = None  # the checkpoint of a run of one iteration
        torch.manual_seed(0)
        self.models = {}
        for name, config in (('source_only', SOURCE_ONLY), ('cyclegan', CYCLEGAN)):
            self.models[name] = MODELS.build(load_config(config).model)
            path = self.folder / f'{name}.pth'
            torch.save(dict(meta={}, state_dict=self.models[name].state_dict()), path)
        contents = published(load_config(SOURCE_ONLY), self.folder / 'source_only.pth', None)
        (self.folder / 'published.pth').write_bytes(to_bytes(contents)[0])


class Bench:
    """One case's own folder; its methods damage things and return the arguments of a tool."""

    def __init__(self, shared, folder):
        self.shared, self.folder = shared, Path(folder)
        self.data = self.folder / 'street_scenes'
        shutil.copytree(shared.data, self.data)
        self.weights = shared.folder / 'source_only.pth'

    def path(self, name, content=None):
        """Return a path in the case's folder; with contents, the file is written."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def damage(self, name, pixels=None, format='PNG'):
        """Replace an image of the data by one of other pixels, or cut it off."""
        path = self.data / name
        if pixels is None:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        else:
            Image.fromarray(pixels).save(path, format)

    def enlarge(self, name, width, height):
        """Let the header of a PNG of the data claim another size."""
        content = (self.data / name).read_bytes()
        header = b'IHDR' + struct.pack('>II', width, height) + content[24:29]
        checksum = struct.pack('>I', zlib.crc32(header))
        (self.data / name).write_bytes(content[:12] + header + checksum + content[33:])

    def pipe(self, name):
        """Replace a file of the data by a named pipe, which nobody writes to."""
        (self.data / name).unlink()
        os.mkfifo(self.data / name)

    def spoil_name(self, name):
        """Give a file of the data a name that is not UTF-8, of the same ending."""
        path = self.data / name
        path.rename(path.with_name('\udcff' + path.name[1:]))

    def checkpoint(self, **tensors):
        """Write the checkpoint with some tensors replaced, or left out where None is given."""
        state = dict(self.shared.models['source_only'].state_dict(), **tensors)
        return self.saved({k: v for k, v in state.items() if v is not None})

    def saved(self, contents):
        torch.save(contents, self.path('other.pth'))
        return self.path('other.pth')

    def config(self, text, base=SOURCE_ONLY):
        return self.path('own.py', f'_base_ = {str(base)!r}\n{text}')

    def steps(self, *steps, more=''):
        """Return a config whose source has other steps after LoadImage."""
        steps = ', '.join(f'dict(type={step})' for step in ('"LoadImage"', *steps))
        source = f'dict(pipeline=[{steps}, dict(type="PackSegInputs")], {more})'
        return self.config(f'train_dataloader = dict(dataset=dict(source={source}))')

    def train(self, *options, config=SOURCE_ONLY, more=()):
        # The first batch has all images, so that a broken one is met at once.
        options = ['train_dataloader.batch_size=6', 'train_cfg.max_iters=1', *options]
        return [config, '--work-dir', self.folder / 'work', *more, '--cfg-options', *options]

    def resume(self, change):
        """Train on from the checkpoint of a run, changed in place by ``change``."""
        contents = torch.load(self.shared.trained, weights_only=True)
        change(contents)
        torch.save(contents, self.path('work/iter_1.pth', ''))
        return self.train('train_cfg.max_iters=2', more=['--resume'])

    def test(self, *options, config=SOURCE_ONLY, weights=None, more=()):
        options = ['test_dataloader.num_workers=0', *options]
        work_dir = ['--work-dir', self.folder / 'work', *more]
        return [config, weights or self.weights, *work_dir, '--cfg-options', *options]

    def infer(self, images=None, config=SOURCE_ONLY, weights=None):
        images = images or self.data / VAL
        return [config, weights or self.weights, images, '--out', self.folder / 'out']

    def embed(self, *more, config=SOURCE_ONLY, weights=None, out='out.png'):
        return [config, weights or self.weights, '--out', self.folder / out, *more]

    def publish(self, *more, config=SOURCE_ONLY, weights=None):
        return [config, weights or self.weights, self.folder / 'out', *more]

    def metrics(self, text):
        return ['--metrics', self.path('m.json', text)]

    def published(self):
        return self.shared.folder / 'published.pth'

    def label(self, *more, config=ADAPTSEGNET, weights=None, out='out'):
        return [config, weights or self.weights, '--out', self.folder / out, *more]

    def translate(self, *more, config=CYCLEGAN, weights=None):
        weights = weights or self.shared.folder / 'cyclegan.pth'
        return [config, weights, '--out', self.folder / 'out', '--workers', 0, *more]

    def compare(self, *arguments):
        return [*arguments, '--work-dir', self.folder / 'work']

    def recipe(self, text):
        """Return the arguments for a recipe; in the text CONFIG is a config's path."""
        text = text.replace('CONFIG', repr(str(SOURCE_ONLY)))
        return [self.path('recipe.py', text), '--work-dir', self.folder / 'work']


def after(arguments, *steps):
    """Return the arguments; the steps before them have done the damage."""
    return arguments


# One wrong option of train.py; without backquotes it must be named as it is written.
OPTIONS = (
    'model=3',
    'custom_hooks=3',
    'train_cfg.max_iters=many',
    'param_scheduler.0.power=steep',
    'param_scheduler.0.by_epoch=True',
    'load_from=',
    'log_level=`LOUD`',
    'train_dataloader.dataset.`source`=[]',
    f'{SOURCE}.img_suffix=5',
    f'{SOURCE}.pipeline=[]',
    f'{SOURCE}.pipeline.1.`ids=[7`,8]',
    'train_dataloader.dataset.`source_weights`=[1,2]',
    'train_dataloader.dataset.`source_sampling`=3',
    'model.segmentor.decode_head.type=`DeepLabV2He`d',
    'model.segmentor.decode_head.`num_clases`=2',
    'model.`data_preprocessor`=None',
    '`train_confg`.max_iters=3',
    '`model.segmentor.decode_head`.in_channels=100',
    'model.segmentor.test_cfg.`mode`=slide',
    'optim_wrapper.segmentor.optimizer.lr=`-1`',
    '`val_`cfg=None',
    'val_cfg.`num_images`=-1',
    'default_hooks.checkpoint.`by_epoch`=True',
    '`default_hooks`.checkpoint=None',
    'default_hooks.visualization.`num_images`=0',
    "val_evaluator.ignored_classes=['`terain`']",
)
# The same for a config with both heads and phases.
OPTIONS_OF_HEADS = (
    'model.heads.global_head.`loss_weights`.decode=big',
    'model.heads.global_head.loss_weights.`middle`=1',
    'model.heads.global_head.`channels`=wide',
    'model.heads.local_head.`num_points`=many',
    'model.heads.local_head.`kernel_size`=3',
    'custom_hooks.0.`begin`=1.5',
    "custom_hooks.0.phases=[('`globl`',),()]",
    "custom_hooks.0.`phases`=['global','local']",
)
# Bad entries of a checkpoint that a run is resumed from.
ENTRIES = {
    'meta': lambda run: run.update(meta=[1]),
    'optimizer': lambda run: run['optimizer'].clear(),
    'momentum': lambda run: run['optimizer']['segmentor']['state'][0].update(momentum_buffer=[1]),
    'best_score': lambda run: run['message_hub']['runtime_info'].update(best_score='high'),
}
# Damaged data that train.py reads.
DATA = {
    f'image cut off: `{IMAGE}`': lambda b: b.damage(IMAGE),
    f'16 bits: `{IMAGE}`': lambda b: b.damage(IMAGE, np.full((32, 64), 3000, 'u2')),
    '9400x9400 pixels: `max_megapixels`': lambda b: b.enlarge(IMAGE, 9400, 9400),
    f'named pipe: `{IMAGE}`': lambda b: b.pipe(IMAGE),
    'no data folder: `make_street_scenes`': lambda b: shutil.rmtree(b.data),
    'empty folder: `GTA5/images`': lambda b: [p.unlink() for p in b.data.glob('GTA5/images/*')],
    f'label that is a named pipe: `{LABEL}`': lambda b: b.pipe(LABEL),
    f'label missing: `{LABEL}`': lambda b: (b.data / LABEL).unlink(),
    f'label of another size: `{IMAGE}`': lambda b: b.damage(LABEL, GREY[:16]),
    f'label in colour: `{LABEL}`': lambda b: b.damage(LABEL, np.zeros((32, 64, 3), np.uint8)),
    'label with the id `99`': lambda b: b.damage(LABEL, GREY + np.uint8(92)),
    f'label in JPEG: `{LABEL}`': lambda b: b.damage(LABEL, GREY, 'JPEG'),
}
ONE_SCHEDULE = "param_scheduler = dict(_delete_=True, type='PolyLR', end=9)"
ONE_OPTIMIZER = """
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))
"""
CONCATENATED = """
val_dataloader = test_dataloader = dict(
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[_base_.val_dataloader.dataset])
)
"""
SMALL_IMAGES = """
load, small = dict(type='LoadImage'), dict(type='Resize', scale=(40, 20))
ids, pack = dict(type='LoadTrainIds', ids='gta5'), dict(type='PackSegInputs')
source, target = dict(pipeline=[load, ids, small, pack]), dict(pipeline=[load, small, pack])
train_dataloader = dict(dataset=dict(source=source, target=target))
"""
OTHER_CLASSES = """
other = dict(metainfo=dict(classes=('road', 'car')))
train_dataloader = dict(dataset=dict(target=other))
"""
NO_LABELS = """
test_pipeline = [dict(type='LoadImage'), dict(type='PackSegInputs')]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
"""
# Images of one domain.
NO_PAIRS = """
pipeline = [dict(type='LoadImage'), dict(type='PackSegInputs')]
train_dataloader = dict(
    dataset=dict(_delete_=True, type='GTA5Dataset', data_root='none', pipeline=pipeline)
)
"""
RARE = 'train_dataloader = dict(dataset=dict(source_sampling=dict(type="RareClassSampling", {})))'
STAGE = 'dict(name="a", tool="train", config=CONFIG)'

CASES = {
    'train': {
        **{option: lambda b, o=option: b.train(o.replace('`', '')) for option in OPTIONS},
        **{
            option: lambda b, o=option: b.train(o.replace('`', ''), config=LOCAL)
            for option in OPTIONS_OF_HEADS
        },
        **{f'{what} in `iter_1.pth`': lambda b, c=c: b.resume(c) for what, c in ENTRIES.items()},
        **{what: lambda b, d=damage: after(b.train(), d(b)) for what, damage in DATA.items()},
        '`param_scheduler`.by_epoch=True': lambda b: b.train(config=b.config(ONE_SCHEDULE)),
        '`optim_wrapper` for one': lambda b: b.train(config=b.config(ONE_OPTIMIZER)),
        'images of 20x40 pixels, not `32x32`': lambda b: b.train(
            config=b.config(SMALL_IMAGES, ADAPTSEGNET)
        ),
        'no `LoadTrainIds`': lambda b: b.train(config=b.steps()),
        'ids beyond 8 bits: `300`': lambda b: b.train(
            config=b.steps('"LoadTrainIds", ids={300: 1}')
        ),
        f'data set that lists images only: `{IMAGE}`': lambda b: b.train(
            config=b.steps(
                '"LoadTrainIds", ids={7: 0}',
                more=f'_delete_=True, type="ImageFolderDataset", data_root="{b.data}/GTA5/images"',
            )
        ),
        'no image with so many pixels of a class: `min_pixels=9999`': lambda b: b.train(
            config=b.config(RARE.format('min_pixels=9999'))
        ),
        '`source_sampling.temperature=0`': lambda b: b.train(
            config=b.config(RARE.format('temperature=0'))
        ),
        'damaged `sample_class_stats.json`': lambda b: after(
            b.train(config=b.config(RARE.format('min_pixels=9'))),
            (b.data / 'GTA5/sample_class_stats.json').write_text('[{"file": 3}]'),
        ),
        'domains of different classes: `num_classes`': lambda b: b.train(
            config=b.config(OTHER_CLASSES, ADAPTSEGNET)
        ),
        'no folder of CamVid: `street_scenes/train`': lambda b: b.train(
            f'{SOURCE}.data_root={b.data}', config=CAMVID
        ),
        "no folder of CamVid's: `folders=`": lambda b: b.train(
            f'{SOURCE}.folders=training', config=CAMVID
        ),
        "none of CamVid's `sequences`": lambda b: b.train(
            f'{SOURCE}.data_root={b.path("train/0001TP_1.png", "").parents[1]}',
            f'{SOURCE}.folders=train',
            config=CAMVID,
        ),
        'missing list of images: `none.txt`': lambda b: b.train(
            f'{SOURCE}.ann_file={b.path("none.txt")}'
        ),
        f'list of images that is no text: `{IMAGE}`': lambda b: b.train(
            f'{SOURCE}.ann_file={b.data / IMAGE}'
        ),
        'work dir without a whole checkpoint: `iter_3.pth`': lambda b: after(
            b.train(more=['--resume']), b.path('work/iter_3.pth', 'precious')
        ),
        f'folder in place of a config: `{CONFIGS}`': lambda b: [CONFIGS],
        'syntax error in `own.py`': lambda b: b.train(config=b.path('own.py', 'model = dict(')),
        'config that is its own `_base_`': lambda b: b.train(
            config=b.path('own.py', "_base_ = './own.py'")
        ),
        'part of a config, without `train_dataloader`': lambda b: b.train(
            config=CONFIGS / '_base_/models/deeplabv2_tiny.py'
        )[:3],
        'required option left out: `load_from=`': lambda b: b.train(
            config=b.config('required_options = dict(load_from="weights")')
        ),
        'negative `--seed`': lambda b: b.train(more=['--seed', -1]),
        'option that is not `KEY=VALUE`': lambda b: b.train('train_cfg'),
        '`--launcher pytorch` without torchrun': lambda b: b.train(more=['--launcher', 'pytorch']),
        'other checkpoints (glob characters), no `--resume`': lambda b: b.train(
            more=['--work-dir', b.path('w[xyz]/iter_3.pth', 'precious').parent]
        ),
        '`--work-dir` that is a file': lambda b: b.train(
            more=['--work-dir', b.path('file', 'precious')]
        ),
        f"user's `{SOURCE_ONLY.name}` in the work dir": lambda b: after(
            b.train(), b.path(f'work/{SOURCE_ONLY.name}', 'precious')
        ),
    },
    'test': {
        f'tensor missing: `{FIRST.removeprefix("segmentor.")}`': lambda b: b.test(
            weights=b.checkpoint(**{FIRST: None})
        ),
        'no teacher in the checkpoint: `--weights segmentor`': lambda b: b.test(
            config=MIC, more=['--weights', 'teacher']
        ),
        'official checkpoint: `convert_weights`': lambda b: b.test(
            weights=b.saved({'module.conv1.weight': torch.zeros(1)})
        ),
        'code in `other.pth`': lambda b: b.test(weights=b.saved(Shared)),
        'list in `other.pth`': lambda b: b.test(weights=b.saved([1])),
        'labels without any class: `LoadTrainIds`': lambda b: after(
            b.test(), [b.damage(p, 0 * GREY) for p in b.data.glob('cityscapes/gtFine/val/*/*')]
        ),
        'unknown argument for `--out`': lambda b: b.test(more=['--outt', 'x']),
        '`--out` that is not empty': lambda b: b.test(
            more=['--out', b.path('out/mine', 'precious').parent]
        ),
        '`--show-dir` that is not empty': lambda b: b.test(
            more=['--show-dir', b.path('show/mine', 'precious').parent]
        ),
        '`other_test_dataloaders` in place of ConcatDataset': lambda b: b.test(
            config=b.config(CONCATENATED)
        ),
        '`--tta` of scale 0': lambda b: b.test(more=['--tta', 0]),
        'network without `batch norm` for --adapt bn': lambda b: b.test(
            more=['--adapt', 'bn', '--adapt-images', b.data / VAL]
        ),
        'no target images: `--adapt-images`': lambda b: b.test(more=['--adapt', 'bn']),
        'no such folder: `nowhere`': lambda b: b.test(
            more=['--adapt', 'bn', '--adapt-images', b.folder / 'nowhere']
        ),
        '`--adapt-images` for tent': lambda b: b.test(
            more=['--adapt', 'tent', '--adapt-images', b.data / VAL]
        ),
        '`--adapt-lr` without tent': lambda b: b.test(more=['--adapt-lr', 1]),
        '`--tta` with tent': lambda b: b.test(more=['--adapt', 'tent', '--tta']),
        'diverged network: `TENT`': lambda b: b.test(
            weights=b.checkpoint(**{FIRST: torch.full((19, 128, 3, 3), torch.nan)}),
            more=['--adapt', 'tent'],
        ),
    },
    'infer': {
        'no such image: `none.png`': lambda b: b.infer(b.folder / 'none.png'),
        'two images of the same stem: `a.jpg`': lambda b: b.infer(
            after(b.path('p/a.png', 'x').parent, b.path('p/a.jpg', 'x'))
        ),
        'folder that contains itself: `loop`': lambda b: after(
            b.infer(), (b.data / VAL / 'loop').symlink_to(b.data / VAL)
        ),
        'no checkpoint: `bad.pth`': lambda b: b.infer(weights=b.path('bad.pth', b'garbage')),
        f'network that has diverged: `{VAL}`': lambda b: b.infer(
            weights=b.checkpoint(**{FIRST: torch.full((19, 128, 3, 3), torch.nan)})
        ),
        '`--out` that is not empty': lambda b: after(b.infer(), b.path('out/mine', 'precious')),
    },
    'browse': {
        'model without pairs: `CycleGAN`': lambda b: [CYCLEGAN, '--out', b.folder / 'out'],
        '`--out` that is not empty': lambda b: [
            *(LOCAL, '--out', b.path('out/mine', 'precious').parent)
        ],
        'checkpoint of another model: `source_only.pth`': lambda b: [
            *(LOCAL, '--out', b.folder / 'out', '--checkpoint', b.weights)
        ],
    },
    'embed': {
        '`--out` that is no PNG': lambda b: b.embed(out='out.jpg'),
        "user's `out.json`": lambda b: after(b.embed(), b.path('out.json', 'precious')),
        'two `--names` for one checkpoint': lambda b: b.embed('--names', 'a', 'b'),
        'no labels: `--target-labels`': lambda b: b.embed(config=b.config(NO_LABELS)),
        'no pairs: `train_dataloader.dataset.source`': lambda b: b.embed(config=b.config(NO_PAIRS)),
        f'network that has diverged: `{Path(IMAGE).parent}`': lambda b: b.embed(
            *('--what', 'outputs'),
            weights=b.checkpoint(**{FIRST: torch.full((19, 128, 3, 3), torch.nan)}),
        ),
    },
    'publish': {
        'no segmentor: `CycleGAN`': lambda b: b.publish(
            config=b.config(
                'test_dataloader = dict(batch_size=1, dataset=dict(type="ImageFolderDataset"))',
                CYCLEGAN,
            )
        ),
        'no teacher in `source_only.pth`': lambda b: b.publish(
            '--weights', 'teacher', config=CONFIGS / 'dacs/dacs_deeplabv2-tiny_street-scenes.py'
        ),
        f'network that has diverged: `{FIRST.removeprefix("segmentor.")}`': lambda b: b.publish(
            weights=b.checkpoint(**{FIRST: torch.full((19, 128, 3, 3), torch.nan)})
        ),
        'metrics of another checkpoint: `iter_9.pth`': lambda b: b.publish(
            *b.metrics('{"checkpoint": "iter_9.pth"}')
        ),
        'metrics that are damaged: `m.json`': lambda b: b.publish(*b.metrics('{')),
        'step that cannot be published: `RandomFlip`': lambda b: b.publish(
            config=b.config(
                'steps = [dict(type=t) for t in ("LoadImage", "RandomFlip", "PackSegInputs")]\n'
                'test_dataloader = dict(dataset=dict(pipeline=steps))'
            )
        ),
        '`OUT` that cannot be a folder': lambda b: [
            *(SOURCE_ONLY, b.weights, b.path('file', 'precious') / 'out')
        ],
    },
    'export_onnx': {
        'checkpoint that is not published: `source_only.pth`': lambda b: [
            *(b.weights, b.folder / 'new.onnx')
        ],
        "user's `mine.onnx`": lambda b: [b.published(), b.path('mine.onnx', 'precious')],
        '`--size` of 0x5': lambda b: [b.published(), b.folder / 'new.onnx', '--size', '0x5'],
        '`--opset` for pt2': lambda b: [
            *(b.published(), b.folder / 'new.pt2', '--format', 'pt2', '--opset', 18)
        ],
    },
    'pseudo_label': {
        r'image whose name is not UTF-8: `\xff`': lambda b: after(
            b.label(), b.spoil_name(TARGET_IMAGE)
        ),
        'two images of the same name: `again`': lambda b: after(
            b.label(), shutil.copytree(b.data / TRAIN, b.data / TRAIN / 'again')
        ),
        'config without a `target`': lambda b: b.label(config=SOURCE_ONLY),
        '`--cap` of 2': lambda b: b.label('--cap', 2),
        '`--out` that holds the images': lambda b: b.label(out=b.data),
        'damaged `pseudo_labels.json`': lambda b: after(
            b.label(), b.path('out/pseudo_labels.json', b'{"complete": tr')
        ),
    },
    'translate': {
        'list of an image outside of its folder: `../labels/00004`': lambda b: b.translate(
            '--cfg-options', f'translation_dataset.ann_file={b.path("l.txt", "../labels/00004")}'
        ),
    },
    'check_data': {
        '`--json` that exists': lambda b: [SOURCE_ONLY, '--json', b.path('c.json', 'precious')],
        f'mistyped config for `{SOURCE_ONLY.name}`': lambda b: [
            str(SOURCE_ONLY).replace('tiny', 'tinny')
        ],
        'no data: `default_runtime.py`': lambda b: [CONFIGS / '_base_/default_runtime.py'],
    },
    'compare': {
        'two configs of the same `name`': lambda b: b.compare(
            SOURCE_ONLY, b.path(SOURCE_ONLY.name, f'_base_ = "{SOURCE_ONLY}"')
        ),
        "user's `report.md`": lambda b: after(
            b.compare(SOURCE_ONLY), b.path('work/report.md', 'precious')
        ),
        "user's `curves.png`": lambda b: after(
            b.compare(SOURCE_ONLY),
            b.path('work/report.md', '# Comparison'),
            b.path('work/curves.png', 'precious'),
        ),
        '`--baseline` that is no row': lambda b: b.compare(SOURCE_ONLY, '--baseline', 'none'),
        '`--choose-by` a score with labels': lambda b: b.compare(
            SOURCE_ONLY, '--choose-by', 'mIoU'
        ),
        '`--grid` without values': lambda b: b.compare(
            SOURCE_ONLY, '--grid', 'train_cfg.max_iters'
        ),
        '`--grid` of one key twice': lambda b: b.compare(
            *(SOURCE_ONLY, '--grid', 'train_cfg.max_iters=1', '--grid', 'train_cfg.max_iters=2')
        ),
        'grid of a mistyped key: `train_confg`': lambda b: b.compare(
            SOURCE_ONLY, '--grid', 'train_confg.max_iters=1,2'
        ),
    },
    'plot': {
        'folder without scalars: `street_scenes`': lambda b: [b.data],
        'several runs without `--out`': lambda b: [b.data, b.folder],
        "user's `mine.png`": lambda b: [
            b.shared.trained.parent,
            '--out',
            b.path('mine.png', 'precious'),
        ],
    },
    'run_recipe': {
        'syntax error in `recipe.py`': lambda b: b.recipe('stages = ['),
        'no `stages`': lambda b: b.recipe('stages = []'),
        'unknown tool `trian`': lambda b: b.recipe(f'stages = [{STAGE.replace("train", "trian")}]'),
        '`options` that are no dict': lambda b: b.recipe(f'stages = [dict({STAGE}, options=3)]'),
        "user's file in the folder `work/a`": lambda b: after(
            b.recipe(f'stages = [{STAGE}]'), b.path('work/a/mine', 'precious')
        ),
    },
    'convert_weights': {
        "another network's `source_only.pth`": lambda b: [
            *('adaptsegnet', b.weights, b.folder / 'new.pth')
        ],
        'discriminator of no `--level`': lambda b: [
            *('discriminator', b.weights, b.folder / 'new.pth')
        ],
        "user's `mine.pth`": lambda b: ['adaptsegnet', b.weights, b.path('mine.pth', 'precious')],
    },
    'benchmark': {
        'no such phase: `--phase 2`': lambda b: [SOURCE_ONLY, '--size', '64x32', '--phase', 2],
        'no pixels: `--size 0x10`': lambda b: [SOURCE_ONLY, '--size', '0x10'],
        'three `--size`s of two domains': lambda b: [ADAPTSEGNET, '--size', *3 * ['64x32']],
    },
    'flops': {
        'no segmentor: `CycleGAN`': lambda b: [CYCLEGAN],
        'image that does not fit HRDA: `50x70`': lambda b: [
            CONFIGS / 'hrda/hrda_deeplabv2-tiny_street-scenes.py',
            '--size',
            '70x50',
        ],
    },
    'make_street_scenes': {
        'too small: `height=8`': lambda b: [b.folder / 'new', '--size', '8x8'],
        'folder of another `settings.seed`': lambda b: [b.data, '--seed', 5],
        "user's `mine.png`": lambda b: [
            *(b.folder / 'new', '--preview', b.path('mine.png', 'precious'))
        ],
    },
    'configs': {
        f'mistyped name for `{SOURCE_ONLY.stem}`': lambda b: [
            *('copy', SOURCE_ONLY.stem[1:], b.folder / 'new')
        ],
        'nothing to show: `none`': lambda b: ['show', 'none'],
        "user's `default_runtime.py`": lambda b: after(
            ['copy', SOURCE_ONLY.stem, b.folder / 'new'],
            b.path('new/_base_/default_runtime.py', 'precious'),
        ),
    },
}
