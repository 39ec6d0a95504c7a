import os

from mmengine.hooks import Hook
from mmengine.runner.checkpoint import load_state_dict
from mmseg.registry import HOOKS

from mmseg_gl.engine.checkpoint import read_checkpoint, unwrapped
from mmseg_gl.errors import UserError


@HOOKS.register_module()
class TwoPhaseHook(Hook):
    """Say which discriminator heads are active: phase 1 before iteration ``begin``, then phase 2.

    The phase is a function of the iteration alone, so that a resumed run is in the right one. What
    happens once at the switch (``restart_lr``, ``load_best``) happens before iteration ``begin``
    and is part of every later checkpoint.

    Args:
        begin (int | float): First iteration of phase 2, counted from 0; or a share of the run's
            iterations, between 0 and 1.
        phases (Sequence[Sequence[str]]): Active heads of phase 1 and of phase 2, of 'global' and
            'local', e.g. ``[('global',), ('global', 'local')]``.
        restart_lr (float | dict[str, float] | None): Set the learning rates at the switch to this
            multiple of their initial values, for all optimizers or per optimizer name; the
            schedulers go on from there (a PolyLR of phase 2's own needs ``begin=begin``). None
            leaves them.
        load_best (bool): Start phase 2 from the weights of phase 1's best checkpoint
            (``CheckpointHook(save_best=...)``), with fresh optimizer states.

    Raises:
        UserError: When a phase names an unknown head or one that the model does not have, or there
            is no best checkpoint to load.
    """

    def __init__(self, begin, phases, restart_lr=None, load_best=False):
        if isinstance(phases, str) or any(isinstance(phase, str) for phase in phases):
            raise UserError(
                f'TwoPhaseHook: phases={phases!r}; expected two lists of heads, e.g. '
                "[('global',), ('global', 'local')]; mind the comma in ('global',)"
            )
        if len(phases) != 2:
            raise UserError(f'TwoPhaseHook: phases lists {len(phases)} phases; expected two')
        for head in {head for phase in phases for head in phase} - {'global', 'local'}:
            raise UserError(f'TwoPhaseHook: phases names the head "{head}"; known: global, local')
        share = isinstance(begin, float) and 0 <= begin <= 1
        if not share and not (isinstance(begin, int) and begin >= 0):
            raise UserError(
                f'TwoPhaseHook: begin={begin!r}; expected an iteration (a whole number >= 0) or a '
                'share of the run (0.0 to 1.0)'
            )
        self.begin = begin
        self.phases = [tuple(phase) for phase in phases]
        self.restart_lr = restart_lr
        self.load_best = load_best

    def before_train(self, runner):
        model = unwrapped(runner.model)
        for head in {head for phase in self.phases for head in phase}:
            if getattr(model, f'{head}_head', None) is None:
                raise UserError(
                    f'TwoPhaseHook: phases names "{head}", but the model has no {head}_head; add '
                    'one or change phases'
                )
        if isinstance(self.begin, float):
            self.begin = round(self.begin * runner.max_iters)
        self.phase = None

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.begin:
            self.switch(runner)
        phase = 1 if runner.iter < self.begin else 2
        if phase != self.phase:
            self.phase = phase
            heads = self.phases[phase - 1]
            unwrapped(runner.model).active_heads = tuple(f'{head}_head' for head in heads)
            runner.message_hub.update_info('phase', phase)
            runner.logger.info(
                f'Phase {phase} from iteration {runner.iter}: active heads: '
                f'{", ".join(heads) or "none"}'
            )

    def switch(self, runner):
        if self.load_best:
            self.load_best_weights(runner)
        if self.restart_lr is not None:
            for name, wrapper in runner.optim_wrapper.items():
                factor = self.restart_lr
                if isinstance(factor, dict):
                    factor = factor.get(name)
                if factor is not None:
                    for group in wrapper.param_groups:
                        group['lr'] = factor * group['initial_lr']

    def load_best_weights(self, runner):
        best = runner.message_hub.get_info('best_ckpt')
        if best is None:
            raise UserError(
                'TwoPhaseHook: load_best=True, but phase 1 has saved no best checkpoint; set '
                "default_hooks.checkpoint.save_best='mIoU' and validate before iteration "
                f'{self.begin}'
            )
        if not os.path.exists(best):
            raise UserError(
                f"TwoPhaseHook: load_best=True, but phase 1's best checkpoint, {best}, is gone; "
                'put it back, or name the weights to start phase 2 from in a run of its own '
                '(--cfg-options load_from=...)'
            )
        load_state_dict(runner.model, read_checkpoint(best)['state_dict'], strict=True)
        for _, wrapper in runner.optim_wrapper.items():
            wrapper.optimizer.state.clear()
        runner.logger.info(f'Phase 2 starts from {best}')
