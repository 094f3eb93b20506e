"""Every notebook is stored clean and runs from top to bottom."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))

SECONDS_PER_CELL = 120

each_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


@pytest.mark.skipif(not NOTEBOOKS, reason="there is no notebook yet")
def test_the_first_notebook_is_there():
    """
    `lab.py run` opens it.
    """
    assert "00_start_here.ipynb" in NOTEBOOKS


@each_notebook
def test_is_stored_clean(name):
    """
    A change of a notebook shows what was written, not what was computed.
    """
    notebook = nbformat.read(FOLDER / name, as_version=nbformat.NO_CONVERT)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]

    nbformat.validate(notebook)
    assert [] == [cell.id for cell in code if cell.outputs or cell.execution_count is not None]
    assert "widgets" not in notebook.metadata
    assert "python3" == notebook.metadata.kernelspec.name


@pytest.mark.slow
@each_notebook
def test_runs_from_top_to_bottom(name):
    """
    No cell fails, and none waits for a hand.
    """
    notebook = nbformat.read(FOLDER / name, as_version=4)
    here = {"metadata": {"path": str(FOLDER)}}

    # Saved widget state would swell the notebook in memory, and nobody looks at it here.
    NotebookClient(notebook, timeout=SECONDS_PER_CELL, store_widget_state=False, resources=here).execute()
