"""What is printed: a table, one JSON object or CSV; figures, lists of what there is, a page to start from."""

import argparse
import csv
import io
import json
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from otalab.cli import main as cli
from otalab.cli.examples import EXAMPLES
from otalab.cli.main import parser
from otalab.cli.options.formats import csv_text
from otalab.files import MADE
from otalab.firmware.catalogue import load_design

QUICK = ("--board", "tiny", "--faults", "atomic")
IDENTITY = "single-record/tiny/atomic/healthy/until-taken/-.5.before,-"


@pytest.fixture(autouse=True)
def _somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def printed(capsys, *words):
    status = cli.main(list(words))
    return status, *capsys.readouterr()


OBJECTS = {
    "replay": ("replay", IDENTITY, "--json"),
    "designs --show": ("designs", "--show", "mongoose", "--json"),
    "designs --choices": ("designs", "--choices", "--json"),
    "serve --check": ("serve", "--check", "--flash", "lamp.bin", "--port", "0", "--json"),
    "check": ("check", "single-record", *QUICK, "--json"),
    "trace": ("trace", "mongoose", "--board", "tiny", "--format", "json"),
    **{name: (name, "--json") for name in ("boards", "parts", "faults", "rates", "designs")},
}


@pytest.mark.parametrize("words", OBJECTS.values(), ids=OBJECTS)
def test_one_object_and_nothing_else(words, capsys, tmp_path):
    """On standard output, and no file is made on the way."""
    status, out, err = printed(capsys, *words)
    assert (status in (0, 1), "") == (True, err)
    assert isinstance(json.loads(out), dict)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_report_says_what_it_wrote_and_what_it_found(capsys):
    """As an object too."""
    words = ("report", "single-record", *QUICK, "--image", "healthy", "--repair", "0", "--parts", "W25Q16JV")
    status, out, _ = printed(capsys, *words, "--budget", "50", "-o", "page.html", "--json")
    told = json.loads(out)
    assert (0, "page.html") == (status, told["files"][0]["path"])
    assert Path("page.html").stat().st_size == told["files"][0]["bytes"]
    assert "unsafe" == told["designs"][0]["cells"][0]["verdict"]
    _, out, _ = printed(capsys, *words, "--budget", "50", "-o", "page.html", "--format", "csv")
    assert ["given", "design", "faults"] == next(csv.reader(io.StringIO(out)))[:3]


@pytest.mark.parametrize(
    "words, first",
    [
        (("check", "single-record", "hardened", *QUICK), ["design", "faults", "image", "verdict"]),
        (("trace", "mongoose", "--board", "tiny"), ["run", "effect", "phase"]),
        (("trace", "mongoose", "--board", "tiny", "--summary"), ["phase", "erases", "programs"]),
        (("risk", "single-record", "hardened", *QUICK, "--rate", "1"), ["design", "end", "probability", "low", "high"]),
        (("campaign", "hardened", *QUICK, "--rate", "1", "--devices", "10", "--out", "out"), ["end", "devices"]),
        (("boards",), ["name", "platform"]),
        (("rates",), ["name", "rate", "per hour"]),
    ],
)
def test_rows_as_csv(words, first, capsys):
    """A line of names, and as many columns in each line."""
    _, out, err = printed(capsys, *words, "--format", "csv")
    rows = list(csv.reader(io.StringIO(out)))
    assert ("", first) == (err, rows[0][: len(first)])
    assert {len(rows[0])} == {len(row) for row in rows}
    assert len(rows) > 2


def test_csv_holds_no_formula():
    """A name that a spreadsheet would compute is text in it; a number stays one."""
    assert "a,b\n'=1+1,-2\n" == csv_text(("a", "b"), [("=1+1", -2)])


