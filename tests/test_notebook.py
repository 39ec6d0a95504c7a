"""The notebook runs from its first cell to its last."""

from pathlib import Path

import pytest

nbclient, nbformat = pytest.importorskip('nbclient'), pytest.importorskip('nbformat')
NOTEBOOK = Path(__file__).parents[1] / 'docs/adapt_your_folder.ipynb'


@pytest.mark.slow
def test_notebook(tmp_path, monkeypatch):
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    monkeypatch.setenv('PYTHONPATH', str(NOTEBOOK.parents[1]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get('outputs') for cell in notebook.cells)
    options = dict(timeout=900, resources=dict(metadata=dict(path=str(tmp_path))))
    nbclient.NotebookClient(notebook, **options).execute()
    last = notebook.cells[-1].outputs
    assert any('image/png' in output.get('data', {}) for output in last)
