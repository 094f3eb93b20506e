"""Progress is one line at a terminal, whatever is in the names that it tells, and nothing in a file."""

import io
import sys
from pathlib import Path

import pytest

from otalab.cli import progress
from otalab.cli.progress import bar

HOSTILE = "\x1b[31mred\x1b[0m\r\nCommitted \x9b2J\u202e{0}%s"
SHOWN = r"\x1b[31mred\x1b[0m\r\nCommitted \x9b2J\u202e{0}%s"


class Terminal(io.StringIO):
    """A terminal that remembers what it was sent."""

    def isatty(self):
        """Say that it is one."""
        return True


WAYS = {
    "at first": lambda shown: shown(desc=HOSTILE),
    "later": lambda shown: shown(unit=" runs").set_description_str(HOSTILE),
    "with a colon": lambda shown: shown().set_description(HOSTILE),
    "behind": lambda shown: shown(total=3).set_postfix_str(HOSTILE),
    "in a form of its own": lambda shown: shown(bar_format="{elapsed} {desc}").set_description_str(HOSTILE),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_name_in_a_bar_is_shown_and_not_obeyed(monkeypatch, way):
    """Escape codes, newlines and marks of direction are written out; only the bar's own return is an order."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    made = []

    def shown(**options):
        made.append(bar(**options))
        made[-1].delay = 0
        return made[-1]

    WAYS[way](shown)
    made[0].refresh()
    said = screen.getvalue()
    assert SHOWN in said
    assert said.replace("\r", "").replace("\x1b[A", "").isprintable(), ascii(said)
    made[0].close()


def test_nothing_is_shown_in_a_file(monkeypatch):
    """Where nobody watches, nothing is written."""
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    with bar(desc=HOSTILE) as shown:
        shown.update()
        shown.refresh()
    assert not file.getvalue()


def test_every_bar_of_a_command_is_this_one():
    """No command makes one of its own, which would not look at names."""
    commands = {
        path.name: path.read_text(encoding="utf-8") for path in sorted(Path(progress.__file__).parent.rglob("*.py"))
    }
    assert ["progress.py"] == [name for name, text in commands.items() if "import tqdm" in text]