def test_two_formats_are_one_too_many(capsys):
    """Which is meant is not guessed."""
    assert 2 == printed(capsys, "boards", "--json", "--format", "csv")[0]
    assert 0 == printed(capsys, "boards", "--json", "--format", "json")[0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_a_trace_is_drawn_and_may_be_drawn_again(kind, capsys):
    """The file says that it is the lab's; what has another ending is refused before the work."""
    for _ in range(2):
        assert 0 == printed(capsys, "trace", "mongoose", "--board", "tiny", "--summary", "--plot", f"a.{kind}")[0]
    assert MADE.encode() in Path(f"a.{kind}").read_bytes()
    assert "its ending says what it is" in printed(capsys, "trace", "mongoose", "--plot", "a.xyz")[2]


def test_the_risk_of_two_designs_is_set_side_by_side(capsys):
    """Each as it is alone, under the name that it was given by: two pages may be called the same."""
    Path("hardened.toml").write_text(load_design("single-record").toml().replace('"single-record"', '"hardened"', 1))
    names = ("hardened", "hardened.toml")
    words = (*QUICK, "--rate", "1.4/year", "--json")
    alone = [json.loads(printed(capsys, "risk", name, *words)[1]) for name in names]
    assert alone == json.loads(printed(capsys, "risk", *names, *words)[1])["results"]
    out = printed(capsys, "risk", *names, *words[:-1])[1]
    assert list(names) == next(line for line in out.splitlines() if "hardened" in line).split()
    assert ["verdict", "safe", "unsafe"] == next(line for line in out.splitlines() if "verdict" in line).split()


def test_the_phases_of_one_design_are_drawn(capsys):
    """Of two it is refused."""
    words = (*QUICK, "--rate", "1.4/year", "--plot", "risk.svg")
    assert 2 == printed(capsys, "risk", "hardened", "in-place", *words)[0]
    assert 0 == printed(capsys, "risk", "single-record", *words)[0]
    assert MADE in Path("risk.svg").read_text()


@pytest.mark.parametrize("like", ["hardened", "mongoose", "mgos-boot"])
def test_a_new_page_is_the_design_with_words_to_it(like, capsys):
    """It loads, it differs by its name alone, and what somebody has changed is not written over."""
    assert 0 == printed(capsys, "new", "mine.toml", "--like", like, "--board", "tiny")[0]
    mine, page = load_design("mine.toml"), Path("mine.toml").read_text()
    assert ("mine", "tiny") == (mine.name, mine.board.name)
    changed = {"name", "summary", "layout"}
    known = tomllib.loads(load_design(like).toml())
    assert {k: v for k, v in known.items() if k not in changed} == {
        k: v for k, v in tomllib.loads(page).items() if k not in changed
    }
    Path("mine.toml").write_text(page.partition("\n")[2])
    assert 2 == printed(capsys, "new", "mine.toml")[0]
    assert 2 == printed(capsys, "new", "mine.json")[0]


def test_help_and_version(capsys):
    """Of everything, of one command, and which one it is."""
    assert "otalab check" in printed(capsys, "help", "check")[1]
    assert "COMMAND" in printed(capsys, "help")[1]
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert (0, "otalab ") == (ended.value.code, capsys.readouterr().out[:7])


def test_every_command_has_its_help(capsys):
    """In words of its own."""
    (commands,) = parser()._subparsers._group_actions
    for name in commands.choices:
        assert 0 == cli.main(["help", name])
        assert f"otalab {name}" in capsys.readouterr().out


def every_parser(of):
    """Yield the parser of every command, and of every action of a command."""
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                yield name, one
                yield from ((f"{name} {more}", inner) for more, inner in every_parser(one))


@pytest.mark.parametrize("name, one", list(every_parser(parser())), ids=lambda one: one if isinstance(one, str) else "")
def test_options_stand_in_groups(name, one):
    """Under a heading that says what they are about; each in one place."""
    loose = [action.dest for action in one._optionals._group_actions]
    assert ["help"] == loose
    titles = [group.title for group in one._action_groups]
    assert sorted(set(titles)) == sorted(titles)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_can_be_typed(name):
    """Each is a call of its command, with options that it has."""
    for line in EXAMPLES[name]:
        chosen = parser().parse_args(shlex.split(line)[1:])
        assert name == chosen.command


def test_every_command_has_an_example():
    """Nobody learns an option from its name alone."""
    (commands,) = parser()._subparsers._group_actions
    assert set(EXAMPLES) == set(commands.choices)


IDLE = {
    "designs --board tiny": "goes with --show",
    "designs --show mongoose --schema": "not allowed with",
    "serve --flash x.bin --json": "goes with --check",
    "trace mongoose --faults atomic": "there is no such option",
}


@pytest.mark.parametrize("words", IDLE)
def test_an_option_without_effect_is_refused(words, capsys, tmp_path):
    """It would say that it had one."""
    try:
        status = cli.main(words.split())
    except SystemExit as ended:
        status = ended.code
    assert (2, []) == (status, list(tmp_path.iterdir()))
    assert IDLE[words] in capsys.readouterr().err


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_a_command_alone_is_the_command_among_all(command):
    """
    What is opened for one command alone shows the help that it has beside the others.
    """
    whole, alone = parser(), parser(command)
    assert command_of(whole, command).format_help() == command_of(alone, command).format_help()


def test_every_command_is_opened_by_its_name():
    """
    None stands in the help that cannot be asked for.
    """
    assert [*cli.COMMANDS, "help"] == [*commands_of(parser())]


def test_the_help_of_all_opens_no_command():
    """
    Nobody waits for what he has not asked for; each line is the one of the command.
    """
    asked = "import sys; from otalab.cli.main import parser; parser('help').print_help(); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    *helped, loaded = ran.stdout.splitlines()
    assert parser().format_help().splitlines() == helped
    opened = {name for name in loaded.split() if name.startswith("otalab.") and name.count(".") > 1}
    assert {"main", "commands", "examples", "interrupts", "parser", "way_out"} == {
        name.removeprefix("otalab.cli.") for name in opened
    }
    assert "numpy" not in loaded


def commands_of(top):
    """
    The commands of a parser, by name.
    """
    return next(action.choices for action in top._actions if action.dest == "command")


def command_of(top, command):
    return commands_of(top)[command]
