"""Tools in processes of their own."""

import sys

import pytest

from mmseg_gl.errors import UserError
from mmseg_gl.experiments.tool_process import ToolProcess


def test_a_failure_quotes_its_own_last_line_and_keeps_the_log(tmp_path):
    log = tmp_path / 'train.log'
    log.write_text('$ an earlier call\nerror: no space left\n')
    process = ToolProcess('run', 'train', [], str(log))
    process.command = [sys.executable, '-c', 'raise SystemExit("out of memory")']
    with pytest.raises(UserError, match=r'run: train ended with exit code 1 \(out of memory\)'):
        process.run()
    assert 'no space left' in log.read_text()
