"""Check the names of the files that a data set lists, and that it leaves none out."""

import os
from collections.abc import Sequence

from mmseg_gl.errors import UserError


def check_names(name: str, samples: list[dict], folders: dict[str, str]) -> None:
    """Check that file names are UTF-8 and stay in their folder, as tools name their output by them.

    Args:
        name: Name of the data set in error messages.
        samples: With paths under the keys of ``folders``.
        folders: Folders by 'img_path' and 'seg_map_path', or one of them.

    Raises:
        UserError: For the first name that fails.
    """
    for key, folder in folders.items():
        for path in (sample[key] for sample in samples if key in sample):
            try:
                path.encode()
            except UnicodeEncodeError as error:
                shown = os.fsencode(path).decode(errors='backslashreplace')
                raise UserError(
                    f'the {name} file {shown} has a name that is not UTF-8; rename it'
                ) from error
            inside = os.path.join(folder, '')
            if not path.startswith(inside) or '..' in path.removeprefix(inside).split(os.sep):
                raise UserError(
                    f'the {name} file {path} is not inside its folder {folder}: put or link it '
                    'there, and list it by its name there'
                )


def check_left_out(name: str, folder: str, suffix: str | Sequence[str]) -> None:
    """Raise a UserError for an entry with an image's suffix that is not a file.

    Listing the images would silently leave it out.
    """
    suffixes = tuple(s.lower() for s in ([suffix] if isinstance(suffix, str) else suffix))
    for parent, _, files in os.walk(folder):
        for path in (os.path.join(parent, f) for f in files if f.lower().endswith(suffixes)):
            if not os.path.isfile(path):
                kind = 'a pipe or a device'
                if not os.path.exists(path):
                    kind = f'a link to {os.readlink(path)}, which does not exist'
                raise UserError(
                    f'the {name} image {path} is {kind}: replace it by the image, or remove it'
                )
