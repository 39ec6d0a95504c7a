import argparse
import difflib
import re

from mmengine.config import DictAction

from mmseg_gl.errors import UserError


class ToolParser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence and name the nearest known option."""

    def format_help(self) -> str:
        """Return the help; under ``mmseg-gl`` it shows that command in place of ``tools/``."""
        text = super().format_help()
        installed = self.prog.startswith('mmseg-gl ')
        return re.sub(r'python\s+tools/\w+\.py', self.prog, text) if installed else text

    def error(self, message):
        """Raise a UserError instead of printing the usage and exiting."""
        unknown = message.removeprefix('unrecognized arguments: ')
        if unknown != message:
            known = [option for action in self._actions for option in action.option_strings]
            message = f'unknown argument {unknown.strip() or repr(unknown)}'
            if match := difflib.get_close_matches(
                unknown.strip().split(' ')[0].split('=')[0], known, n=1
            ):
                message += f'; did you mean {match[0]}?'
        raise UserError(f'{message} (--help lists what {self.prog} takes)')


class ConfigOptions(DictAction):
    """argparse action of ``--cfg-options KEY=VALUE ...``: values as mmengine reads them.

    Raises:
        UserError: For what is not of that form.
    """

    def __call__(self, parser, namespace, values, option_string=None):
        for value in values:
            try:
                super().__call__(parser, namespace, [value], option_string)
            except (ValueError, AssertionError, RecursionError) as error:
                raise UserError(
                    f'{option_string} {value}: expected KEY=VALUE, e.g. a.b=1 or a.b=[1,2]'
                ) from error


def add_cfg_options(parser):
    """Add the argument ``--cfg-options`` to an argument parser."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='change the config',
    )


def add_run_arguments(parser):
    """Add the arguments that tools/train.py and tools/test.py share to an argument parser."""
    parser.add_argument(
        '--work-dir', help='where to write (default: work_dirs/ and the name of the config)'
    )
    add_cfg_options(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, help='set by torch launchers')
