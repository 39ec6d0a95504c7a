import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_venv_that_make_did_not_make_is_left_alone(tmp_path):
    (tmp_path / 'mine').write_text('precious')
    command = ['make', 'install', f'VENV={tmp_path}']
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2 and f'error: {tmp_path} lacks' in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ['mine']
