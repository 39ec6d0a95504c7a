from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mmseg_gl.engine.checkpoint import newest_whole_checkpoint
from mmseg_gl.engine.plain_values import has_form
from mmseg_gl.engine.resumption import settings_of
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.recorded_folder import differences
from mmseg_gl.experiments.run_result import PEAK_MEMORY, read_json, read_metrics
from mmseg_gl.experiments.tool_process import ToolProcess
from mmseg_gl.files import make_folder, read_record, write_text

RECORD = 'compare.json'  # in the folder of a run: the settings with which it was started


@dataclass
class ComparedRun:
    """One run of a comparison: a config, trained and tested with one seed.

    Args:
        method: Name of the row.
        config: Config file.
        seed: Random seed.
        dir: Folder of the run.
        options: Settings of the config that are changed, 'KEY=VALUE'.
    """

    method: str
    config: str
    seed: int
    dir: str
    options: list[str] = field(default_factory=list)
    state: str = 'waiting'
    process: ToolProcess | None = None

    @property
    def name(self) -> str:
        return f'{self.method}, seed {self.seed}'

    def is_done(self) -> bool:
        return read_metrics(self.dir) is not None and os.path.isdir(
            os.path.join(self.dir, 'test', 'predictions')
        )

    def check_settings(self, cfg: Any) -> None:
        """Record the settings of a new run.

        Args:
            cfg: Config with the options.

        Raises:
            UserError: If the folder holds a run with other settings.
        """
        path, settings = os.path.join(self.dir, RECORD), settings_of(cfg)
        before = read_record(path)
        if before is None:
            make_folder(self.dir, '--work-dir')
            write_text(path, json.dumps(settings, indent=1))
        elif changed := differences(before, settings):
            raise UserError(
                f'{self.dir} holds a run of {self.config} with different settings ('
                f'{", ".join(changed)}); choose another --work-dir or delete that folder'
            )

    def execute(self, threads: int) -> None:
        """Train, or resume training, and test in subprocesses of ``threads`` threads each."""
        self.state = 'training'
        arguments = ['--work-dir', self.dir, '--seed', str(self.seed), '--resume']
        self.call('train', [self.config, *arguments], threads)
        self.state = 'testing'
        newest = newest_whole_checkpoint(self.dir)
        if newest is None:
            raise UserError(f'{self.name}: training wrote no checkpoint to {self.dir}')
        checkpoint, _ = newest
        test_dir = os.path.join(self.dir, 'test')
        predictions = os.path.join(test_dir, 'predictions')
        shutil.rmtree(predictions, ignore_errors=True)  # of a test that was interrupted
        arguments = ['--work-dir', test_dir, '--out', predictions]
        self.call('test', [self.config, checkpoint, *arguments], threads)
        self.state = 'done'
        print(f'{self.name}: done', flush=True)

    def call(self, tool: str, arguments: Sequence[object], threads: int) -> None:
        options = ['--cfg-options', *self.options] if self.options else []
        self.process = ToolProcess(
            self.name,
            tool,
            [*arguments, *options],
            os.path.join(self.dir, 'compare.log'),
            threads,
        )
        try:
            self.process.run()
        except UserError:
            self.state = 'failed'
            raise
        finally:
            if tool == 'train':
                self.record_memory(self.process.peak_memory)

    def record_memory(self, mib: float) -> None:
        """Record the peak memory of a training process, if none of the run has had more."""
        path = os.path.join(self.dir, PEAK_MEMORY)
        before = read_json(path)
        if mib > (before['mib'] if has_form(before, dict(mib=float)) else 0):
            write_text(path, json.dumps(dict(mib=mib)))

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def progress(self) -> str:
        """Return the state of the run, e.g. 'training 400/1000, eta 0:01:10'."""
        detail = self.process.progress() if self.state == 'training' and self.process else None
        return f'{self.state} {detail}' if detail else self.state
