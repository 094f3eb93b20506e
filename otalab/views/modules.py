"""The modules that a browser runs: each is one text, joined from files, since it is loaded from memory."""

from pathlib import Path

HERE = Path(__file__).parent
# What every one begins with: how elements are made, and the link to the model.
DOM = HERE / "dom.js"
SIGNS = HERE / "signs.js"
SHARED = (DOM, HERE / "link.js")


def joined(*files: Path) -> str:
    """Return a widget's module: what all share, then its own files."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (*SHARED, *files))
