from __future__ import annotations

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_gl.engine.checkpoint import unwrapped
from mmseg_gl.engine.plain_values import check_info, has_form
from mmseg_gl.errors import UserError

BEGINS = 'phase_begins'  # key in the message hub of the iterations that shares stand for


@HOOKS.register_module()
class PhaseHook(Hook):
    """Activate heads, losses and views by phases of the run.

    ::

        phases=[
            dict(begin=0, active=['global_head']),
            dict(begin=0.5, active=['global_head', 'local_head']),
            dict(begin=0.8, active=['local_head', 'mix'], restart_lr=0.5),
        ]

    A part that no phase names is always active. The phase depends on the iteration alone, so a
    resumed run is in the right one. ``restart_lr`` takes effect once, before the first iteration of
    its phase, and is part of every later checkpoint.

    Args:
        phases: In order, each a dict of

            - ``begin``: First iteration, counted from 0 (int); or a share of the run's iterations,
              0.0 to 1.0 (float). The first phase begins at 0. A share refers to the iterations that
              the run has when it starts; if it is resumed with more or fewer, the phases still
              begin at the same iterations.
            - ``active``: Names of the model's heads, losses and views; a head's name may be given
              without ``_head``.
            - ``restart_lr``: Set the learning rates to this multiple of their initial values, for
              all optimizers (float) or by optimizer name (dict); the schedulers continue from there
              (a PolyLR for this phase alone needs ``begin=begin``). If left out, the learning rates
              stay unchanged. Not for the first phase.

    Raises:
        UserError: For malformed or unordered phases, or a part or optimizer that there is not.
    """

    def __init__(self, phases: Sequence[dict]) -> None:
        name = type(self).__name__
        for phase in phases:
            if set(phase) - {'begin', 'active', 'restart_lr'} or isinstance(
                phase.get('active', ''), str
            ):
                raise UserError(
                    f'{name}: {dict(phase)} is not a phase; expected dict(begin=..., active=[names '
                    'of heads, losses and views]) and, optionally, restart_lr'
                )
            begin = phase.get('begin')
            share = isinstance(begin, float) and 0 <= begin <= 1
            if not share and not (isinstance(begin, int) and begin >= 0):
                raise UserError(
                    f'{name}: begin={begin!r}; expected an iteration (a whole number >= 0) or a '
                    'share of the run (0.0 to 1.0)'
                )
            restart = phase.get('restart_lr')
            if not any(has_form(restart, form) for form in (type(None), float, {str: float})):
                raise UserError(
                    f'{name}: restart_lr={restart!r}; expected a number, or a dict of numbers by '
                    'optimizer'
                )
        if not phases or phases[0]['begin'] != 0 or phases[0].get('restart_lr'):
            raise UserError(f'{name}: the first phase must have begin=0, and no restart_lr')
        self.phases = [dict(phase) for phase in phases]

    def before_resume(self, runner: Runner, checkpoint: dict) -> None:
        check_info(checkpoint, {BEGINS: {str: int}})

    def before_train(self, runner: Runner) -> None:
        begins = dict(runner.message_hub.get_info(BEGINS, {}))
        for phase in self.phases:
            if isinstance(phase['begin'], float):
                share = str(phase['begin'])
                phase['begin'] = begins.setdefault(share, round(phase['begin'] * runner.max_iters))
        runner.message_hub.update_info(BEGINS, begins)
        self.resolve(unwrapped(runner.model), runner.max_iters)
        for phase in self.phases:
            restart, optimizers = phase.get('restart_lr'), list(runner.optim_wrapper.keys())
            for name in set(restart if isinstance(restart, dict) else ()) - set(optimizers):
                raise UserError(
                    f'{type(self).__name__}: restart_lr names "{name}", but the optimizers are '
                    f'{", ".join(optimizers)}'
                )
        self.phase: int | None = None

    def resolve(self, model: BaseModel, max_iters: int) -> None:
        """Convert shares to iterations, and names to full names of the model's parts."""
        parts = [name for names in model.names.values() for name in names]
        for phase in self.phases:
            if isinstance(phase['begin'], float):
                phase['begin'] = round(phase['begin'] * max_iters)
            phase['active'] = [
                name if name in parts or f'{name}_head' not in parts else f'{name}_head'
                for name in phase['active']
            ]
            for name in set(phase['active']) - set(parts):
                raise UserError(
                    f'{type(self).__name__}: a phase names "{name}", but the model has no such '
                    f'part, only {", ".join(parts) or "its segmentor"}; add it or change phases'
                )
        for index in range(len(self.phases)):
            self.check_aligned(model, self.active(set(parts), index))
        begins = [phase['begin'] for phase in self.phases]
        if begins != sorted(begins):
            raise UserError(
                f'{type(self).__name__}: the phases begin at {begins}; put them in order'
            )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        phase = max(i for i, p in enumerate(self.phases) if p['begin'] <= runner.iter)
        if phase and runner.iter == self.phases[phase]['begin']:
            restart_lr(runner.optim_wrapper, self.phases[phase].get('restart_lr'))
        if phase != self.phase:
            self.phase = phase
            model = unwrapped(runner.model)
            self.enter(model, phase)
            runner.message_hub.update_info('phase', phase + 1)
            runner.logger.info(
                f'Phase {phase + 1} from iteration {runner.iter}: active: '
                f'{", ".join(sorted(model.active)) or "the segmentor alone"}'
            )

    def check_aligned(self, model: BaseModel, active: set[str]) -> None:
        """Raise a UserError for heads without the view whose images they compare."""
        heads = sorted(active & set(model.names.get('heads', ())))
        aligned = getattr(model, 'aligned', 'target')
        if heads and aligned in model.names.get('views', ()) and aligned not in active:
            raise UserError(
                f'{type(self).__name__}: a phase has {", ".join(heads)}, but not "{aligned}", the '
                f"view of model.aligned; activate both, or set model.aligned='target'"
            )

    def active(self, names: set[str], phase: int) -> set[str]:
        """Return which names are active in a phase; those that no phase names stay as they are."""
        named = {name for p in self.phases for name in p['active']}
        return (names - named) | set(self.phases[phase]['active'])

    def enter(self, model: BaseModel, phase: int) -> None:
        """Activate the parts of the phase at an index."""
        model.active = self.active(model.active, phase)


def restart_lr(optim_wrapper: OptimWrapperDict, factor: float | dict[str, float] | None) -> None:
    """Set learning rates to multiples of their initial values; see :class:`PhaseHook`."""
    for name, wrapper in optim_wrapper.items():
        own = factor.get(name) if isinstance(factor, dict) else factor
        if own is not None:
            for group in wrapper.param_groups:
                group['lr'] = own * group['initial_lr']
