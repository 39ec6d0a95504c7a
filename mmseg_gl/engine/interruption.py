import os
import signal
import sys
import threading
import time

import torch
from mmengine.dist import all_reduce

from mmseg_gl.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)
DEBOUNCE_SECONDS = 1.0  # Ctrl-C can arrive twice, from the terminal and from a parent process


class Interruption:
    """Notes the first SIGINT or SIGTERM, so that training can end at a good place.

    A second one, at least a second later, ends the process at once.
    """

    def __init__(self):
        self.signal = None

    def listen(self) -> None:
        """Handle the signals from now on; only a process's main thread can.

        PyTorch would raise its error about a data worker that has ended in the midst of an
        iteration; without its handler it does so where the next batch is asked for.
        """
        if threading.current_thread() is threading.main_thread():
            self.process = os.getpid()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number in SIGNALS:
                signal.signal(number, self.handle)

    def handle(self, number: int, frame) -> None:
        if os.getpid() != self.process:
            return  # a data worker, which the main process still needs
        now = time.monotonic()
        if self.signal is None:
            self.signal, self.time = number, now
            name = signal.Signals(number).name
            print(f'{name}: saving, then leaving; once more to leave at once', file=sys.stderr)
        elif now - self.time > DEBOUNCE_SECONDS:
            raise Interrupted(number, 'left at once')

    def is_requested(self) -> bool:
        """Return whether any process has got a signal; all processes must ask alike."""
        number = torch.tensor(self.signal or 0)
        all_reduce(number, 'max')
        self.signal = self.signal or number.item() or None
        return self.signal is not None
