"""Output folders with a record, which only the run that created them can resume."""

import json
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, BinaryIO

from mmseg_gl.errors import UserError
from mmseg_gl.files import (
    LOCK,
    PART,
    STATISTICS,
    make_folder,
    only_writer,
    read_record,
    whole_file,
    write_text,
)


class RecordedFolder:
    """Output folder with a record, so that an interrupted run of a tool can be resumed.

    An existing folder must have the record of a run with the same settings and contain no other
    files. No folder may contain, or lie inside, anything that the run reads. One process at a time
    writes to it.

    Args:
        path: The folder.
        record: Name of its record, a JSON file.
        run: Settings on which the contents of the files depend.
        about: Further entries of the record.
        files: Names of the files to be written, relative to the folder.
        interim: Names of temporary files, removed once ``files`` are complete.
        inputs: Files and folders that the run reads.
        option: The command line option that names the folder, for error messages.

    Attributes:
        contents: Contents of the record; ``run`` if there is none yet.
        done: Names of the files that exist; each is whole.
        complete: Whether the record says that the run is complete and all files exist.
    """

    def __init__(
        self,
        path: str,
        record: str,
        run: dict,
        about: dict,
        files: Iterable[str],
        interim: Iterable[str] = (),
        inputs: Collection[str] = (),
        option: str = '--out',
    ) -> None:
        self.path, self.record, self.about, self.option = path, record, about, option
        self.run = json.loads(json.dumps(run))  # as read from a file: tuples become lists
        self.files, self.interim, self.inputs = set(files), set(interim), inputs

    @contextmanager
    def open(self) -> Iterator[None]:
        """Create or resume the folder and lock out other processes; keep a complete one as it is.

        Raises:
            UserError: If the folder belongs to another run, contains other files, has a damaged
                record, overlaps with the inputs, cannot be created, or is in use by another
                process.
        """
        self.inspect()
        if self.complete:
            self.remove_interim()
            yield
            return
        make_folder(self.path, self.option)
        with only_writer(self.path, self.option):
            self.inspect()  # again: another process may have changed it
            for name in self.names():
                if name.endswith(PART):  # of a run that was killed
                    os.remove(os.path.join(self.path, name))
            for parent in {os.path.dirname(name) for name in self.files | self.interim}:
                make_folder(os.path.join(self.path, parent), self.option)
            if not self.complete:
                self.write_record(complete=False)
            yield

    def inspect(self) -> None:
        """Set ``contents``, ``done`` and ``complete``; refuse a folder of another run."""
        where = f'{self.option} {self.path}'
        place = os.path.realpath(self.path)
        for path in map(os.path.realpath, self.inputs):
            if os.path.commonpath([place, path]) in (place, path):
                raise UserError(
                    f'{where} overlaps with {path}, which is read and must not change; choose a '
                    'folder outside it'
                )
        there = self.names()
        contents = read_record(os.path.join(self.path, self.record))
        if contents is None and there - {self.record + PART}:
            raise UserError(f'{where} is not empty and has no {self.record}; choose a new folder')
        self.contents = self.run if contents is None else contents
        before = {key: self.contents.get(key) for key in self.run}
        if other := differences(before, self.run):
            raise UserError(
                f'{where} belongs to another run (different in {self.record}: {", ".join(other)}); '
                'choose a new folder'
            )
        own = {self.record, *self.files, *self.interim}
        if foreign := sorted(name for name in there if name.removesuffix(PART) not in own):
            raise UserError(
                f'{where} holds {foreign[0]}, which does not belong to this run; remove it or '
                'choose a new folder'
            )
        self.done = {n for n in there & own if os.path.isfile(os.path.join(self.path, n))}
        self.complete = self.contents.get('complete') is True and self.done >= self.files

    def names(self) -> set[str]:
        """Return the names of all files; a link to a folder counts as a file.

        Class statistics, which may be in any folder of data, are no part of it.
        """
        return {
            os.path.relpath(os.path.join(parent, name), self.path)
            for parent, folders, files in os.walk(self.path)
            for name in [*files, *(f for f in folders if os.path.islink(os.path.join(parent, f)))]
            if not name.startswith(STATISTICS)
        } - {LOCK}

    def write(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open one of the files for atomic binary writing; see :func:`whole_file`."""
        return whole_file(os.path.join(self.path, name))

    def finish(self, **findings: Any) -> None:
        """Record that the run is complete, with findings, unless it was complete before."""
        if not self.complete:
            self.write_record(complete=True, **findings)
            self.remove_interim()

    def write_record(self, **entries: Any) -> None:
        self.contents = {**self.about, **self.run, **entries}
        text = json.dumps(self.contents, indent=1) + '\n'
        write_text(os.path.join(self.path, self.record), text)

    def remove_interim(self) -> None:
        for name in self.interim:
            with suppress(FileNotFoundError):
                os.remove(os.path.join(self.path, name))
        for parent in {os.path.dirname(name) for name in self.interim}:
            with suppress(OSError):
                os.rmdir(os.path.join(self.path, parent))


def differences(before: dict, now: dict) -> list[str]:
    """Return the dotted keys whose values differ between two nested dicts."""
    found = []
    for key in {**before, **now}:
        values: tuple[Any, Any] = before.get(key), now.get(key)
        if all(isinstance(value, dict) for value in values):
            found += [f'{key}.{inner}' for inner in differences(*values)]
        elif values[0] != values[1]:
            found.append(key)
    return found
