"""UnsupervisedScores against the definitions, and a run that chooses a checkpoint by them."""

import io
import json

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from PIL import Image

from mmseg_gl.evaluation import UnsupervisedScores

MAPS = np.random.default_rng(0).normal(scale=2, size=(3, 4, 6, 5))  # three images, four classes
OTHER = MAPS[:, ::-1].copy()


def score(maps, pixels=20, **metainfo):
    metric = UnsupervisedScores(pixels=pixels)
    for image in maps:  # in several batches
        metric.process({}, [dict(seg_logits=dict(data=torch.tensor(image)), **metainfo)])
    return metric.evaluate(len(maps))


def drawn(maps, pixels=20):
    """The probabilities of the pixels that are drawn, one row each, per image."""
    found = []
    for number, image in enumerate(maps):
        exponents = np.exp(image.reshape(4, -1).T)
        picks = np.random.default_rng(number).integers(30, size=pixels)
        found.append((exponents / exponents.sum(axis=1, keepdims=True))[picks])
    return found


def entropy(p):
    return -sum(x * np.log(x) for x in p)


def test_scores_equal_their_definitions():
    MessageHub.get_instance('scores')
    images = drawn(MAPS)
    rows = [p for image in images for p in image]
    mean_entropy = np.mean([entropy(p) for p in rows])
    density = []
    for image in images:
        for i, p in enumerate(image):
            cosines = [p @ q / np.sqrt((p @ p) * (q @ q)) for j, q in enumerate(image) if j != i]
            weights = np.exp(np.array(cosines) / 0.05)
            density.append(entropy(weights / weights.sum()))
    nuclear = np.sqrt(np.linalg.eigvalsh(np.transpose(rows) @ np.array(rows))).sum()
    expected = {
        'score/entropy': -mean_entropy,
        'score/information': entropy(np.mean(rows, axis=0)) - mean_entropy,
        'score/SND': np.mean(density),
        'score/BNM': nuclear / np.sqrt(60 * 4),
        'score/agreement': 0.0,
    }
    assert score(MAPS) == pytest.approx(expected, abs=1e-5)


def test_agreement_with_the_previous_validation():
    MessageHub.get_instance('agreement')
    before = np.concatenate([p.argmax(axis=1) for p in drawn(MAPS)])
    after = np.concatenate([p.argmax(axis=1) for p in drawn(OTHER)])
    score(MAPS)
    assert score(OTHER)['score/agreement'] == pytest.approx((before == after).mean())
    assert score(OTHER)['score/agreement'] == 1
    assert score(MAPS[:2])['score/agreement'] == 0  # of other images


def test_agreement_after_a_resumption_on_another_device():
    hub = MessageHub.get_instance('device')
    score(MAPS)
    file = io.BytesIO()
    torch.save(hub.state_dict(), file)
    file.seek(0)
    hub.load_state_dict(torch.load(file, map_location='meta', weights_only=False))
    assert score(MAPS)['score/agreement'] == 1


def test_outputs_that_are_not_finite_are_no_error():
    MessageHub.get_instance('nan')
    scores = score(MAPS * np.nan)
    assert np.isnan([scores[f'score/{name}'] for name in ('entropy', 'SND', 'BNM')]).all()


def test_probabilities_are_taken_as_they_are():
    MessageHub.get_instance('probabilities')
    probabilities = np.exp(MAPS) / np.exp(MAPS).sum(axis=1, keepdims=True)
    scores = score(probabilities, upsampled="the teacher's probabilities")
    assert scores == pytest.approx({**score(MAPS), 'score/agreement': 0}, abs=1e-5)


def test_without_any_target_label_a_checkpoint_is_chosen(run, own_street_scenes, tmp_path):
    """The shipped template, whose validation has no labels; what is broken is skipped."""
    folder = own_street_scenes / 'cityscapes'
    images = sorted((folder / 'leftImg8bit' / 'train').rglob('*.png'))
    images[0].write_bytes(b'')
    label = min(own_street_scenes.glob('GTA5/labels/*.png'))
    Image.open(label).resize((60, 30), Image.Resampling.NEAREST).save(label)
    options = [
        f'train_dataloader.dataset.source.data_root={own_street_scenes}/GTA5',
        f'train_dataloader.dataset.target.data_root={folder}/leftImg8bit/train',
        f'val_dataloader.dataset.data_root={folder}/leftImg8bit/train',
        *('train_dataloader.dataset.on_bad_image=skip', 'default_hooks.checkpoint.interval=2'),
        *('train_cfg.max_iters=4', 'train_cfg.val_interval=2'),
        *(f'val_dataloader.{o}' for o in ('num_workers=1', 'prefetch_factor=2', 'timeout=60')),
    ]
    work_dir = tmp_path / 'work'
    outcome = run(
        *('train', 'configs/own_data/template.py', '--work-dir', work_dir),
        *('--cfg-options', *options),
    )
    assert outcome.code == 0, outcome.err
    logs = next(work_dir.glob('*/vis_data/scalars.json')).read_text().splitlines()
    found = {r['step']: r for r in map(json.loads, logs) if 'score/BNM' in r}
    assert list(found) == [2, 4] and all(r['source/mIoU'] > 0 for r in found.values())
    best = max(found, key=lambda step: found[step]['score/BNM'])
    assert [p.name for p in work_dir.glob('best_*')] == [f'best_score_BNM_iter_{best}.pth']
