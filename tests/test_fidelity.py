"""The training steps of all methods equal straight-line ones, here on narrow networks.

`make fidelity` compares them at their real widths.
"""

from dataclasses import replace

import pytest

from tests import fidelity

MIT = {fidelity.DAFORMER: dict(sizes=2 * ((32, 64),)), fidelity.HRDA: dict(sizes=2 * ((64, 64),))}
ROWS = [
    replace(row, narrow=True, images=2, iterations=2, **MIT.get(row.network, {}))
    for row in fidelity.ROWS
]
VGG = next(row for row in ROWS if row.network == fidelity.VGG)


@pytest.mark.parametrize('row', ROWS, ids=lambda row: row.name)
def test_steps_equal_the_references(row):
    differences = fidelity.compare(row)
    assert not differences.beyond()
    biases_before_a_norm = row.network in (fidelity.CYCLEGAN, fidelity.HRDA)
    assert bool(differences.left_out) == biases_before_a_norm


@pytest.mark.parametrize(
    'option, value, seen',
    [
        ('model.heads.global_head.loss_weights.decode', 1.1e-3, {'losses', 'gradients', 'updates'}),
        ('optim_wrapper.heads.optimizer.lr', 1.1e-4, {'weights'}),
        ('param_scheduler.0.end', 150_001, {'updates'}),  # poly over 150 000 iterations
    ],
)
def test_a_changed_constant_is_seen(option, value, seen):
    differences = fidelity.compare(VGG, {option: value})
    assert seen <= set(differences.beyond(1e-6)), differences.largest


def test_a_changed_constant_fails_the_report(monkeypatch, capsys):
    monkeypatch.setattr(fidelity, 'ROWS', [replace(VGG, heads={'global': dict(decode=2e-3)})])
    assert fidelity.main([]) == 1
    captured = capsys.readouterr()
    assert '| AdaptSegNet | VGG-16, 2 branches | SGD, `papers` | ' in captured.out
    assert 'adaptsegnet-vgg16: losses: 0.5 at loss_adv_global_decode' in captured.err
