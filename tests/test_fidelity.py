"""Two rows of the fidelity report, and that the report can fail. `make fidelity` runs all rows."""

from dataclasses import replace

import pytest

from tests import fidelity

ROWS = {row.name: row for row in fidelity.ROWS}
SMALL = replace(ROWS['adaptsegnet-vgg16'], sizes=((33, 120), (40, 32)))


@pytest.mark.parametrize(
    'row, iterations', [(SMALL, 2), (ROWS['minent'], 1)], ids=['vgg16', 'minent']
)
def test_steps_equal_the_references(row, iterations):
    differences = fidelity.compare(row, iterations=iterations)
    assert not differences.beyond()
    assert not differences.left_out
    assert set(differences.largest) == set(fidelity.QUANTITIES)


@pytest.mark.parametrize(
    'option, value, seen',
    [
        ('model.heads.global_head.loss_weights.decode', 1.1e-3, {'losses', 'gradients', 'updates'}),
        ('optim_wrapper.heads.optimizer.lr', 1.1e-4, {'weights'}),
        ('param_scheduler.0.end', 150_001, {'updates'}),  # poly over 150 000 iterations
    ],
)
def test_a_changed_constant_is_seen(option, value, seen):
    differences = fidelity.compare(SMALL, {option: value})
    assert seen <= set(differences.beyond(1e-6)), differences.largest


def test_a_changed_constant_fails_the_report(monkeypatch, capsys):
    monkeypatch.setattr(fidelity, 'ROWS', [replace(SMALL, heads={'global': dict(decode=2e-3)})])
    assert fidelity.main([]) == 1
    captured = capsys.readouterr()
    assert '| AdaptSegNet | VGG-16, 2 branches | SGD, `papers` | ' in captured.out
    assert captured.out.endswith('NOT all are at most 1e-09.\n')
    assert 'adaptsegnet-vgg16: losses: 0.5 at loss_adv_global_decode' in captured.err
