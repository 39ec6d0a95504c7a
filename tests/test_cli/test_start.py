"""Where training starts from: a checkpoint alone, without the ImageNet file."""

import re
from pathlib import Path

import torch
from mmseg.registry import MODELS

from mmseg_gl.config.load import load_config

CONFIG = Path(__file__).parents[2] / (
    'configs/source_only/source-only_deeplabv2-tiny_street-scenes.py'
)


def test_starts_and_resumes_without_the_imagenet_file(run, data_options, street_scenes, tmp_path):
    model = MODELS.build(load_config(CONFIG).model)
    start = tmp_path / 'start.pth'
    torch.save(dict(state_dict=model.state_dict()), start)
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = ['{CONFIG}']\n"
        'model = dict(segmentor=dict(backbone=dict(init_cfg=dict(_delete_=True,'
        " type='Pretrained', checkpoint='there/is/none.pth'))))\n"
    )
    options = [*data_options(street_scenes, target=False), 'train_cfg.val_interval=9']
    command = ['train', config, '--work-dir', tmp_path / 'work']
    error = run(*command, '--cfg-options', *options, 'train_cfg.max_iters=1').error
    assert 'there/is/none.pth' in error
    frozen = ['optim_wrapper.segmentor.optimizer.lr=0.0', f'load_from={start}']
    for iterations in (1, 2):  # from load_from (--resume finds nothing), then from iter_1.pth
        changes = [*options, *frozen, f'train_cfg.max_iters={iterations}']
        intervals = [f'default_hooks.{hook}.interval=1' for hook in ('checkpoint', 'logger')]
        outcome = run(*command, '--resume', '--cfg-options', *changes, *intervals)
        assert outcome.code == 0, outcome.err
        assert len(outcome.out.split('Iter(train)')[0].splitlines()) < 20
        assert not re.search('FileClient|HardDiskBackend', outcome.out + outcome.err)
        logs = [path.read_text() for path in (tmp_path / 'work').glob('*/*.log')]
        assert all('Config:' in log and 'RuntimeInfoHook' in log for log in logs) and logs
        trained = torch.load(tmp_path / 'work' / f'iter_{iterations}.pth', weights_only=False)
        for key, value in model.state_dict().items():
            assert torch.equal(trained['state_dict'][key], value)
