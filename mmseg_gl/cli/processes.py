"""Start a tool in several processes: python -m mmseg_gl.cli.processes N TOOL [arguments].

Works like ``torchrun --standalone --nproc_per_node=N``, but returns the exit code of the tool: that
of a failed process (2 for bad input), and 130 or 143 after SIGINT or SIGTERM.
"""

import logging
import os
import signal
import sys
from collections.abc import Sequence

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main


def run(arguments: Sequence[str]) -> int:
    """Run the tool and return its exit code.

    Args:
        arguments: Number of processes, file of the tool, arguments of the tool.
    """
    number, *command = arguments
    os.environ.setdefault('OMP_NUM_THREADS', '1')  # torchrun's default, without its warning
    logging.getLogger('torch.distributed.elastic').setLevel(logging.CRITICAL)  # of failures
    try:
        main(['--standalone', f'--nproc_per_node={number}', *command])
    except ChildFailedError as error:
        rank, failure = min(error.failures.items(), key=lambda item: item[1].timestamp)
        if failure.exitcode < 0:
            name = signal.Signals(-failure.exitcode).name
            print(f'error: process {rank} of {number} was killed by {name}', file=sys.stderr)
            return 128 - failure.exitcode
        return failure.exitcode
    except SignalException as error:
        return 128 + error.sigval
    return 0


if __name__ == '__main__':
    sys.exit(run(sys.argv[1:]))
