"""Atomic file writes, JSON records, and a lock that admits one writer per folder."""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from mmseg_gl.errors import UserError

PART = '.tmp'  # suffix of a file that is being written
LOCK = '.lock'  # held by the process that writes to a folder
STATISTICS = 'class_statistics_'  # prefix of files that may be in any folder of data


@contextmanager
def whole_file(
    path: str, advice: str = 'fix that and run the same command again'
) -> Iterator[BinaryIO]:
    """Write a binary file atomically: it gets its name once all bytes are on the disk.

    Until then an existing file of that name stays unchanged. A killed process leaves at most
    ``path + PART`` behind; any other failure leaves nothing.

    Args:
        path: The file.
        advice: What to do if the file cannot be written; ends the error message.

    Yields:
        The file, opened for writing.

    Raises:
        UserError: If the file cannot be written, e.g. because the disk is full.
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


def write_bytes(path: str, content: bytes) -> None:
    """Write a file atomically; see :func:`whole_file`."""
    with whole_file(path) as file:
        file.write(content)


def write_text(path: str, text: str) -> None:
    """Write a text file atomically; see :func:`whole_file`."""
    write_bytes(path, text.encode(errors='surrogateescape'))  # file names can be any bytes


def read_record(path: str) -> dict | None:
    """Read a record, a JSON file with one object; None if the file does not exist.

    Raises:
        UserError: If the file is damaged or does not hold a JSON object.
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
            f'{path} cannot be read ({error}): it is damaged or was not written by this tool; '
            'choose a new folder'
        ) from error
    return contents


def is_first_process() -> bool:
    """Return whether this process has rank 0; works before the processes are connected."""
    return int(os.environ.get('RANK', os.environ.get('SLURM_PROCID', 0))) == 0


def make_folder(path: str, option: str) -> None:
    """Create a folder to write to, unless it exists.

    Args:
        path: The folder.
        option: The command line option that names the folder, for error messages.

    Raises:
        UserError: If the folder cannot be created or written to.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise UserError(
            f'{option} {path} cannot be created ({error.strerror}); choose another folder'
        ) from error
    if not os.access(path, os.W_OK):
        raise UserError(f'{option} {path} cannot be written to; choose another folder')


@contextmanager
def only_writer(folder: str, option: str = '--work-dir') -> Iterator[None]:
    """Lock a folder so that no second process writes to it; any end of the process releases it.

    In a distributed run only rank 0 takes the lock. On a file system without locks the folder is
    used without one.

    Args:
        folder: The folder.
        option: The command line option that names the folder, for error messages.

    Raises:
        UserError: If another process holds the lock, or another file has the lock's name.
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
            raise UserError(f'{path} has the name of a lock file but is not one; move it away')
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not inherited by data workers
            if not os.fstat(file.fileno()).st_nlink:
                raise BlockingIOError  # removed by a process that has just ended
        except (BlockingIOError, PermissionError) as error:
            raise UserError(
                f'{folder}: another process ({holder or "unknown"}) is writing there; wait for it '
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


def check_lock_name(path: str) -> None:
    """Raise a UserError if a link, a pipe or a folder has the name of the lock."""
    if os.path.lexists(path) and (os.path.islink(path) or not os.path.isfile(path)):
        raise UserError(f'{path} has the name of a lock file but is not one; move it away')


def sync_folder(path: str) -> None:
    """Flush a folder's entries (file names) to the disk, if the file system supports it."""
    with suppress(OSError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
