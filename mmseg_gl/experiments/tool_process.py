import os
import re
import shlex
import subprocess
import sys

from mmseg_gl.errors import UserError

TRAINING_LINE = re.compile(r'Iter\(train\) \[ *(\d+/\d+)\].*?eta: (\S+)')


class ToolProcess:
    """One of the library's tools as a process of its own that writes to a log file.

    Args:
        name (str): How to call it in messages.
        tool (str): Its name, e.g. 'train'.
        arguments (Sequence[str]): Its arguments.
        log_file (str): Receives the command line and all output, after what it holds already.
        threads (int | None): CPU threads; None leaves that to PyTorch.
        pass_fds (Sequence[int]): File descriptors that the process keeps open.
    """

    def __init__(self, name, tool, arguments, log_file, threads=None, pass_fds=()):
        self.name = name
        self.tool = tool
        self.command = [sys.executable, '-m', f'mmseg_gl.cli.{tool}', *map(str, arguments)]
        self.log_file = log_file
        self.threads = threads
        self.pass_fds = pass_fds
        self.process = None
        self.stopped = False

    def run(self):
        """Run the tool to its end.

        Raises:
            UserError: When it fails, with its own last error message.
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
            if self.stopped:  # just before it was started
                self.process.terminate()
            code = self.process.wait()
        if code:
            lines = self.log_lines()
            errors = [line for line in lines if line.startswith('error: ')] or lines
            raise UserError(
                f'{self.name}: {self.tool} ended with exit code {code} '
                f'({errors[-1].removeprefix("error: ")}); the whole log is {self.log_file}'
            )

    def stop(self):
        """End the process as a polite kill does, if it runs; from now on it does not start.

        Training saves its state before it ends.
        """
        self.stopped = True
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def progress(self):
        """Return e.g. '400/1000, eta 0:01:10' of a training run, or None before it says so."""
        if self.process is None:
            return None
        for line in reversed(self.log_lines()):
            if match := TRAINING_LINE.search(line):
                return f'{match[1]}, eta {match[2]}'
            if line.startswith('$'):
                return None
        return None

    def log_lines(self):
        with open(self.log_file, errors='replace') as file:
            return [line.strip() for line in file if line.strip()]
