from __future__ import annotations

from collections.abc import Sequence

from mmseg.registry import HOOKS

from mmseg_gl.engine.hooks.phase_hook import PhaseHook
from mmseg_gl.errors import UserError


@HOOKS.register_module()
class TwoPhaseHook(PhaseHook):
    """PhaseHook with two phases, the second from iteration ``begin``: the paper's steps in one run.

    Args:
        begin: First iteration of phase 2; see :class:`PhaseHook`.
        phases: Active parts of phase 1 and of phase 2, e.g. ``[('global_head',), ('local_head',)]``
            for one after the other, or ``[(), ('local_head',)]`` to add one to the parts that are
            always active.
        restart_lr: Multiples of the initial learning rates in phase 2; see :class:`PhaseHook`.

    Raises:
        UserError: Unless there are two; see :class:`PhaseHook`.
    """

    def __init__(
        self,
        begin: int | float,
        phases: Sequence[Sequence[str]],
        restart_lr: float | dict[str, float] | None = None,
    ) -> None:
        if len(phases) != 2:
            raise UserError(f'TwoPhaseHook: phases lists {len(phases)} phases; expected two')
        super().__init__(
            [
                dict(begin=0, active=phases[0]),
                dict(begin=begin, active=phases[1], restart_lr=restart_lr),
            ]
        )
