"""What every command line tool shares: errors are one sentence and exit code 2."""

import sys

from mmseg_gl.errors import UserError


def run_tool(main):
    """Run a tool's ``main`` and turn a :class:`UserError` into one line on stderr.

    Args:
        main (Callable[[], int | None]): The tool; its return value is the exit code (None = 0).

    Raises:
        SystemExit: Always; code 2 for a :class:`UserError`, 130 when interrupted.
    """
    try:
        sys.exit(main())
    except UserError as error:
        print(f'error: {sentence(error)}', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        sys.exit(130)


def sentence(error):
    """Return an error's own words, also if it crossed a data loader worker.

    PyTorch re-raises a worker's exception with the worker's traceback as its message; only what
    follows the last exception name is meant for the user.

    Args:
        error (Exception): The exception.

    Returns:
        str: One line.
    """
    text = str(error).split('UserError: ')[-1]
    return ' '.join(text.split())
