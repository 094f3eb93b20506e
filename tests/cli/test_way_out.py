"""The one way out: every output of every command, in every place that is none, ends in one line and status 2."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from places import NOT_FILES, OTALAB, on_a_small_disk, somebody

from otalab import set_up
from otalab.cli import designs as design_cli
from otalab.cli import main as cli
from otalab.errors import BadInput
from otalab.formats.bundle.build import PartSource, bundle_bytes
from otalab.formats.filesystems.kinds import build_image
from otalab.graph.explorer import Explorer
from otalab.wire.keys import new_pair

TINY = ("--board", "tiny")
QUICK = (*TINY, "--faults", "atomic")
IDENTITY = "single-record/tiny/atomic/healthy/until-taken/-.5.before,-"
# Every option by which a command is told where to write, last.
FILES = {
    "check --save": ("check", "single-record", *QUICK, "--save"),
    "check --graph": ("check", "single-record", *QUICK, "--graph"),
    "repair --save": ("repair", "single-record", *QUICK, "--save"),
    "replay --dump": ("replay", IDENTITY, "--dump"),
    "trace --record": ("trace", "mongoose", "--board", "tiny", "--record"),
    "report -o": ("report", "single-record", *QUICK, "-o"),
    "report --pdf": ("report", "single-record", *QUICK, "--pdf"),
    "trace --plot": ("trace", "mongoose", "--board", "tiny", "--plot"),
    "risk --plot": ("risk", "single-record", *QUICK, "--rate", "1", "--plot"),
    "new": ("new",),
    "board import -o": ("board", "import", "given/partitions.csv", "-o"),
    "files make": ("files", "--folder", "given/fs", "--size", "0x8000", "make"),
    "bundle sign -o": ("bundle", "sign", "given/in.zip", "--key", "0=given/key.pem", "-o"),
    "bundle build": ("bundle", "build", "--app", "given/app.bin", "--fs", "given/fs", *TINY, "--version", "2"),
    "serve --flash": ("serve", "--board", "tiny", "--port", "0", "--flash"),
    "shadow-service --state": ("shadow-service", "--broker", "127.0.0.1:1", "--state"),
}  # fmt: skip
FOLDERS = {
    "campaign --out": ("campaign", "single-record", *QUICK, "--rate", "1", "--devices", "10", "--out"),
    "files extract --folder": ("files", "extract", "given/fs.img", "--folder"),
    "firmware new": ("firmware", "new"),
    "lab": ("lab", "--no-open"),
    "fleet --flash-dir": ("fleet", "serve", "--devices", "1", *TINY, "--broker", "127.0.0.1:1", "--flash-dir"),
}  # fmt: skip
# These ask before they write over what somebody else made; the others go on with what is there, or refuse it.
ASKS = FILES.keys() - {"serve --flash", "shadow-service --state"}
PARTITIONS = "otadata,data,ota,0xe000,0x2000\napp0,app,ota_0,0x10000,0x80000\napp1,app,ota_1,,0x80000\n"


def at(words, place):
    """Return a command that writes there; a figure and a page have endings."""
    ending = ".svg" if "--plot" in words else ".toml" if words[0] in ("new", "board") else ""
    return (*words, f"{place}{ending}")


@pytest.fixture
def given(tmp_path, monkeypatch):
    """What the commands read, in a folder beside which nothing may appear; and a search that must not begin."""
    folder = tmp_path / "given"
    (folder / "fs").mkdir(parents=True)
    (folder / "fs" / "conf.json").write_text("{}")
    (folder / "app.bin").write_bytes(bytes(100))
    (folder / "fs.img").write_bytes(build_image({"conf.json": b"{}"}, 0x8000))
    (folder / "partitions.csv").write_text(PARTITIONS)
    (folder / "in.zip").write_bytes(set_up("hardened", "tiny").bundle)
    (folder / "key.pem").write_bytes(new_pair()[0])
    for ending in ("", ".svg", ".toml"):
        (tmp_path / f"file{ending}").write_bytes(b"somebody's")
        (tmp_path / f"folder{ending}").mkdir()
    monkeypatch.chdir(tmp_path)

    def search(_explorer):
        raise AssertionError("the search has begun")

    monkeypatch.setattr(Explorer, "explore", search)
    return tmp_path


def names(folder):
    return sorted(one.name for one in folder.iterdir())


def refused(capsys, *words):
    """Run a command that is to be refused, and return the one line."""
    status = cli.main(list(words))
    said = capsys.readouterr()
    assert (2, "", 1) == (status, said.out, said.err.count("\n")), said
    return said.err


BAD_PLACES = {
    "nowhere/place": "there is no folder nowhere",
    "file/place": "there is no folder file",
    "x" * 300: "File name too long",
    "folder": ": is a folder, and an ordinary file is needed",
}


@pytest.mark.parametrize("place", BAD_PLACES, ids=["nowhere", "below-a-file", "too-long", "a-folder"])
@pytest.mark.parametrize("words", FILES.values(), ids=FILES)
def test_a_place_that_is_none_is_refused_before_the_search(capsys, given, words, place):
    """In one line, and nothing is made."""
    before = names(given)
    assert BAD_PLACES[place] in refused(capsys, *at(words, place))
    assert before == names(given)


@pytest.mark.parametrize("place", ["file/place", "x" * 300, "file"], ids=["below-a-file", "too-long", "a-file"])
@pytest.mark.parametrize("words", FOLDERS.values(), ids=FOLDERS)
def test_a_folder_that_cannot_be_made_is_refused_before_the_search(capsys, given, words, place):
    """In one line, and nothing is made."""
    before = names(given)
    refused(capsys, *words, place)
    assert before == names(given)


@pytest.mark.parametrize("what", ["a device", "a pipe", "a socket"])
@pytest.mark.parametrize("words", FILES.values(), ids=FILES)
def test_nothing_replaces_what_is_no_ordinary_file(capsys, given, words, what):
    """Not even for root, and not behind a link; --force does not mean that."""
    node, link = at(words, "node")[-1], at(words, "link")[-1]
    NOT_FILES[what](given / node)
    (given / link).symlink_to(node)
    before = os.lstat(node).st_mode
    for place in ("node", "link"):
        said = refused(capsys, *at(words, place))
        assert f"{at(words, place)[-1]}: is {what}, and an ordinary file is needed" in said
    assert before == os.lstat(node).st_mode


@pytest.mark.parametrize("words", [FILES[name] for name in sorted(ASKS)], ids=sorted(ASKS))
def test_what_somebody_made_is_not_written_over(capsys, given, words):
    """Before the search, with the way out; raw flash, which cannot say who made it, when it would change."""
    place = at(words, "file")[-1]
    status = cli.main([*at(words, "file")])
    said = capsys.readouterr().err
    assert (2, 1) == (status, said.count("\n"))
    assert f"{place}: is there, and was not made by otalab: take another name, or say --force" in said
    assert b"somebody's" == (given / place).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ASKS - {"replay --dump", "report --pdf", "risk --plot"}))
def test_the_same_command_may_be_run_again(capsys, given, monkeypatch, name):
    """What the lab made is known by what stands in it; --force writes over the rest."""
    monkeypatch.undo()
    monkeypatch.chdir(given)
    more = ("--budget", "5", "--repair", "0", "--parts", "W25Q16JV", "--image", "healthy") if "report" in name else ()
    for place, force in (("new", ()), ("new", ()), ("file", ("--force",)), ("file", ())):
        assert 0 <= cli.main([*at(FILES[name], place), *more, *force]) <= 1, capsys.readouterr()
    assert at(FILES[name], "new")[-1] in names(given)
    assert not [one for one in names(given) if one.endswith(".tmp")]


@pytest.mark.parametrize("words", [*FILES.values(), *FOLDERS.values()], ids=[*FILES, *FOLDERS])
def test_without_permission_there_is_one_line(capsys, given, words):
    """Of an ordinary user, in a folder that belongs to somebody else."""
    with somebody() as folder:
        assert "this user has no permission" in refused(capsys, *at(words, folder / "new"))
        if words in FILES.values() and at(words, "")[-1] == "":
            assert "this user has no permission" in refused(capsys, *words, str(folder / "theirs"))


# Whatever ends a command


def fails(monkeypatch, error):
    def run(_chosen):
        raise error

    monkeypatch.setattr(design_cli, "run", run)
    return cli.main(["designs"])


@pytest.mark.parametrize(
    "error, status, said",
    [
        (BadInput("colour: is none"), 2, "otalab designs: colour: is none\n"),
        (FileNotFoundError(2, "No such file or directory", "a.bin"), 2, "otalab designs: a.bin: no such file\n"),
        (PermissionError(13, "Permission denied", "a.bin"), 2, "this user has no permission\n"),
        (OSError(28, "No space left on device"), 2, "the system refuses: No space left on device\n"),
        (OSError(28, "No space left on device", "a.bin"), 2, "a.bin: cannot be used: No space left on device\n"),
        (ExceptionGroup("tasks", [ExceptionGroup("tasks", [OSError(28, "No space left")])]), 2, "No space left\n"),
        (BadInput("a\nb\x1b[31m"), 2, "otalab designs: a\\nb\\x1b[31m\n"),
        (KeyError("merge"), 3, "internal fault: KeyError: 'merge' (test_way_out.py:"),
        (RecursionError("too deep"), 3, "internal fault: RecursionError: too deep"),
        (KeyboardInterrupt(), 130, "otalab designs: interrupted\n"),
        (asyncio.CancelledError(), 3, "internal fault: CancelledError"),
        (BrokenPipeError(), 0, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_ends_a_command_is_one_line_and_a_status(capsys, monkeypatch, error, status, said):
    """And never a traceback, whose status says that a design is unsafe."""
    assert status == fails(monkeypatch, error)
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == (1 if said else 0)


def test_a_fault_of_the_lab_is_told_whole_to_whoever_asks(capsys, monkeypatch):
    """The line says how."""
    monkeypatch.delenv("OTALAB_DEBUG", raising=False)
    assert 3 == fails(monkeypatch, KeyError("merge"))
    assert "OTALAB_DEBUG=1" in capsys.readouterr().err
    monkeypatch.setenv("OTALAB_DEBUG", "1")
    assert 3 == fails(monkeypatch, KeyError("merge"))
    assert "Traceback" in capsys.readouterr().err


# Where the output goes


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("words", ["designs", "help designs", "--help", "--version"])
def test_a_full_terminal_is_one_line(words, buffered):
    """What cannot be printed is no fault of Python's at exit; nor was a help printed that nobody could read."""
    settings = os.environ | {"PYTHONUNBUFFERED": buffered}
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([*OTALAB, *words.split()], stdout=full, stderr=subprocess.PIPE, env=settings, check=False)
    assert (2, b"otalab") == (ran.returncode, ran.stderr[:6])
    assert ran.stderr.endswith(b": the system refuses: No space left on device\n")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_a_terminal_that_lacks_a_sign_gets_its_number(encoding):
    """No encoding ends a command: neither the help, with its dots, nor a complaint about a strange name."""
    settings = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": encoding}
    helped = subprocess.run([*OTALAB, "serve", "--help"], capture_output=True, env=settings, check=False)
    refusing = subprocess.run([*OTALAB, "trace", "\u2603.toml"], capture_output=True, env=settings, check=False)
    assert (0, b"") == (helped.returncode, helped.stderr)
    assert (2, b"otalab trace: \\u2603.toml: no such file") == (refusing.returncode, refusing.stderr.strip())


