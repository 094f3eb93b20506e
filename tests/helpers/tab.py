"""A Python that has what a browser's tab has: the lab, and none of the packages that an installation brings."""

import os
import subprocess
import sys
from pathlib import Path

from otalab.views.site.runtime import VERSION

ROOT = Path(__file__).parents[2]
BOARDS = ROOT / "otalab" / "views" / "site" / "boards"
BLOCKED = (
    "IPython", "aiohttp", "aiomqtt", "anywidget", "cryptography", "distributed", "ipykernel", "ipywidgets", "jinja2",
    "littlefs", "matplotlib", "multiprocessing", "networkx", "numba", "numpy", "pandas", "psutil", "pyarrow", "scipy",
    "shtab", "tqdm", "yaml",
)  # fmt: skip
BLOCK = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def said_without_packages(source, *words):
    """
    Return what a script prints where those packages are not to be had.
    """
    command = [sys.executable, "-c", BLOCK + source, *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout.splitlines()


def pyodide():
    """
    Return the folder of Python as WebAssembly: where `OTALAB_PYODIDE` says, or where `.ci/run` unpacks it; or None.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "otalab" / f"pyodide-{VERSION}" / "package"
    folder = Path(os.environ.get("OTALAB_PYODIDE", cache))
    return str(folder) if (folder / "pyodide.asm.wasm").is_file() else None
