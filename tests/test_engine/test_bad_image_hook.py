"""A training run over broken images: named, counted, resumed."""

from pathlib import Path

import pytest

from mmseg_gl.weights.files import read_checkpoint

CONFIG = Path(__file__).parents[2] / (
    'configs/adaptsegnet/adaptsegnet_deeplabv2-tiny_street-scenes.py'
)


@pytest.mark.slow
def test_broken_images_are_named_and_counted(run, data_options, own_street_scenes, tmp_path):
    bad = own_street_scenes / 'GTA5/images/00004.png'
    bad.write_bytes(bad.read_bytes()[:100])
    options = [*data_options(own_street_scenes), 'train_cfg.val_interval=100']
    options += ['train_dataloader.dataset.on_bad_image=skip', 'train_dataloader.batch_size=6']
    work_dir = tmp_path / 'work'

    def train(iterations):
        changes = [*options, f'train_cfg.max_iters={iterations}']
        return run('train', CONFIG, '--work-dir', work_dir, '--resume', '--cfg-options', *changes)

    assert train(2).code == 0  # two epochs of six images
    text = next(work_dir.glob('*/*.log')).read_text()
    assert text.count(f'the image {bad} is truncated') == 1
    assert '1 files could not be used, 2 times in all' in text
    assert train(3).code == 0
    counts = read_checkpoint(work_dir / 'iter_3.pth')['message_hub']['runtime_info']['bad_images']
    assert list(counts.values()) == [3]