@pytest.mark.parametrize(
    "name, kilobytes",
    [
        ("trace --record", 16),
        ("replay --dump", 16),
        ("serve --flash", 16),
        pytest.param("trace --plot", 16, marks=pytest.mark.slow),
        ("new", 4),
        pytest.param("campaign --out", 4, marks=pytest.mark.slow),
    ],
)
def test_a_full_disk_leaves_nothing_half_written(name, kilobytes):
    """One line, status 2, and the disk is as empty as before, but for the folder of a campaign, which goes on."""
    ran = on_a_small_disk([*OTALAB, *at((FILES | FOLDERS)[name], "place")], kilobytes)
    assert (2, "No space left on device") == (ran.returncode, ran.stderr.strip()[-len("No space left on device") :])
    assert ran.stdout.partition("left:")[2].split() == (["place"] if name in FOLDERS else [])


def test_a_bundle_of_somebody_elses_is_not_taken_for_ours(capsys, given):
    """One that was told when it was made has not been made by us for want of a clock."""
    parts = [PartSource("app", "app", "app.bin", bytes(100))]
    theirs = bundle_bytes(name="a", platform="lab", version="1", build_id="b", parts=parts, build_timestamp="2017")
    (given / "out.zip").write_bytes(theirs)
    assert "--force" in refused(capsys, *FILES["bundle build"], "out.zip")
    assert theirs == (given / "out.zip").read_bytes()


def test_two_results_need_two_names(capsys, given):
    """One would replace the other."""
    assert "is to hold two results" in refused(capsys, *FILES["check --save"], "new", "--graph", "new")
