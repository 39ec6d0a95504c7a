"""Progress of a loop over images, with the estimated time left."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

REFRESH_INTERVAL, LINE_INTERVAL = 0.1, 30  # seconds

Item = TypeVar('Item')


def progress(items: Iterable[Item], total: int, what: str = 'images') -> Iterator[Item]:
    """Yield the items of a loop, one per image, and show how many are done.

    On a terminal that is a bar; elsewhere a line every half minute.
    """
    on_terminal = sys.stdout.isatty()
    interval = REFRESH_INTERVAL if on_terminal else LINE_INTERVAL
    columns = '{task.description}', BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    # No auto_refresh: its thread would be there when the processes that load data are forked.
    with Progress(*columns, auto_refresh=False, disable=not on_terminal) as bar:
        if on_terminal:
            bar.console.show_cursor()  # an error in the loop may leave this function unfinished
        task = bar.add_task(what, total=total)
        start = shown = time.monotonic()
        for done, item in enumerate(items, 1):
            yield item
            bar.advance(task)
            now = time.monotonic()
            if now - shown < interval:
                continue
            shown = now
            bar.refresh()
            if not on_terminal:
                speed = done / (now - start)
                left = time.strftime('%H:%M:%S', time.gmtime((total - done) / speed))
                print(f'{what}: {done}/{total}, {speed:.1f} per second, eta {left}', flush=True)
