"""What tests/fuzz.py does to files and settings; each function says in a word what it has done."""

import io
import json
import os
import zlib

import numpy as np
import torch
from PIL import Image

# Values of a wrong kind, as Python writes them.
ODD = (
    *('None', 'True', '-1', '0', '3', '0.5', '-2**70', '1e309', "float('nan')", "b'bytes'", 'len'),
    *("''", "'text'", r"'a\0b'", r"'\udce9'", '[]', '{}', '()', "[1, 'two', None]", '{3, 4}'),
    *("{'type': 'Nothing'}", '{1: 2}', '[[[]]]', 'object()', 'range(3)', '[0.5, -3]'),
)
ODD_TEXTS = (
    *('', '-1', '0', 'nan', 'inf', '1e9', 'x', 'w[xyz]', '\udcff', 'a\nb', 'ü', '--seed', '--amp'),
    *('--resume', '--', '-h', '/dev/null', 'None', '[1,2]', '(1,', '[]', '{}', '"', '%s', '64x32'),
)
ODD_NAMES = (b'\xff\xfe', b'\xc3\xbc', 200 * b'n', *b"[a]*?,{a},.a,a'b,a b,a\nb".split(b','))
ODD_TENSORS = (
    *(torch.Tensor.double, torch.Tensor.half, torch.Tensor.bool, torch.Tensor.int),
    *(torch.Tensor.flatten, torch.Tensor.tolist, torch.Tensor.to_sparse),
    *(lambda t: t[:1], lambda t: t[None], lambda t: t.new_empty(0), lambda t: t.to('meta')),
    *(lambda t: t + 1j, lambda t: t.double() * torch.nan, lambda t: t.float() * 1e38),
)
FORMATS = ('PNG', 'PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM', 'TGA', 'EPS', 'DDS', 'ICO')
MODES = ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'I', 'I;16', 'F')
SIZES = (*[(64, 32)] * 5, (1, 1), (1, 400), (63, 33), (32, 64), (9400, 9400), (20000, 20000))


def keys_of(value):
    """Return the keys of a dict, the indices of a list, or nothing."""
    if isinstance(value, dict):
        return list(value)
    return range(len(value)) if isinstance(value, list) else ()


def somewhere(rng, value):
    """Return the keys that lead to a random place inside nested dicts and lists."""
    keys = []
    while keys_of(value) and (not keys or rng.random() < 0.75):
        keys.append(rng.choice(keys_of(value)))
        value = value[keys[-1]]
    return keys


def damage(rng, value, odd):
    """Replace, remove, nest or rename something inside nested dicts and lists.

    Args:
        rng (random.Random): Decides.
        value (dict | list): Is changed in place.
        odd (Callable): Returns what to put in the place of its argument.
    """
    if not keys_of(value):
        return 'nothing'
    *path, key = somewhere(rng, value)
    for step in path:
        value = value[step]
    kind = rng.choice(('replace', 'replace', 'replace', 'remove', 'nest', 'rename'))
    entry = value.pop(key) if kind in ('remove', 'rename') else value[key]
    if kind == 'replace':
        value[key] = odd(entry)
    elif kind == 'nest':
        value[key] = rng.choice(([entry], [entry, entry], {'type': entry}))
    elif kind == 'rename' and isinstance(value, dict):
        value[rng.choice((f'{key}x', '', 'type', 0))] = entry
    new = f' by {value[key]!r:.60}' if kind == 'replace' else ''
    return f'{kind} {".".join(map(str, (*path, key)))}{new}'


def damage_bytes(rng, path):
    """Damage a file, or put something else in its place."""
    content = bytearray(path.read_bytes())
    path.unlink()
    kind = rng.choice(('cut', 'flip', 'flip', 'noise', 'empty', 'gone', 'FIFO', 'folder', 'link'))
    if kind == 'cut':
        path.write_bytes(content[: int(rng.random() * len(content))])
    elif kind == 'flip':
        for _ in range(rng.choice((1, 5, 50)) if content else 0):
            content[int(rng.random() * len(content))] ^= 1 << rng.randrange(8)
        place = 8 if content.startswith(b'\x89PNG') and rng.random() < 0.7 else len(content)
        while place + 12 <= len(content):  # new check sums, or a decoder would not read on
            end = place + 8 + int.from_bytes(content[place : place + 4], 'big')
            content[end : end + 4] = zlib.crc32(content[place + 4 : end]).to_bytes(4, 'big')
            place = end + 4
        path.write_bytes(content)
    elif kind in ('noise', 'empty'):
        path.write_bytes(rng.randbytes(300) if kind == 'noise' else b'')
    elif kind == 'FIFO':
        os.mkfifo(path)
    elif kind == 'folder':
        path.mkdir()
    elif kind == 'link':
        path.symlink_to(rng.choice(('/nowhere/a', path.name)))
    return f'{kind}: {path.name}'


