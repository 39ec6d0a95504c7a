import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.logging import print_log

from mmseg_gl.errors import UserError
from mmseg_gl.files import STATISTICS, write_text

MAX_PIXELS = 2**40  # of a class in a label; more cannot be true
Entry = tuple[int, int, dict[int, int]]  # size in bytes, time of change in ns, pixels by class


class StatisticsCache:
    """Cache of the class statistics of labels, a file in the folder of the data set.

    If that folder cannot be written to, the file is in the user's cache folder,
    ``$XDG_CACHE_HOME/mmseg_gl`` (default: ``~/.cache/mmseg_gl``).

    Args:
        root: Folder of the data set.
        classes: The settings that determine the class numbers; each choice of classes has its own
            file.
    """

    def __init__(self, root: str, classes: list) -> None:
        self.classes = json.loads(json.dumps(classes))  # as read from a file
        user = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
        self.paths = [
            os.path.join(root, name_of(self.classes)),
            os.path.join(user, 'mmseg_gl', name_of([root, self.classes])),
        ]

    def read(self, num_classes: int) -> dict[str, Entry]:
        """Return the entries by name of the label.

        Args:
            num_classes: K.

        Raises:
            UserError: If a file is damaged.
        """
        entries: dict[str, Entry] = {}
        for path in filter(os.path.exists, self.paths):
            with reading(path):
                contents = read_json(path, dict)
                if contents['classes'] != self.classes:
                    raise ValueError('it is about other classes')
                for name, (size, time, pixels) in contents['labels'].items():
                    entries[name] = (int(size), int(time), checked_pixels(pixels, num_classes))
        return entries

    def write(self, entries: dict[str, Entry]) -> None:
        """Replace the file as a whole; several processes may do so."""
        text = json.dumps(dict(classes=self.classes, labels=entries)) + '\n'
        for path in self.paths:
            part = f'{path}.{secrets.token_hex(4)}'
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                write_text(part, text)
                os.replace(part, path)
                return
            except (OSError, UserError) as error:
                reason = error
        print_log(f'the classes will be counted again next time: {reason}', 'current')


def name_of(contents: list) -> str:
    digest = hashlib.sha256(json.dumps(contents).encode()).hexdigest()
    return f'{STATISTICS}{digest[:12]}.json'


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn errors about the contents of a file of statistics into a UserError that names it."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # contents may be anything
        raise UserError(
            f'{path} cannot be used as class statistics ({type(error).__name__}: {error}); move it '
            'away, and the classes are counted again'
        ) from error


def read_json(path: str, kind: type) -> Any:
    with open(path, encoding='utf-8') as file:
        contents = json.load(file)
    if not isinstance(contents, kind):
        raise ValueError(f'expected a {kind.__name__}')
    return contents


def checked_pixels(pixels: dict[str, int], num_classes: int) -> dict[int, int]:
    """Return pixels by class with the classes as numbers.

    Raises:
        ValueError: For a class that there is not, or an impossible number of pixels.
    """
    for key, count in pixels.items():
        if not key.isdecimal() or int(key) >= num_classes:
            raise ValueError(f'there is no class {key!r}')
        if type(count) is not int or not 0 <= count < MAX_PIXELS:
            raise ValueError(f'{count!r} is not a number of pixels')
    return {int(key): count for key, count in pixels.items()}
