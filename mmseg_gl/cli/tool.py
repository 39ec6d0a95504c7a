"""What every command line tool shares: errors are one sentence and exit code 2."""

import atexit
import errno
import logging
import os
import re
import select
import shlex
import signal
import sys
import time
import warnings
from collections.abc import Iterable

import torch.distributed as dist

from mmseg_gl.cli.allocator import keep_freed_memory
from mmseg_gl.cli.build_errors import build_error
from mmseg_gl.errors import Interrupted, UserError

LOST_WORKER = re.compile(  # in PyTorch's words
    r'DataLoader worker \(pid.*\) (is killed|exited).*|unable to .*shared memory.*|'
    r'unable to \w+ .*</torch_.*'
)


def run_tool(main, keep_memory=True):
    """Run a tool's ``main`` and turn a :class:`UserError` into one line on stderr.

    Args:
        main (Callable[[], int | None]): The tool; its return value is the exit code (None = 0).
        keep_memory (bool): Whether to use :func:`keep_freed_memory`.

    Raises:
        SystemExit: Always; code 2 for a :class:`UserError`, 130 when ended by SIGINT (Ctrl-C), 143
            when ended by SIGTERM, 141 when whoever read the output (``| head``) has gone.
    """
    os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '1'  # a file that runs code is never loaded
    logging.raiseExceptions = False  # a log that cannot be written stops nothing
    if hasattr(sys.stdout, 'reconfigure'):
        sys.stdout.reconfigure(errors='backslashreplace')  # names of files can be any bytes
    if keep_memory:
        keep_freed_memory()
    # mmseg's hook says so in every run that draws no pictures.
    warnings.filterwarnings('ignore', message='The draw is False')
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in handlers:
        signal.signal(number, interrupt)
    try:
        code = main() or 0
        if is_distributed():
            dist.barrier()  # a process that leaves early would break the others' connections
    except UserError as error:
        say(f'error: {sentence(error)}')
        code = 2
    except Exception as error:
        if isinstance(error, BrokenPipeError) and nobody_reads(sys.stdout):
            code = 128 + signal.SIGPIPE
        elif text := file_error(error) or worker_error(error) or build_error(error):
            say(f'error: {" ".join(text.split())}')
            code = 2
        else:
            raise  # a bug
    except KeyboardInterrupt as interruption:
        say(str(interruption) or 'interrupted')
        code = 128 + getattr(interruption, 'signal', signal.SIGINT)
    finally:
        if nobody_reads(sys.stdout):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is buffered
        for number, handler in handlers.items():  # training has its own
            signal.signal(number, handler)
    if is_distributed():
        end_process(code)
    sys.exit(code)


def shell_command(tool: str, arguments: Iterable[str]) -> str:
    """Return the command line of a tool, in the form in which this one was started."""
    installed = sys.argv[0].startswith('mmseg-gl ')
    start = ['mmseg-gl', tool.replace('_', '-')] if installed else ['python', f'tools/{tool}.py']
    return shlex.join([*start, *arguments])


def nobody_reads(stream):
    """Return whether a stream is a pipe whose other end is closed."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):  # no file at all, or closed
        return False


def say(line):
    """Write a line to stderr at once, so that several processes' lines do not mix."""
    sys.stderr.write(f'{line}\n')
    sys.stderr.flush()


def file_error(error):
    """Return a sentence about a file that cannot be used, or a disk; None for other errors."""
    if isinstance(error, OSError) and error.strerror and (error.filename or is_of_disk(error)):
        where = f'cannot use {error.filename}' if error.filename else 'cannot write'
        return f'{where} ({error.strerror}); put that right and start the same command again'
    return None


def is_of_disk(error):
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def worker_error(error):
    """Return a sentence about a data loader's process that is gone, None for other errors."""
    if not isinstance(error, RuntimeError) or not (found := LOST_WORKER.search(str(error))):
        return None
    return (
        f'a process that loads data has ended ({found[0].rstrip(".")}): the memory, or the shared '
        'memory (/dev/shm), may be too small; use fewer num_workers of the data loader, or 0'
    )


def is_distributed():
    return dist.is_available() and dist.is_initialized()


def end_process(code):
    """Exit without the destructors of C++ objects: those of gloo's threads may abort."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def interrupt(signum, frame):
    """Make Ctrl-C and a polite kill end a tool."""
    raise Interrupted(signum, 'interrupted')


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


def show_progress(done, total, what='', since=None):
    """Rewrite one line on a terminal; elsewhere print a line per tenth.

    Args:
        done (int): Number of images that are done.
        total (int): Number of all.
        what (str): Begins the line.
        since (float | None): When the first one was begun (``time.time``), to tell the speed.
    """
    line = f'{what}{done}/{total} images'
    if since is not None:
        line += f', {done / (time.time() - since):.1f} images/s'
    if sys.stdout.isatty():
        print(f'\r{line}', end='\n' if done == total else '', flush=True)
    elif done * 10 // total > (done - 1) * 10 // total:
        print(line, flush=True)
