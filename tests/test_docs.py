"""The documentation's commands are checked, and its links; `make docs-check` also runs them."""

import pytest

from tests import tables
from tests.docs_check import PAGES, ROOT, faults_of

FAULTY = """
# Title
[one](none.md), [two](#none), [three](#title), `tools/none.py`
```bash
python tools/trian.py CONFIG
python tools/train.py CONFIG --sed 1
python tools/train.py configs/none.py
C=configs/source_only
python tools/train.py $C/source-only_deeplabv2-tiny_street-scenes.py --cfg-options train_cfg.max=3
python tests/none.py
make none
```
"""


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_links(page, tmp_path):
    assert list(faults_of(page, tmp_path)) == []


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tables_say_what_the_logs_say(page):
    assert tables.with_tables(page.read_text()) == page.read_text()


def test_faults_are_found(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text(FAULTY)
    faults = sorted(faults_of(page, tmp_path / 'copy'))
    named = ['none.md', '#none', 'tools/none.py', 'trian', '--sed', 'configs/none.py']
    named += ['train_cfg.max:', 'tests/none.py', 'make']
    assert len(faults) == len(named)
    for words in named:
        assert any(words in fault for fault in faults), words
