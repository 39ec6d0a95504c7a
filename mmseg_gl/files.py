"""Atomic file writes, records, and folders that one process at a time writes to."""

import fcntl
import json
import os
import re
from contextlib import contextmanager, suppress

from mmseg_gl.errors import UserError

PART = '.tmp'  # ends the name of a file that is being written
LOCK = '.lock'  # held by the process that writes to a folder


@contextmanager
def whole_file(path, advice='put that right and start the same command again'):
    """Open a file to write bytes to; it gets its name only when all is written and on the disk.

    Until then an earlier file of that name stays as it is. A process that is killed leaves at most
    ``path + PART`` behind, any other failure nothing.

    Args:
        path (str | Path): The file.
        advice (str): What to do when it cannot be written; ends the error's sentence.

    Yields:
        BinaryIO: Opened for writing.

    Raises:
        UserError: When it cannot be written, e.g. to a full disk.
    """
    part = f'{path}{PART}'
    try:
        try:
            with open(part, 'wb') as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            with suppress(OSError):
                os.remove(part)
        sync_folder(os.path.dirname(path) or '.')
    except (OSError, RuntimeError) as error:  # torch.save raises the latter
        reason = getattr(error, 'strerror', None) or (str(error).splitlines() or ['unknown'])[0]
        raise UserError(f'cannot write {path} ({reason}); {advice}') from error


def write_text(path, text):
    """Write a text file as a whole; see :func:`whole_file`."""
    with whole_file(path) as file:
        file.write(text.encode(errors='surrogateescape'))  # names of files can be any bytes


def read_record(path: str) -> dict | None:
    """Return what a record says, None if there is no such file.

    Raises:
        UserError: When it is damaged or no JSON file of an object.
    """
    if not os.path.lexists(path):
        return None
    try:
        if not os.path.isfile(path):
            raise ValueError('not a file')
        with open(path, encoding='utf-8') as file:
            contents = json.load(file)
        if not isinstance(contents, dict):
            raise ValueError('not a JSON object')
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f'{path} cannot be read ({error}): it is damaged or not of this tool; choose a new '
            'folder'
        ) from error
    return contents


def is_first_process():
    """Return whether this is the first of a run's processes, also before they are connected."""
    return int(os.environ.get('RANK', os.environ.get('SLURM_PROCID', 0))) == 0


def make_folder(path, option):
    """Make a folder to write to, unless it is there.

    Args:
        path (str): The folder.
        option (str): The option it comes from, for the message.

    Raises:
        UserError: When that is impossible.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise UserError(
            f'{option} {path} cannot be made ({error.strerror}); choose another folder'
        ) from error
    if not os.access(path, os.W_OK):
        raise UserError(f'{option} {path} cannot be written to; choose another folder')


@contextmanager
def only_writer(folder, option='--work-dir'):
    """Let no second process write to a folder; the lock goes with the process, however it ends.

    Of several processes of one run only the first asks. A file system without locks is trusted.

    Args:
        folder (str): The folder.
        option (str): The option it comes from, for the message.

    Raises:
        UserError: When another process is at work there, or the lock's name is another file's.
    """
    if not is_first_process():
        yield
        return
    path = os.path.join(folder, LOCK)
    check_lock_name(path)
    with open(path, 'a+', errors='replace') as file:
        file.seek(0)
        holder = file.read(99)
        if not re.fullmatch(r'(process \d+)?', holder):
            raise UserError(f'{path} is not a lock, but in the way of one; move it away')
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not inherited by data workers
            if not os.fstat(file.fileno()).st_nlink:
                raise BlockingIOError  # removed by a process that has just ended
        except (BlockingIOError, PermissionError) as error:
            raise UserError(
                f'{folder}: another process ({holder or "unknown"}) is at work there; wait for it '
                f'or stop it, or choose another {option}'
            ) from error
        except OSError:
            pass
        file.truncate(0)
        file.write(f'process {os.getpid()}')
        file.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                os.remove(path)


def check_lock_name(path):
    """Raise a UserError when a link, a pipe or a folder has the name of a lock."""
    if os.path.lexists(path) and (os.path.islink(path) or not os.path.isfile(path)):
        raise UserError(f'{path} is not a lock, but in the way of one; move it away')


def sync_folder(path):
    """Make sure that a file's new name is on the disk, where the file system can."""
    with suppress(OSError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
