import argparse
import difflib

from mmseg_gl.errors import UserError


class ToolParser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence and name the nearest known option."""

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
