"""What a config's values do wrong where they are used."""

import traceback


def build_error(error):
    """Say in a sentence what went wrong while a part of a config was built.

    Args:
        error (Exception): Any exception.

    Returns:
        str | None: The sentence; None if no part of a config was being built.
    """
    built = [
        frame.f_locals
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_name == 'build_from_cfg' and 'obj_cls' in frame.f_locals
    ]
    if not built:
        return None
    name = getattr(built[-1]['obj_cls'], '__name__', built[-1]['obj_cls'])
    given = ', '.join(
        f'{key}={value!r}'
        for key, value in built[-1].get('args', {}).items()
        if isinstance(value, (str, int, float, list, tuple, type(None)))
    )
    reason = f'{type(error).__name__}: {error}'
    return f"the config's {name} cannot be built ({reason}); check its options: {given or 'none'}"
