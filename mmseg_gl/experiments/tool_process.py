import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from mmseg_gl.errors import UserError

TRAINING_LINE = re.compile(r'Iter\(train\) \[ *(\d+/\d+)\].*?eta: (\S+)')


class ToolProcess:
    """Runs one of the library's tools in its own process, with a log file.

    Args:
        name: Name of the process in error messages.
        tool: Name of the tool, e.g. 'train'.
        arguments: Its command line arguments.
        log_file: The command line and all output are appended to it.
        threads: Number of CPU threads; None leaves that to PyTorch.
        pass_fds: File descriptors that the process keeps open.

    Attributes:
        peak_memory: Resident memory of the process at its peak, in MiB, once it has ended; 0 if it
            is unknown.
    """

    def __init__(
        self,
        name: str,
        tool: str,
        arguments: Sequence[object],
        log_file: str,
        threads: int | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.tool = tool
        self.command = [sys.executable, '-m', f'mmseg_gl.cli.{tool}', *map(str, arguments)]
        self.log_file = log_file
        self.threads = threads
        self.pass_fds = pass_fds
        self.process: subprocess.Popen | None = None
        self.stopped = False
        self.peak_memory = 0.0

    def run(self) -> None:
        """Run the tool and wait until it ends.

        Raises:
            UserError: If it fails; quotes its last error message.
        """
        if self.stopped:
            return
        environment = dict(os.environ)
        if self.threads:
            environment['OMP_NUM_THREADS'] = str(self.threads)
        with open(self.log_file, 'a', errors='backslashreplace') as log:
            log.write(f'$ {shlex.join(self.command)}\n')
            log.flush()
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=self.pass_fds,
            )
            if self.stopped:  # while the process was starting
                self.process.terminate()
            code = self.wait()
        if code:
            lines = self.log_lines()
            errors = [line for line in lines if line.startswith('error: ')] or lines
            raise UserError(
                f'{self.name}: {self.tool} ended with exit code {code} '
                f'({errors[-1].removeprefix("error: ")}); the whole log is {self.log_file}'
            )

    def wait(self) -> int:
        """Wait until the process ends; return its exit code."""
        try:
            _, status, usage = os.wait4(self.process.pid, 0)
        except ChildProcessError:  # stop() has seen the end first
            return self.process.wait()
        self.peak_memory = usage.ru_maxrss / 1024  # from KiB
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return self.process.returncode

    def stop(self) -> None:
        """Send SIGTERM to the process if it runs; later calls of :meth:`run` do nothing.

        Training saves its state before it ends.
        """
        self.stopped = True
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def progress(self) -> str | None:
        """Return the progress of a training run, e.g. '400/1000, eta 0:01:10'; None if unknown."""
        if self.process is None:
            return None
        for line in reversed(self.log_lines()):
            if match := TRAINING_LINE.search(line):
                return f'{match[1]}, eta {match[2]}'
            if line.startswith('$'):
                return None
        return None

    def log_lines(self) -> list[str]:
        """Return what the last call of the tool has written: the log has earlier ones, too."""
        with open(self.log_file, errors='replace') as file:
            last = f'\n{file.read()}'.rpartition(f'\n$ {shlex.join(self.command)}\n')[2]
        return [line.strip() for line in last.splitlines() if line.strip()]


def run_all(
    tasks: Sequence[Callable[[], None]],
    stop: Callable[[], None],
    show: Callable[[str], None],
    jobs: int = 1,
    interval: float = 15.0,
) -> None:
    """Run tasks in threads, and stop them when this process is interrupted.

    Args:
        tasks: Functions that run a tool, see :meth:`ToolProcess.run`.
        stop: Stops the running tools.
        show: Prints progress; called at intervals with the time since the start, 'HH:MM:SS'.
        jobs: Number of tasks at a time.
        interval: Seconds from one call of ``show`` to the next.

    Raises:
        UserError: If a tool fails.
    """
    start = shown = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(task) for task in tasks]
        try:
            while not all(future.done() for future in futures):
                time.sleep(0.2)
                now = time.monotonic()
                if now - shown > interval:
                    shown = now
                    show(time.strftime('%H:%M:%S', time.gmtime(now - start)))
        except BaseException:  # interrupted: start no more tasks, stop the running ones
            pool.shutdown(wait=False, cancel_futures=True)
            stop()
            raise
    for future in futures:
        future.result()
