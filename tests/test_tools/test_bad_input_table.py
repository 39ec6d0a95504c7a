"""Every bad input of tests/bad_input_table.py: one sentence, exit code 2, never a traceback."""

import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / 'bad_input_table.py'
spec = importlib.util.spec_from_file_location('bad_input_table', PATH)
bad_input_table = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = bad_input_table  # its dataclasses look it up
spec.loader.exec_module(bad_input_table)
CASES = bad_input_table.cases()


@pytest.fixture(scope='module')
def shared(tmp_path_factory):
    return bad_input_table.Shared(tmp_path_factory.mktemp('bad_input'))


def test_the_table_is_large_and_about_every_tool():
    tools = {path.stem for path in (PATH.parents[1] / 'tools').glob('*.py')}
    assert {case.tool for case in CASES} == tools and len(CASES) >= 40
    assert len({(case.tool, case.what) for case in CASES}) == len(CASES)


@pytest.mark.parametrize('case', CASES, ids=lambda case: f'{case.tool}: {case.what}')
def test_bad_input(case, shared):
    answer = bad_input_table.run_case(case, shared)
    assert answer.code == 2, answer.text
    lines = answer.text.splitlines()
    assert len(lines) == 1 and lines[0].startswith('error: '), answer.text
    assert case.words in lines[0]
