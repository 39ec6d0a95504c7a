"""Filters for messages of mmengine that say nothing about a run."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.logging import MMLogger

# What mmengine's LoggerHook causes mmengine to warn of in every run.
OWN_WARNINGS = ('"FileClient" will be deprecated', '"HardDiskBackend" is the alias of')


@contextmanager
def quiet(level: int) -> Iterator[None]:
    """Keep mmengine from logging messages below a level."""
    logger = MMLogger.get_current_instance()
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def is_about_the_run(record: logging.LogRecord) -> bool:
    """Return False for mmengine's deprecation warnings about its own hooks; a logging filter."""
    return not str(record.msg).startswith(OWN_WARNINGS)
