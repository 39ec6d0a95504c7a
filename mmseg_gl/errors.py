"""The one exception that our code raises for something the user can put right."""


class UserError(Exception):
    """Bad input or a bad setting, said in one sentence: what, where, what to do.

    The command line tools print the sentence and exit with code 2; a traceback is left to bugs.
    """


def check_choice(option, value, choices):
    """Raise a :class:`UserError` unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise UserError(f'{option}={value!r} is unknown; choose from {", ".join(choices)}')
