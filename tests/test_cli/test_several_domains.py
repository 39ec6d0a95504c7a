"""Two sources, two targets and a second test set: from check_data by training to the report."""

import json
from pathlib import Path

import pytest

from mmseg_gl.street_scenes import StreetScenesConfig, generate

CONFIGS = Path(__file__).parents[2] / 'configs'
ADAPTSEGNET = CONFIGS / 'adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'


@pytest.fixture(scope='session')
def elsewhere(tmp_path_factory):
    """A second tiny benchmark: other streets, another light, SYNTHIA's format."""
    folder = tmp_path_factory.mktemp('data') / 'elsewhere'
    settings = dict(height=32, width=64, train=4, val=2, source_format='synthia')
    generate(StreetScenesConfig(seed=5, camera_gap=1.0, **settings), folder, workers=1)
    return folder


@pytest.fixture
def config(street_scenes, elsewhere, monkeypatch, tmp_path):
    """A config of both benchmarks, named like a method's."""
    monkeypatch.setenv('STREET_SCENES', str(street_scenes))
    path = tmp_path / 'adaptsegnet_both.py'
    path.write_text(f"""
_base_ = [{str(ADAPTSEGNET)!r}]
domains = _base_.train_dataloader.dataset
city = dict(_base_.test_dataloader.dataset, data_root='{elsewhere}/cityscapes')
target_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=(64, 32)),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=1,  # the sources have different sizes
    dataset=dict(
        source=[
            dict(
                type='GTA5Dataset',
                data_root='{street_scenes}/GTA5',
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='LoadTrainIds', ids='gta5'),
                    dict(type='Resize', scale=(96, 48)),
                    dict(type='PackSegInputs'),
                ],
            ),
            dict(
                type='SYNTHIADataset',
                data_root='{elsewhere}/SYNTHIA',
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='LoadTrainIds', ids='synthia'),
                    dict(type='PackSegInputs'),
                ],
            ),
        ],
        target=[
            dict(domains.target, pipeline=target_pipeline),
            dict(
                domains.target, data_root='{elsewhere}/cityscapes', pipeline=target_pipeline
            ),
        ],
        source_weights=[1, 2],
    ),
)
other_test_dataloaders = dict(elsewhere=dict(_base_.test_dataloader, dataset=city))
train_cfg = dict(max_iters=2, val_interval=2)
del domains, city
""")
    return path


@pytest.mark.slow
def test_train_test_and_compare(run, config, street_scenes, elsewhere, tmp_path):
    outcome = run('check_data', config, '--workers', 1)
    assert outcome.code == 0, outcome.out
    for line in (
        f'source 1 (GTA5Dataset): {street_scenes}/GTA5/images',
        f'source 2 (SYNTHIADataset): {elsewhere}/SYNTHIA/RGB',
        f'target 2 (CityscapesDataset): {elsewhere}/cityscapes/leftImg8bit/train',
        f'elsewhere test (CityscapesDataset): {elsewhere}/cityscapes/leftImg8bit/val',
    ):
        assert line in outcome.out.splitlines()

    compared = run('compare', config, '--work-dir', tmp_path / 'compare')
    assert compared.code == 0, compared.err
    seed_dir = tmp_path / 'compare/adaptsegnet_both/seed_0'
    metrics = json.loads((seed_dir / 'test/metrics.json').read_text())
    assert list(metrics['other_test_sets']) == ['elsewhere']
    other = metrics['other_test_sets']['elsewhere']
    assert set(other) == set(metrics) - {'checkpoint', 'weights_sha256', 'other_test_sets'}
    first = {name: metrics[name] for name in other}
    assert other != first
    report = (tmp_path / 'compare/report.md').read_text()
    assert f'\n| adaptsegnet | {other["mIoU"]:.1f} |\n' in report
    assert f'\n- elsewhere: {other["protocol"]}\n' in report
    assert len(list((seed_dir / 'test/predictions/elsewhere').iterdir())) == 2

    # The other way round the figures are the same.
    swap = ['--cfg-options', f'test_dataloader.dataset.data_root={elsewhere}/cityscapes']
    swap += [f'other_test_dataloaders.elsewhere.dataset.data_root={street_scenes}/cityscapes']
    work_dir = tmp_path / 'swapped'
    outcome = run('test', config, seed_dir / 'iter_2.pth', '--work-dir', work_dir, *swap)
    assert outcome.code == 0, outcome.err
    assert outcome.out.index('2 images, ') < outcome.out.index('3 images, ')
    swapped = json.loads((work_dir / 'metrics.json').read_text())
    assert {name: swapped[name] for name in other} == other
    assert swapped['other_test_sets']['elsewhere'] == first
    logs = sorted(path.name for path in work_dir.glob('*/*.json'))
    assert len(logs) == 2 and logs[1] == logs[0].replace('.json', '_elsewhere.json')


def test_resuming_with_other_weights(run, config, tmp_path):
    arguments = [config, '--work-dir', tmp_path / 'work']
    assert run('train', *arguments).code == 0
    resume = [*arguments, '--resume', '--cfg-options', 'train_cfg.max_iters=3']
    key = 'train_dataloader.dataset.source_weights'
    error = run('train', *resume, f'{key}=[1,1]').error
    assert f'{key}.1 ' in error
    assert run('train', *resume).code == 0


def test_benchmark_takes_the_size_of_the_first(run, config):
    outcome = run('benchmark', config, '--iters', 1)
    assert outcome.code == 0, outcome.err
    figures = json.loads(outcome.out.splitlines()[-1])
    assert figures['sizes'] == dict(source='96x48', target='64x32')