def damage_image(rng, path):
    """Replace an image by one of another format, mode, size or content."""
    size = rng.choice(SIZES)
    image = Image.new('L', size, rng.randrange(34))
    image = image.convert(rng.choice(MODES) if size[0] < 9000 else '1')
    if rng.random() < 0.3:
        kind = rng.choice((np.uint8, np.uint16, np.int32))
        pixels = np.frombuffer(rng.randbytes(64 * 32 * 4), kind)[: 64 * 32].reshape(32, 64)
        image = Image.fromarray(rng.choice((pixels, (pixels % 34).astype(kind))))
    for kind in (rng.choice(FORMATS), 'PNG', 'TIFF'):
        try:
            image.save(content := io.BytesIO(), kind)
        except (OSError, ValueError):  # the format has no such images
            continue
        path.write_bytes(content.getvalue())
        return f'{kind} {image.mode} {image.size}: {path.name}'


def damage_name(rng, path):
    """Give an image and its label another name."""
    stem, odd = path.stem.removesuffix('_leftImg8bit'), os.fsdecode(rng.choice(ODD_NAMES))
    data = next(folder for folder in path.parents if folder.name == 'street_scenes')
    for file in list(data.rglob(f'{stem}*')):
        file.rename(file.with_name(file.name.replace(stem, odd)))
    return f'called {odd!r}: {path.name}'


class Code:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)

    @property
    def source(self):
        """The same in Python."""
        return f'import os\nos.mkdir({self.path!r})\n'


def damage_checkpoint(rng, path, executed, canary):
    """Damage what is in a checkpoint, or add code and paths of other files.

    Args:
        rng (random.Random): Decides.
        path (Path): The checkpoint.
        executed (Path): What the code makes.
        canary (Path): A file that is not to be touched.
    """
    contents, code = torch.load(path, weights_only=True), Code(executed)

    def odd(entry):
        if isinstance(entry, torch.Tensor) and rng.random() < 0.8:
            return rng.choice(ODD_TENSORS)(entry)
        return code if rng.random() < 0.05 else eval(rng.choice(ODD))

    info = contents.get('message_hub', {}).get('runtime_info', {})
    kind = rng.choice((*['entry'] * 5, *['code'] * 2, 'paths'))
    if kind == 'entry':
        part = rng.choice(list(contents))
        if rng.random() < 0.1:
            kind = damage(rng, contents, odd)
        else:
            kind = f'in {part} {damage(rng, contents[part], odd)}'
    elif kind == 'code':
        meta = contents.setdefault('meta', {})
        place, key = rng.choice(((meta, 'config'), (meta, 'config'), (meta, 'cfg'), (info, 'cfg')))
        place[key] = rng.choice((code, code.source))
    else:
        name = rng.choice((str(canary), f'../../{canary.parent.name}/{canary.name}'))
        key = rng.choice(('outdated_ckpts', 'outdated_ckpts', 'former_best', 'best_ckpt'))
        info[key] = [name] if key == 'outdated_ckpts' else name
        kind = f'{key} = {name}'
    try:
        torch.save(contents, path, _use_new_zipfile_serialization=rng.random() < 0.9)
    except Exception:  # what cannot be saved
        return damage_bytes(rng, path)
    return f'{kind}: {path.name}'


def damage_results(rng, path, executed, canary):
    """Damage a file that a tool has written; see :func:`damage_checkpoint`."""
    if path.suffix == '.pth' and rng.random() < 0.7:
        return damage_checkpoint(rng, path, executed, canary)
    if path.suffix == '.png' and rng.random() < 0.5:
        return damage_image(rng, path)
    text = path.read_text() if path.suffix in ('.json', '.py', '.md', '') else ''
    if not text or rng.random() < 0.4:
        return damage_bytes(rng, path)
    if path.suffix == '.json':
        try:
            values = [json.loads(text)]
        except ValueError:  # one a line
            values = list(map(json.loads, text.splitlines()))
        what = damage(rng, values, lambda _: eval(rng.choice(ODD)))
        text = '\n'.join(json.dumps(value, default=str) for value in values)
    elif path.suffix == '.py':
        what, text = 'code', Code(executed).source + text
    else:
        what = text = rng.choice((*ODD_TEXTS, str(canary)))
    path.write_bytes(os.fsencode(text))
    return f'{what!r}: {path.name}'
