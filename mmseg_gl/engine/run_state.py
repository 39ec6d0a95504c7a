"""State of the optimizers and schedules of a run, which a resumed run must find unchanged."""

import torch
from mmengine.optim import OptimWrapperDict


def scheduler_states(schedulers: dict | list | None) -> dict:
    """Return the states of the parameter schedulers by 'OPTIMIZER.NUMBER'."""
    if not isinstance(schedulers, dict):
        schedulers = {'': schedulers or []}
    return {
        f'{name}.{number}': scheduler.state_dict()
        for name, own in schedulers.items()
        for number, scheduler in enumerate(own)
    }


def group_settings(optim_wrapper: OptimWrapperDict) -> dict:
    """Return the settings of the parameter groups by the optimizer's name."""
    return {
        name: [{k: v for k, v in group.items() if k != 'params'} for group in wrapper.param_groups]
        for name, wrapper in optim_wrapper.items()
    }


def check_optimizers(optim_wrapper: OptimWrapperDict) -> None:
    """Raise a ValueError unless all optimizer state is tensors of their parameters' shapes."""
    for name, wrapper in optim_wrapper.items():
        for parameter, state in wrapper.optimizer.state.items():
            for key, value in state.items():
                if key != 'step' and not isinstance(value, torch.Tensor | None):
                    raise ValueError(f'{key} of the optimizer {name} is not a tensor')
                if isinstance(value, torch.Tensor) and value.dim():
                    if value.shape != parameter.shape:
                        raise ValueError(f'{key} of the optimizer {name} has another shape')
