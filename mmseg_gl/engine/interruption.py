import os
import signal
import sys
import threading
import time
from types import FrameType

import torch
from mmengine.dist import all_reduce

from mmseg_gl.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)
DEBOUNCE_SECONDS = 1.0  # Ctrl-C can arrive twice, from the terminal and from a parent process


class Interruption:
    """Signal handler that records the first SIGINT or SIGTERM, for training to end when it can.

    A second signal, more than a second later, ends the process at once.
    """

    def __init__(self) -> None:
        self.signal = 0  # number of the first one, 0 before

    def listen(self) -> None:
        """Install the handler, which is possible in the main thread only.

        PyTorch's handler of SIGCHLD, which is removed, raises the error about a dead data worker in
        the middle of an iteration; without it, the error is raised when the next batch is fetched.
        """
        if threading.current_thread() is threading.main_thread():
            self.process = os.getpid()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number in SIGNALS:
                signal.signal(number, self.handle)

    def handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self.process:
            return  # a data worker, which the main process still needs
        now = time.monotonic()
        if not self.signal:
            self.signal, self.time = number, now
            name = signal.Signals(number).name
            print(
                f'{name}: saving a checkpoint before exiting; send it again to exit at once',
                file=sys.stderr,
            )
        elif now - self.time > DEBOUNCE_SECONDS:
            raise Interrupted(number, 'exited without saving')

    def is_requested(self) -> bool:
        """Return True if any process has received a signal; all processes must call this."""
        number = torch.tensor(self.signal)
        all_reduce(number, 'max')
        self.signal = self.signal or int(number)
        return self.signal > 0
