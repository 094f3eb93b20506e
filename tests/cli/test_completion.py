"""A real bash completes what is typed: commands, options, names, files."""

import argparse
import shutil
import subprocess
import sys

import pytest

from otalab.cli import main as cli
from otalab.cli.completion import SHELLS

# What is typed, and what the Tab key offers for its last word.
TYPED = {
    "otalab che": "check",
    "otalab check mong": "mongoose",
    "otalab check mongoose --boa": "--board",
    "otalab check mongoose --board esp8": "esp8266-2M esp8266-4M",
    "otalab check mongoose --board mi": "mine.toml",
    "otalab check mine": "mine.toml",
    "otalab risk mongoose --timing ": "typ max",
    "otalab check mongoose --faults atom": "atomic",
    "otalab bundle ": "build sign inspect verify",
    "otalab bundle build --fs fi": "files",
    "otalab fleet serve --dia": "--dialect",
    "otalab inspect du": "dump.bin",
    "otalab replay --dump du": "dump.bin",
    "otalab serve --flash du": "dump.bin",
    "otalab completion b": "bash",
}
CALL = """
words=($1); [[ $1 == *' ' ]] && words+=('')
COMP_WORDS=("${words[@]}"); COMP_CWORD=$((${#words[@]} - 1)); COMPREPLY=()
$(complete -p otalab | sed 's/.*-F \\([^ ]*\\).*/\\1/'); echo "${COMPREPLY[*]}"
"""


def script(capsys, shell):
    assert 0 == cli.main(["completion", shell])
    return capsys.readouterr().out


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash on this machine")
def test_bash_completes_what_is_typed(tmp_path, capsys):
    """A word of the language, one of a list, or a file that is there."""
    (tmp_path / "files").mkdir()
    for name in ("mine.toml", "dump.bin"):
        (tmp_path / name).write_text("")
    (tmp_path / "otalab.bash").write_text(script(capsys, "bash"))
    asked = [f"typed() {{ {CALL} }}", "source ./otalab.bash", *(f"typed '{one}'" for one in TYPED)]
    ran = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(asked)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "" == ran.stderr
    expected = {typed: sorted(offered.split()) for typed, offered in TYPED.items()}
    assert expected == dict(zip(TYPED, (sorted(line.split()) for line in ran.stdout.splitlines()), strict=True))


def options(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from options(one)
        yield from action.option_strings


@pytest.mark.parametrize("shell", SHELLS)
def test_no_command_and_no_option_is_left_out(shell, capsys):
    """In the script of each shell."""
    written = script(capsys, shell)
    assert not [one for one in (*cli.COMMANDS, *options(cli.parser())) if one.lstrip("-") not in written]


def test_without_the_library_the_way_out_is_told(capsys, monkeypatch):
    """In one line."""
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert 2 == cli.main(["completion", "bash"])
    assert "otalab completion: completion needs the package shtab: pip install shtab\n" == capsys.readouterr().err
