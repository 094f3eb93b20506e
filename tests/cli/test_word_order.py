"""Words and options stand in any order: what is meant does not hang on which of them comes first."""

from itertools import permutations

import pytest

from otalab.cli import main as cli

TAKING_MANY = {
    "check": "designs",
    "report": "designs",
    "risk": "designs",
    "inspect": "files",
    "files": "words",
}
OPTIONS = {"files": (("--folder", "F"), ("--size", "0x1000"))}
USUAL = (("--board", "tiny"), ("--json",))


def test_every_command_that_takes_many_words_is_among_them():
    """A command that is new is asked here too."""
    commands = cli.parser()._subparsers._group_actions[0].choices
    many = {name: one._takes_many() for name, one in commands.items() if one._subparsers is None}
    assert TAKING_MANY == {name: dest for name, dest in many.items() if dest}


@pytest.mark.parametrize("command", TAKING_MANY)
def test_words_may_be_split_by_options(command):
    """In every order of two words and two options, the same is meant."""
    needed = {"report": ["-o", "page.html"], "risk": ["--rate", "1"]}.get(command, [])
    parser, meant = cli.parser(command), []
    for order in permutations([("make",), ("lamp",), *OPTIONS.get(command, USUAL)]):
        if order.index(("make",)) < order.index(("lamp",)):
            parsed = parser.parse_args([command, *needed, *(word for group in order for word in group)])
            meant.append({key: value for key, value in vars(parsed).items() if not callable(value)})
            assert ["make", "lamp"] == getattr(parsed, TAKING_MANY[command])
    assert all(meant[0] == one for one in meant)


def test_one_word_too_many_is_still_refused(capsys):
    """Where a command takes one."""
    with pytest.raises(SystemExit):
        cli.parser("trace").parse_args(["trace", "mongoose", "--summary", "hardened"])
    assert "hardened: is one too many" in capsys.readouterr().err
