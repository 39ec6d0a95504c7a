"""Training on labels that are ignored altogether: a warning that says where to look."""

import re
from pathlib import Path

import numpy as np

CONFIG = Path(__file__).parents[2] / (
    'configs/source_only/source-only_deeplabv2-tiny_street-scenes.py'
)


def test_ignored_labels_are_said_and_said_again(
    run, data_options, own_street_scenes, write_png, tmp_path
):
    options = [*data_options(own_street_scenes, target=False), 'train_cfg.val_interval=100']
    options += [f'default_hooks.ignored_labels.{option}' for option in ('patience=3', 'pause=2')]
    options += ['train_dataloader.batch_size=6', 'train_cfg.max_iters=6']

    def warnings(name, *more):
        work_dir = tmp_path / name
        arguments = ['--work-dir', work_dir, '--resume', '--cfg-options', *options, *more]
        assert run('train', CONFIG, *arguments).code == 0
        text = ''.join(path.read_text() for path in sorted(work_dir.glob('*/*.log')))
        return re.findall(r'in the last (\d+) iterations every pixel .* ids of LoadTrainIds', text)

    for path in (own_street_scenes / 'GTA5/labels').iterdir():
        write_png(path, np.zeros((32, 64), np.uint8))
    assert warnings('ignored') == ['3', '5']
    assert warnings('resumed', 'train_cfg.max_iters=2') == []
    assert warnings('resumed') == ['3', '5']
    write_png(path, np.full((32, 64), 7, np.uint8))  # one of six is enough
    assert warnings('labelled') == []
