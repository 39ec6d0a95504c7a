"""Bad input to tools/train.py and tools/test.py: one sentence on stderr, exit code 2."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

from mmseg_gl.apis import load_config

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / 'configs'
CONFIG = CONFIGS / 'source_only/source-only_deeplabv2-tiny_street-scenes.py'
OTHER_CONFIG = CONFIGS / 'source_only/source-only_deeplabv2-vgg16_gta5-to-cityscapes.py'
SOURCE_LABEL = 'GTA5/labels/00004.png'
SOURCE_IMAGE = 'GTA5/images/00004.png'
VAL_STEM = 'val/perlinburg/perlinburg_000000_000019'
VAL_LABEL = f'cityscapes/gtFine/{VAL_STEM}_gtFine_labelIds.png'
VAL_IMAGE = f'cityscapes/leftImg8bit/{VAL_STEM}_leftImg8bit.png'
TOOLS = pytest.mark.parametrize('tool', ['train', 'test'])


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """A checkpoint of the tiny network, not trained."""
    torch.manual_seed(0)
    model = MODELS.build(load_config(CONFIG).model)
    path = tmp_path_factory.mktemp('checkpoint') / 'tiny.pth'
    torch.save(dict(meta={}, state_dict=model.state_dict()), path)
    return path


@pytest.fixture
def launch(run, data_options, street_scenes, checkpoint, tmp_path):
    """Run train or test on the tiny benchmark, with changes."""

    def launch(tool, *arguments, data=street_scenes, config=CONFIG, weights=checkpoint, options=()):
        positional = [config] if tool == 'train' else [config, weights]
        # The first batch has all source images, so that a broken one is met at once.
        always = [*data_options(data, target=False), 'train_dataloader.batch_size=6']
        if '--work-dir' not in arguments:
            arguments = [*arguments, '--work-dir', tmp_path / 'work']
        return run(tool, *positional, *arguments, '--cfg-options', *always, *options)

    return launch


def truncate(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


# The data


@TOOLS
def test_no_data_folder(launch, tool, tmp_path):
    error = launch(tool, data=tmp_path / 'nowhere').error
    assert f'{tmp_path}/nowhere/' in error and 'there is no such folder' in error
    assert 'point data_root of this data set' in error
    assert not (tmp_path / 'work').exists()


@TOOLS
def test_empty_data_folder(launch, tool, own_street_scenes):
    for folder in (own_street_scenes / 'GTA5/images', own_street_scenes / 'cityscapes/leftImg8bit'):
        shutil.rmtree(folder)
        (folder / 'val').mkdir(parents=True)
    assert 'has no images ending in' in launch(tool, data=own_street_scenes).error


@TOOLS
def test_images_without_labels(launch, tool, own_street_scenes):
    label = own_street_scenes / {'train': SOURCE_LABEL, 'test': VAL_LABEL}[tool]
    os.remove(label)
    error = launch(tool, data=own_street_scenes).error
    assert 'images have no label' in error and str(label) in error


@TOOLS
def test_no_labels_at_all(launch, tool, own_street_scenes):
    shutil.rmtree(own_street_scenes / 'cityscapes/gtFine')
    assert '3 of 3' in launch(tool, data=own_street_scenes).error


@TOOLS
@pytest.mark.parametrize('num_workers', [0, 1])
def test_impossible_id(launch, tool, own_street_scenes, write_png, num_workers):
    label = own_street_scenes / {'train': SOURCE_LABEL, 'test': VAL_LABEL}[tool]
    write_png(label, np.full((32, 64), 99, np.uint8))
    options = [f'{tool}_dataloader.num_workers={num_workers}']
    error = launch(tool, data=own_street_scenes, options=options).error
    assert error.startswith(f'error: the label {label} holds the id 99')


@TOOLS
@pytest.mark.parametrize('what', ['image', 'label'])
def test_truncated_file(launch, tool, own_street_scenes, what):
    names = {'train': (SOURCE_IMAGE, SOURCE_LABEL), 'test': (VAL_IMAGE, VAL_LABEL)}
    path = own_street_scenes / names[tool][what == 'label']
    truncate(path)
    error = launch(tool, data=own_street_scenes).error
    assert error.startswith(f'error: the {what} {path} is truncated')


def test_a_process_of_its_own_prints_one_line_too(own_street_scenes, data_options, tmp_path):
    truncate(own_street_scenes / SOURCE_IMAGE)
    command = [sys.executable, ROOT / 'tools/train.py', CONFIG, '--work-dir', tmp_path / 'work']
    options = [
        *data_options(own_street_scenes, target=False),
        'train_dataloader.num_workers=1',
        'train_dataloader.batch_size=6',
    ]
    outcome = subprocess.run(
        [*map(str, command), '--cfg-options', *options],
        capture_output=True,
        text=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
    )
    assert outcome.returncode == 2
    assert len(outcome.stderr.splitlines()) == 1, outcome.stderr
    assert f'{SOURCE_IMAGE} is truncated' in outcome.stderr


# Checkpoints


class Opaque:
    """An object that unpickling would have to execute code for."""


def write_no_checkpoint(path, content):
    if content == 'pickle':
        path.write_bytes(pickle.dumps(Opaque()))
    elif content == 'object':
        torch.save(dict(state_dict=Opaque()), path)
    elif content == 'list':
        torch.save([torch.zeros(1)], path)
    else:
        path.write_bytes(content)
    return path


@pytest.fixture(params=[b'', b'garbage', 'pickle', 'object', 'list'])
def no_checkpoint(request, tmp_path):
    return write_no_checkpoint(tmp_path / 'bad.pth', request.param)


@pytest.fixture
def start_from():
    """The arguments by which each tool is given a checkpoint."""

    def start_from(tool, path):
        return {'test': dict(weights=path), 'train': dict(options=[f'load_from={path}'])}[tool]

    return start_from


@TOOLS
def test_not_a_checkpoint(launch, start_from, tool, no_checkpoint):
    error = launch(tool, **start_from(tool, no_checkpoint)).error
    assert error.startswith(f'error: {no_checkpoint} is ') and 'not a' in error


def test_resume_from_what_is_no_checkpoint(launch, tmp_path):
    path = write_no_checkpoint(tmp_path / 'bad.pth', b'garbage')
    assert 'damaged or not a PyTorch checkpoint' in launch('train', '--resume', path).error


@TOOLS
def test_missing_checkpoint(launch, start_from, tool, tmp_path):
    path = tmp_path / 'no.pth'
    assert f'there is no checkpoint file {path}' in launch(tool, **start_from(tool, path)).error


def test_resume_from_a_missing_checkpoint(launch, tmp_path):
    error = launch('train', '--resume', tmp_path / 'no.pth').error
    assert error == f'error: --resume: there is no checkpoint file {tmp_path}/no.pth'


@TOOLS
@pytest.mark.parametrize('fault', ['missing', 'shape', 'surplus'])
def test_checkpoint_of_another_model(launch, start_from, checkpoint, tool, tmp_path, fault):
    weights = torch.load(checkpoint)['state_dict']
    name = 'segmentor.decode_head.'
    key = next(key for key in weights if key.startswith(name))
    if fault == 'missing':
        del weights[key]
    elif fault == 'shape':
        weights[key] = weights[key][:1]
    else:
        weights[f'{name}extra'] = weights[key]
    path = tmp_path / 'other.pth'
    torch.save(dict(state_dict=weights), path)
    error = launch(tool, **start_from(tool, path)).error
    assert f"{path} is not a checkpoint of this config's model" in error
    assert (f'{name}extra' if fault == 'surplus' else key) in error


def test_resume_from_another_model(launch, checkpoint, tmp_path):
    weights = torch.load(checkpoint)['state_dict']
    del weights['segmentor.backbone.conv1.weight']
    path = tmp_path / 'other.pth'
    hub = dict(log_scalars={}, runtime_info={}, resumed_keys={})
    run = dict(meta=dict(epoch=0, iter=1), optimizer=dict(segmentor={}), message_hub=hub)
    torch.save(dict(state_dict=weights, **run), path)
    error = launch('train', '--resume', path).error
    assert "is not a checkpoint of this config's model: 1 tensors are missing" in error


@pytest.mark.parametrize('part', ['meta', 'optimizer', 'message_hub'])
def test_resume_from_what_is_no_run(launch, checkpoint, tmp_path, part):
    hub = dict(log_scalars={}, runtime_info={}, resumed_keys={})
    run = dict(meta=dict(epoch=0, iter=1), optimizer=dict(segmentor={}), message_hub=hub)
    path = tmp_path / 'other.pth'
    torch.save({**torch.load(checkpoint), **run, part: {}}, path)
    assert 'not the state of a training run' in launch('train', '--resume', path).error


def test_resume_from_bare_weights(launch, checkpoint):
    error = launch('train', '--resume', checkpoint).error
    assert 'not the state of a training run' in error and 'load_from=' in error


# Configs and options


@TOOLS
def test_missing_config_names_the_nearest(launch, tool):
    config = str(CONFIG).replace('tiny', 'tinny')
    assert f'no config file {config}; did you mean {CONFIG}?' in launch(tool, config=config).error


@TOOLS
@pytest.mark.parametrize('content', ['model = dict(', 'model = nowhere', '_base_ = "./gone.py"'])
def test_broken_config(launch, tool, tmp_path, content):
    config = tmp_path / 'broken.py'
    config.write_text(content)
    assert f'cannot read the config {config}: ' in launch(tool, config=config).error


@TOOLS
def test_part_of_a_config(run, checkpoint, tool):
    config = CONFIGS / '_base_/models/deeplabv2_tiny.py'
    error = run(tool, config, *([checkpoint] if tool == 'test' else [])).error
    assert f'the config {config} has no {tool}_dataloader' in error


@TOOLS
@pytest.mark.parametrize(
    'option, words',
    [
        ('train_confg.max_iters=3', 'has no key "train_confg"; did you mean "train_cfg"'),
        ('default_hooks.checkpont.interval=1', 'did you mean "checkpoint"'),
        ('train_cfg.max_itres=3', 'no option "max_itres"; did you mean "max_iters"'),
        ('model.segmentor.decode_head.num_class=2', 'did you mean "num_classes"'),
        ('model.segmentor.type=MultiOutputEncoderDecodr', 'mean "MultiOutputEncoderDecoder"'),
        ('train_dataloader.dataset.source.pipeline.7.x=1', 'is a list of 4'),
        ('work_dir.deep=1', "work_dir is '"),
        ('train_cfg.max_iters=2.5', 'expected a whole number, at least 1'),
        ('train_dataloader.batch_size=0', 'expected a whole number, at least 1'),
        ('val_dataloader.batch_size=two', 'expected a whole number, at least 1'),
        ('randomness.seed=-1', 'expected a whole number, at least 0'),
        ('train_cfg.max_iters', 'expected KEY=VALUE'),
        ('model.segmentor.backbone.strides=[1,2', 'expected KEY=VALUE'),
    ],
)
def test_bad_option(launch, tool, option, words, tmp_path):
    config = tmp_path / 'own.py'
    config.write_text(f'_base_ = {str(CONFIG)!r}\nwork_dir = "elsewhere"')
    error = launch(tool, config=config, options=[option]).error
    assert option.split('=')[0].split('.')[0] in error and words in error


def test_typo_of_a_type_in_the_config_file(launch, tmp_path):
    config = tmp_path / 'own.py'
    head = 'dict(type="DeepLabV2Hed")'
    config.write_text(f'_base_ = {str(CONFIG)!r}\nmodel = dict(segmentor=dict(decode_head={head}))')
    error = launch('train', config=config).error
    assert 'model.segmentor.decode_head.type' in error and 'did you mean "DeepLabV2Head"' in error


@pytest.mark.parametrize('seed', [-1, 2**32])
def test_seed_out_of_range(launch, seed):
    assert f'--seed {seed}: expected a number from 0' in launch('train', '--seed', seed).error


@pytest.mark.skipif(torch.cuda.is_available(), reason='--amp fp16 works here')
def test_amp_without_a_gpu(launch, monkeypatch):
    assert '--amp fp16 needs a GPU' in launch('train', '--amp', 'fp16').error
    monkeypatch.setattr(torch.ops.mkldnn, '_is_mkldnn_bf16_supported', lambda: False)
    assert 'this CPU has no fast bfloat16 instructions' in launch('train', '--amp').error


def test_paper_config_without_imagenet_weights(launch, tmp_path):
    weights = tmp_path / 'vgg16.pth'
    options = [f'model.segmentor.backbone.init_cfg.checkpoint={weights}']
    error = launch('train', config=OTHER_CONFIG, options=options).error
    assert f'there is no file {weights}' in error
    assert 'vgg16_caffe' in error  # says where to get them


# What is there already


@pytest.fixture
def used_work_dir(tmp_path):
    work_dir = tmp_path / 'used'
    work_dir.mkdir()
    (work_dir / 'iter_3.pth').write_bytes(b'precious')
    return work_dir


def test_work_dir_that_holds_checkpoints(launch, used_work_dir):
    error = launch('train', '--work-dir', used_work_dir).error
    assert f'{used_work_dir} already holds checkpoints: go on with --resume' in error
    assert [path.name for path in used_work_dir.iterdir()] == ['iter_3.pth']


def test_resume_does_not_start_anew_over_checkpoints(launch, used_work_dir):
    error = launch('train', '--resume', '--work-dir', used_work_dir).error
    assert 'no checkpoint in' in error and '--resume CKPT' in error
    assert (used_work_dir / 'iter_3.pth').read_bytes() == b'precious'


@TOOLS
def test_file_in_place_of_the_work_dir(launch, tool, tmp_path):
    (tmp_path / 'file').write_text('precious')
    for work_dir in (tmp_path / 'file', tmp_path / 'file/work'):
        error = launch(tool, '--work-dir', work_dir).error
        assert f'--work-dir {work_dir} cannot be made' in error
    assert (tmp_path / 'file').read_text() == 'precious'


@pytest.mark.parametrize('option', ['--out', '--show-dir'])
def test_file_in_place_of_an_output_folder(launch, tmp_path, option):
    (tmp_path / 'file').write_text('precious')
    assert (
        f'{option} {tmp_path}/file cannot be made'
        in launch('test', option, tmp_path / 'file').error
    )


def test_out_that_is_not_empty(launch, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/mine.png').write_text('precious')
    error = launch('test', '--out', tmp_path / 'out').error
    assert f'--out {tmp_path}/out is not empty; choose a new folder' in error
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['mine.png']


def test_other_metrics_are_kept(launch, checkpoint, tmp_path):
    work_dir = tmp_path / 'work'
    work_dir.mkdir()
    (work_dir / 'metrics.json').write_text('precious')
    assert launch('test').code == 0
    new = (work_dir / 'metrics.json').read_text()
    assert json.loads(new)['checkpoint'] == str(checkpoint)
    assert (work_dir / 'metrics.1.json').read_text() == 'precious'

    assert launch('test').code == 0  # the same figures again: nothing to keep
    assert sorted(path.name for path in work_dir.glob('*.json')) == [
        'metrics.1.json',
        'metrics.json',
    ]
    other = shutil.copy(checkpoint, tmp_path / 'other.pth')
    assert launch('test', weights=other).code == 0
    assert (work_dir / 'metrics.2.json').read_text() == new


def test_the_checkpoint_of_the_command_line_counts(launch, checkpoint, tmp_path):
    """... and not a load_from in the config, which mmengine would load after it."""
    assert launch('test', options=[f'load_from={tmp_path}/gone.pth']).code == 0
