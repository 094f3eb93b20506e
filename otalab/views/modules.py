"""The modules that a browser runs: each is one text, joined from files, since it is loaded from memory."""

from pathlib import Path

LINK = Path(__file__).with_name("link.js")


def joined(*files: Path) -> str:
    """Return a widget's module: the link to its model, then its own files."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (LINK, *files))
