"""Entry point of the command line tools: turns errors into one sentence and an exit code."""

import atexit
import errno
import logging
import os
import re
import select
import shlex
import signal
import sys
import warnings
from collections.abc import Callable, Iterable
from types import FrameType
from typing import NoReturn, TextIO

import torch.distributed as dist

from mmseg_gl.cli.allocator import keep_freed_memory
from mmseg_gl.cli.build_errors import described_builds
from mmseg_gl.errors import Interrupted, UserError, in_short

LOST_WORKER = re.compile(  # PyTorch's messages
    r'DataLoader worker \(pid.*\) (is killed|exited).*|unable to .*shared memory.*|'
    r'unable to \w+ .*</torch_.*'
)


def run_tool(main: Callable[[], int | None]) -> NoReturn:
    """Run a tool's ``main`` and turn a :class:`UserError` into one line on stderr.

    Args:
        main: Main function of the tool; its return value is the exit code (None = 0).

    Raises:
        SystemExit: Always; code 2 for a :class:`UserError`, 130 after SIGINT (Ctrl-C), 143 after
            SIGTERM, 141 if the reader of the output (``| head``) has exited.
    """
    os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '1'  # never load a file that runs code
    logging.raiseExceptions = False  # a log that cannot be written must not stop the tool
    if hasattr(sys.stdout, 'reconfigure'):
        sys.stdout.reconfigure(errors='backslashreplace')  # file names can be any bytes
    keep_freed_memory()
    # What mmseg and mmengine warn of in every run, though nothing is wrong with it.
    of_phases = 'Detected call of `scheduler.step'  # of an optimizer whose part is not active yet
    for message in ('The draw is False', 'Default ``avg_non_ignore`` is False', of_phases):
        warnings.filterwarnings('ignore', message=message)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in handlers:
        signal.signal(number, interrupt)
    try:
        with described_builds():
            code = main() or 0
        if is_distributed():
            dist.barrier()  # a process that exits early would break the others' connections
    except UserError as error:
        say(f'error: {sentence(error)}')
        code = 2
    except Exception as error:
        if isinstance(error, BrokenPipeError) and nobody_reads(sys.stdout):
            code = 128 + signal.SIGPIPE
        elif text := file_error(error) or worker_error(error) or import_error(error):
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


def nobody_reads(stream: TextIO) -> bool:
    """Return whether a stream is a pipe whose other end is closed."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):  # not a file, or closed
        return False


def say(line: str) -> None:
    """Write a line to stderr in one piece, so that lines of several processes do not mix."""
    sys.stderr.write(f'{line}\n')
    sys.stderr.flush()


def file_error(error: Exception) -> str | None:
    """Return a sentence about an unusable file or disk; None for other errors."""
    if isinstance(error, OSError) and error.strerror and (error.filename or is_of_disk(error)):
        where = f'cannot use {error.filename}' if error.filename else 'cannot write'
        return f'{where} ({error.strerror}); fix that and run the same command again'
    return None


def is_of_disk(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def import_error(error: BaseException | None) -> str | None:
    """Return a sentence about a package that is not installed; None for other errors."""
    while isinstance(error, ImportError):
        package = (getattr(error, 'name', None) or '').partition('.')[0]
        if isinstance(error, ModuleNotFoundError) and package not in ('', 'mmseg_gl'):
            return (
                f'the package {package} is not installed: pip install it, or remove what needs '
                'it from the config'
            )
        error = error.__cause__ or error.__context__
    return None


def worker_error(error: Exception) -> str | None:
    """Return a sentence about a data loader worker that died; None for other errors."""
    words = LOST_WORKER.search(str(error)) if isinstance(error, RuntimeError) else None
    if not words and not isinstance(error, (ConnectionError, EOFError)):  # of the pipe to it
        return None
    return (
        f'a data loader worker died ({words[0] if words else in_short(error)}): the '
        'machine may have run out of memory or shared memory (/dev/shm); lower num_workers of the '
        'data loader, or set it to 0'
    )


def is_distributed() -> bool:
    return dist.is_available() and dist.is_initialized()


def end_process(code: int) -> NoReturn:
    """Exit without running C++ destructors: those of gloo's threads may abort."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    """Signal handler with which SIGINT (Ctrl-C) and SIGTERM end a tool."""
    raise Interrupted(signum, 'interrupted')


def sentence(error: Exception) -> str:
    """Return the message of an error as one line, without the traceback of a data loader worker.

    PyTorch re-raises an exception of a worker with the worker's traceback in the message; only the
    text after the last exception name is meant for the user.
    """
    text = str(error).split('UserError: ')[-1]
    return ' '.join(text.split())
