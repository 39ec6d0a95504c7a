"""What a config's values do wrong where they are used."""

import os
import textwrap
import traceback

MOST = 400  # characters of an exception's words, which may hold whole configs
RUNNER = os.path.join('mmengine', 'runner', 'runner.py')
# The runner's methods that read a part of the config, and that part.
SECTIONS = {
    '__init__': 'parts together',
    'setup_env': 'env_cfg',
    'build_log_processor': 'log_processor',
    'build_visualizer': 'visualizer',
    'build_model': 'model',
    'wrap_model': 'model_wrapper_cfg',
    'build_optim_wrapper': 'optim_wrapper',
    'build_param_scheduler': 'param_scheduler',
    'build_dataloader': 'data loaders',
    'build_evaluator': 'evaluators',
    'build_train_loop': 'train_cfg',
    'build_val_loop': 'val_cfg',
    'build_test_loop': 'test_cfg',
    'register_default_hooks': 'default_hooks',
    'register_custom_hooks': 'custom_hooks',
}


def build_error(error):
    """Say in a sentence what went wrong while a part of a config was built.

    Args:
        error (Exception): Any exception.

    Returns:
        str | None: The sentence; None if no part of a config was being built.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    reason = str(error) or traceback.extract_tb(error.__traceback__)[-1].line  # of an assertion
    reason = textwrap.shorten(f'{type(error).__name__}: {reason}', MOST, placeholder=' ...')
    built = [
        frame.f_locals
        for frame in frames
        if frame.f_code.co_name == 'build_from_cfg' and 'obj_cls' in frame.f_locals
    ]
    if built:
        args = built[-1].get('args', {})
        name = getattr(built[-1]['obj_cls'], '__name__', None) or args.get('type', 'part')
        given = ', '.join(
            f'{key}={value!r}'
            for key, value in args.items()
            if isinstance(value, (str, int, float, list, tuple, type(None)))
        )
        return (
            f"the config's {name} cannot be built ({reason}); check its options: {given or 'none'}"
        )
    if any(frame.f_code.co_name == 'build_from_cfg' for frame in frames):
        return f'a part of the config cannot be built ({reason}); check that it is dict(type=...)'
    read = [
        SECTIONS[frame.f_code.co_name]
        for frame in frames
        if frame.f_code.co_filename.endswith(RUNNER) and frame.f_code.co_name in SECTIONS
    ]
    return f"the config's {read[-1]} cannot be used ({reason})" if read else None
