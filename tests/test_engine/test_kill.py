"""SIGKILL in the midst of a step, of writing a checkpoint and of replacing one: nothing is lost.

``make torture`` does it at random moments.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import signal, sys
from pathlib import Path
import torch
from tests.run_states import assert_same_run
from tests.torture import Torture, wait

torch.set_num_threads(1)
folder = Path(sys.argv[1])
work = Torture(folder, iterations=6)
work.finish('straight')
saved = 0
# Every start writes the copy of its settings first, then come iter_2.pth and last_checkpoint. A
# step of phase 2 (from iteration 2 on) is of three optimizers.
for fate, least in ((('written', 2), 2), (('step', 5), 2), (('write', 5), 4)):
    assert wait(work.start('killed', fate=fate)) == -signal.SIGKILL
    saved = work.check_nothing_is_lost('killed', saved)
    assert saved == least, (fate, saved)
work.finish('killed')
assert_same_run(folder / 'straight', folder / 'killed')
"""


@pytest.mark.slow
def test_run_that_is_killed_three_times_equals_the_straight_one(tmp_path):
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    result = subprocess.run(
        [sys.executable, '-c', PROGRAM, str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
