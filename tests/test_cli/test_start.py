"""Where training starts from: a checkpoint alone, without the ImageNet file."""

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
    assert 'there is no file there/is/none.pth' in error
    frozen = ['optim_wrapper.segmentor.optimizer.lr=0.0', f'load_from={start}']
    for iterations in (1, 2):  # from load_from (--resume finds nothing), then from iter_1.pth
        changes = [*options, *frozen, f'train_cfg.max_iters={iterations}']
        interval = 'default_hooks.checkpoint.interval=1'
        outcome = run(*command, '--resume', '--cfg-options', *changes, interval)
        assert outcome.code == 0, outcome.err
        trained = torch.load(tmp_path / 'work' / f'iter_{iterations}.pth', weights_only=False)
        for key, value in model.state_dict().items():
            assert torch.equal(trained['state_dict'][key], value)
