import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from mmengine.config import DictAction

from mmseg_gl.errors import UserError, closest


class ToolParser(argparse.ArgumentParser):
    """Argument parser whose errors are one sentence and suggest the nearest known option.

    The help shows the description with its own line breaks.
    """

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault('formatter_class', argparse.RawDescriptionHelpFormatter)
        super().__init__(**kwargs)

    def format_help(self) -> str:
        """Return the help; under ``mmseg-gl`` it shows that command in place of ``tools/``."""
        text = super().format_help()
        installed = self.prog.startswith('mmseg-gl ')
        return re.sub(r'python\s+tools/\w+\.py', self.prog, text) if installed else text

    def error(self, message: str) -> NoReturn:
        """Raise a UserError instead of printing the usage and exiting."""
        unknown = message.removeprefix('unrecognized arguments: ')
        if unknown != message:
            known = [option for action in self._actions for option in action.option_strings]
            message = f'unknown argument {unknown.strip() or repr(unknown)}'
            if match := closest(unknown.strip().split(' ')[0].split('=')[0], known):
                message += f'; did you mean {match}?'
        raise UserError(f'{message} (--help lists what {self.prog} takes)')


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return an argparse type for whole numbers from ``least`` to ``most``."""
    allowed = f'of at least {least}' if most is None else f'from {least} to {most}'

    def parse(text: str) -> int:
        number = int(text) if re.fullmatch(r'-?\d+', text) else least - 1
        if number < least or (most is not None and number > most):
            raise argparse.ArgumentTypeError(f'{text}: expected a whole number {allowed}')
        return number

    return parse


SEED = whole_number(0, 2**32 - 1)  # argparse type of seeds


def image_size(text: str) -> tuple[int, int]:
    """Parse 'HxW', as an argparse type, into (height, width)."""
    if not re.fullmatch(r'[1-9]\d*x[1-9]\d*', text.lower()):
        raise argparse.ArgumentTypeError(f'{text!r} is not of the form HxW, e.g. 96x192')
    height, width = map(int, text.lower().split('x'))
    return height, width


class ConfigOptions(DictAction):
    """argparse action of ``--cfg-options KEY=VALUE ...``; mmengine parses the values.

    Raises:
        UserError: If an argument does not have this form.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Sequence[Any],
        option_string: str | None = None,
    ) -> None:
        for value in values:
            try:
                super().__call__(parser, namespace, [value], option_string)
            except (ValueError, AssertionError, RecursionError) as error:
                raise UserError(
                    f'{option_string} {value}: expected KEY=VALUE, e.g. a.b=1 or a.b=[1,2]'
                ) from error


def add_cfg_options(
    parser: argparse.ArgumentParser, help: str = 'change settings of the config'
) -> None:
    """Add the argument ``--cfg-options`` to an argument parser."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help=f'{help}, e.g. train_dataloader.batch_size=2',
    )


def add_weights_argument(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the argument ``--weights``, which chooses ``model.evaluated``, to an argument parser."""
    parser.add_argument(
        '--weights',
        choices=['segmentor', 'teacher'],
        help=f'network to {purpose} (default: model.evaluated, or else the segmentor)',
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the shared arguments of tools/train.py and tools/test.py to an argument parser."""
    parser.add_argument(
        '--work-dir', help='output folder (default: work_dirs/ and the name of the config)'
    )
    add_cfg_options(parser)
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm'],
        default='none',
        help='launcher of a distributed run (default: none)',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, help='set by torch launchers')
