"""A recorded update is explored like the lab's own: same boot loader, same cuts, same verdicts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st
from plain import Thin, enumerate_plainly, mini, small

from otalab.bench.contents import default_bundle
from otalab.bench.observer import judge
from otalab.bench.recorded import recorded_scenario
from otalab.bench.recording import RecordedOperation, read_recording, write_recording
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.cli import main as cli
from otalab.errors import BadInput
from otalab.faults.models import fault_model
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.outcome import Running
from otalab.firmware.store import codec
from otalab.formats.records.catalogue import LAB_RECORDS
from otalab.formats.records.record import Record
from otalab.graph.case import Case
from otalab.graph.check import check
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of
from otalab.graph.history import Leg, play
from otalab.hardware.board import load_board
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash

TINY = load_board("tiny")
SECTOR, PAGE = TINY.geometry.sector_size, TINY.geometry.page_size


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Return a function that records a design's undisturbed update on the board tiny, and gives the file."""
    folder = tmp_path_factory.mktemp("recorded")

    def record(design):
        path = folder / f"{design}.csv"
        if not path.exists():
            write_recording(life(set_up(design, "tiny")), path)
        return path

    return record


def verdict(scenario, faults="atomic"):
    case = Case(scenario.device.design.name, "tiny", faults, "healthy", scenario.offers)
    return check(case, scenario, fault_model(faults)).graph


def switch_first(recording):
    """Return the recording with the boot record, its last two operations, moved before everything else."""
    return recording[-2:] + recording[:-2]


def read(tmp_path, text):
    path = tmp_path / "update.csv"
    path.write_text(text)
    return read_recording(path)


# The file


def test_csv_and_json_lines_say_the_same(tmp_path):
    """Decimal or hexadecimal, with comments and empty lines, columns in any order, a time or none."""
    expected = (
        RecordedOperation("erase", 0x2000, time=0.5),
        RecordedOperation("erase", 0x4000, size=0x2000),
        RecordedOperation("program", 0x2010, b"\x01\xfe", 1.25),
    )

    assert expected == read(
        tmp_path,
        "# a bench\n\nop,size,address,data,time\nerase,,8192,,0.5\n"
        "erase,0x2000,0x4000,,\r\n\n# the record\nPROGRAM,,0x2010,01FE, 1.25",
    )
    assert expected == read(
        tmp_path,
        '{"op": "erase", "address": 8192, "time": 0.5}\n\n# another bench\n'
        '{"op": "erase", "address": "0x4000", "data": "", "time": null, "size": 8192}\n'
        '{"op": "program", "address": "8208", "data": "01fe", "time": "1.25"}\n',
    )


HEADER = "op,address,data,time\n"


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "update.csv: holds no operation"),
        (HEADER, "update.csv: holds no operation"),
        (
            "erase,0,,\nerase,0,,\n",
            "update.csv:2: column 'erase' is unknown; a line has op (erase or program), address",
        ),
        (HEADER + "erase,0,,\nwrite,0,ff,\n", "update.csv:3: op 'write' cannot be read; a line has"),
        (HEADER + "erase,0\n", "update.csv:2: 2 cells below a header of 4"),
        (HEADER + "erase,,,\n", "update.csv:2: address '' cannot be read"),
        (HEADER + "erase,12ab,,\n", "update.csv:2: address '12ab' cannot be read"),
        (HEADER + "erase,-1,,\n", "update.csv:2: a negative or an infinite number"),
        (HEADER + "erase,0,,inf\n", "update.csv:2: a negative or an infinite number"),
        (HEADER + "erase,0,,nan\n", "update.csv:2: a negative or an infinite number"),
        (HEADER + "erase,0,,soon\n", "update.csv:2: time 'soon' cannot be read"),
        (HEADER + "erase,0,ff,\n", "update.csv:2: erase with 1 bytes of data"),
        (HEADER + "program,0,,\n", "update.csv:2: program with 0 bytes of data"),
        (HEADER + "program,0,f,\n", "update.csv:2: data 'f' cannot be read"),
        ("op,address,data,size\nprogram,0,ff,1\n", "update.csv:2: program with 1 bytes of data and a size"),
        ('{"op": "erase", "address": true}', "update.csv:1: address 'True' cannot be read"),
        ('{"op": "erase", "adress": 0}', "update.csv:1: column 'adress' is unknown"),
        ('{"op": "erase", "address": 0', "update.csv:1: Expecting ',' delimiter"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, complaint):
    """File and line, what is wrong, and what a line looks like; in one line."""
    with pytest.raises(BadInput) as refused:
        read(tmp_path, text)

    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_no_text_or_not_there_is_refused(tmp_path):
    """A raw image in the place of a recording, a name that was mistyped."""
    (tmp_path / "flash.bin").write_bytes(b"\xff" * 100)
    for name in ("flash.bin", "nothing.csv"):
        with pytest.raises(BadInput, match=name):
            read_recording(tmp_path / name)


def test_operations_are_cut_into_what_the_board_can_do():
    """A large erase is its sectors, in rising order; a long program is its pages."""
    wide = RecordedOperation("erase", 2 * SECTOR, size=3 * SECTOR)
    long = RecordedOperation("program", PAGE - 1, bytes(PAGE + 2))

    assert [Erase(2), Erase(3), Erase(4)] == wide.effects(TINY.geometry)
    assert [Program(PAGE - 1, b"\0"), Program(PAGE, bytes(PAGE)), Program(2 * PAGE, b"\0")] == long.effects(
        TINY.geometry
    )


@pytest.mark.parametrize(
    "operation, complaint",
    [
        (
            RecordedOperation("erase", 10, where="a:2"),
            "a:2: an erase of 4096 bytes at 0xa is not whole sectors of 4096",
        ),
        (RecordedOperation("erase", 0, size=10, where="a:2"), "a:2: an erase of 10 bytes"),
        (RecordedOperation("erase", TINY.geometry.size, where="a:3"), "a:3: .* outside a flash"),
        (RecordedOperation("program", TINY.geometry.size - 1, b"ab", where="a:4"), "a:4: .* outside a flash"),
    ],
)
def test_what_the_board_cannot_do_is_refused(operation, complaint):
    """With the line of the recording, and the way out."""
    with pytest.raises(BadInput, match=f"{complaint}.*; choose the board"):
        recorded_scenario([operation], "hardened", "tiny")


# The round trip


@pytest.mark.parametrize("design", designs())
def test_replayed_a_recording_leaves_what_was_recorded(recorded, design):
    """Same contents after the same time, less what the firmware asked and did not wait for.

    A record that names no version leaves nothing to call the image by.
    """
    own = life(set_up(design, "tiny"))
    again = life(recorded_scenario(read_recording(recorded(design)), design, "tiny"))

    assert own.runs[0].flash == again.runs[0].flash
    assert own.last.flash == again.last.flash
    assert own.runs[0].seconds == pytest.approx(again.runs[0].seconds, abs=1e-6)
    version = "2" if load_design(design).record in LAB_RECORDS else "recorded+recorded"
    assert Running(own.last.outcome.slot, version, True) == again.last.outcome


def test_recorded_again_a_recording_is_the_same(recorded, tmp_path):
    """Operations and times; pauses are in the times."""
    recording = read_recording(recorded("hardened-plus"))
    write_recording(life(recorded_scenario(recording, "hardened-plus", "tiny")), tmp_path / "again.csv")
    again = read_recording(tmp_path / "again.csv")
    begun = recording[0].time

    assert [replace(one, time=None) for one in recording] == [replace(one, time=None) for one in again]
    assert [one.time - begun for one in recording] == pytest.approx([one.time - begun for one in again], abs=1e-6)


def test_a_life_without_an_update_is_not_recorded(tmp_path):
    """There is nothing to write."""
    what = set_up("hardened", "tiny")
    updated = life(what).last

    with pytest.raises(BadInput, match="no update was written"):
        write_recording(life(what, updated.flash), tmp_path / "none.csv")


@pytest.mark.parametrize("faults", ["atomic", pytest.param("all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("design", ["hardened", "hardened-plus", "single-record"])
def test_a_recording_has_the_verdict_of_what_was_recorded(recorded, design, faults):
    """These designs write, when they begin again, what they wrote before: so does their recording."""
    own = verdict(set_up(design, "tiny"), faults)
    again = verdict(recorded_scenario(read_recording(recorded(design)), design, "tiny"), faults)

    assert again.closed
    assert (own.verdict, own.ends, own.nodes) == (again.verdict, again.ends, again.nodes)
    assert "single-record" == design or "safe" == again.verdict


@pytest.mark.slow
def test_without_times_the_verdict_is_the_same(recorded):
    """A pause is one more place for a cut, and no other contents."""
    recording = [replace(one, time=None) for one in read_recording(recorded("hardened"))]

    assert "safe" == verdict(recorded_scenario(recording, "hardened", "tiny"), "all").verdict


@pytest.mark.slow
@pytest.mark.parametrize(
    "design, end", [("mongoose", "bricked"), pytest.param("hardened", "data-lost", marks=pytest.mark.slow)]
)
def test_a_promise_before_the_image_is_undone_by_one_cut(recorded, design, end):
    """The record written first names a slot that is not whole; a loader that checks the image still loses files."""
    recording = switch_first(read_recording(recorded(design)))
    what = recorded_scenario(recording, design, "tiny")
    graph = verdict(what)

    assert "updated" == judge(what, life(what)).name
    assert ("unsafe", 1) == (graph.verdict, len(graph.counterexample.cuts))
    assert end in graph.ends


# What it begins with, and what counts as new


def test_the_flash_of_one_update_is_where_the_next_begins(recorded, tmp_path):
    """An image of an updated device is as good a beginning as a shipped one: its slots have changed places."""
    once = set_up("hardened", "tiny")
    first = life(once).last.flash
    twice = set_up("hardened", "tiny", bundle=default_bundle(TINY, "3", 1000))
    twice = replace(twice, device=replace(twice.device, images=(once.new, twice.new)))
    write_recording(life(twice, first), tmp_path / "second.csv")
    what = recorded_scenario(read_recording(tmp_path / "second.csv"), "hardened", "tiny", first.image)

    assert ("2", "3") == (what.old.version, what.new.version)
    assert Running(0, "3", True) == life(what).last.outcome
    assert "safe" == verdict(what).verdict


def test_the_new_image_may_be_named(recorded):
    """Version, slot and length, where the record is not to be believed."""
    recording = read_recording(recorded("hardened"))
    what = recorded_scenario(recording, "hardened", "tiny", new=("9", 1, 0x2000))

    assert "9" == what.new.version
    assert Running(1, "9", True) == life(what).last.outcome
    for slot, length in ((2, 1), (1, 0), (1, 0x2001)):
        with pytest.raises(BadInput, match="does not lie in slot"):
            recorded_scenario(recording, "hardened", "tiny", new=("9", slot, length))


def test_a_named_image_that_is_not_the_one_of_the_record_is_told(recorded):
    """Each of version, slot and length that the record holds otherwise; without a difference nothing is said."""
    recording, length = read_recording(recorded("hardened")), TINY.slots[1].app.size
    assert () == recorded_scenario(recording, "hardened", "tiny", new=("2", 1, length)).findings
    for new, record, named in (
        (("9", 1, length), "version 2", "version 9"),
        (("2", 1, PAGE), f"length {length}", f"length {PAGE}"),
        (("3", 0, PAGE), f"version 2, slot 1, length {length}", f"version 3, slot 0, length {PAGE}"),
    ):
        (said,) = recorded_scenario(recording, "hardened", "tiny", new=new).findings
        assert said.startswith(f"The newest record names {record}, and --new names {named}: ")


def test_a_recording_that_ends_too_soon_is_no_update(recorded):
    """Without its record the old image runs on: the user is told what the boot loader said."""
    recording = read_recording(recorded("hardened"))[:-2]

    with pytest.raises(BadInput, match=r"leaves the image that was there .*slot 0, committed"):
        recorded_scenario(recording, "hardened", "tiny")
    named = recorded_scenario(recording, "hardened", "tiny", new=("2", 1, 0x2000))
    assert ("stuck", 0) == ((bad := verdict(named).counterexample).end, len(bad.cuts))


def test_a_recording_that_halts_the_boot_loader_is_a_brick_without_a_cut(recorded):
    """A bricked device is a result, never an exception."""
    graph = verdict(recorded_scenario(read_recording(recorded("single-record"))[:-1], "single-record", "tiny"))

    assert ("bricked", []) == (graph.counterexample.end, graph.counterexample.cuts)


def test_contents_that_start_nothing_committed_are_refused(recorded):
    """Blank flash, a device in its trial, a flash of another size."""
    recording = read_recording(recorded("hardened"))
    trial = life(set_up("hardened", "tiny")).runs[0].flash
    blank = Flash.blank(TINY.geometry)
    for initial, why in [(blank.image, "no valid boot record"), (trial.image, "dirty"), (blank.image * 2, "not fit")]:
        with pytest.raises(BadInput, match=why):
            recorded_scenario(recording, "hardened", "tiny", initial)


LOST = [
    (design, board) for design in ("mongoose", "hardened", "mgos-boot", "single-record") for board in ("tiny", "lab-1M")
]


@pytest.mark.parametrize(("design", "board"), LOST)
def test_a_page_that_did_not_go_in_is_seen(design, board, tmp_path):
    """Whichever page of the image it is: the record's own length and CRC-32 are not those of what lies there."""
    path = tmp_path / "update.csv"
    write_recording(life(set_up(design, board, app_size=3 * PAGE)), path)
    whole = read_recording(path)
    app = load_board(board).slots[1].app
    programs = [n for n, one in enumerate(whole) if one.op == "program" and 0 <= one.address - app.address < app.size]
    assert not recorded_scenario(whole, design, board).not_taken

    for lost in programs:
        scenario = recorded_scenario(whole[:lost] + whole[lost + 1 :], design, board)
        (said,) = scenario.findings
        assert f"nothing is programmed in the page at 0x{whole[lost].address:x}" in said
        assert "Undisturbed, the update does not go in: " in scenario.not_taken
        if design == "mongoose":
            assert "bricked" in scenario.not_taken
        if design == "hardened":
            assert "Rolling back to slot 0: the image in slot 1 fails its checksum" in scenario.not_taken


@pytest.mark.parametrize("board", ["tiny", "lab-1M"])
def test_a_page_of_the_files_that_did_not_go_in_is_told(board, tmp_path):
    """No record guards files; who leaves out programs of erased bytes is not told of each of them."""
    path = tmp_path / "update.csv"
    write_recording(life(set_up("hardened", board, app_size=PAGE)), path)
    whole = read_recording(path)
    files = load_board(board).slots[1].fs
    programs = [
        n for n, one in enumerate(whole) if one.op == "program" and 0 <= one.address - files.address < files.size
    ]
    pages = sorted({whole[n].address for n in programs})
    assert () == recorded_scenario(whole, "hardened", board).findings
    for address in (pages[1], pages[len(pages) // 2]):
        less = [one for one in whole if one.op != "program" or one.address != address]
        (said,) = recorded_scenario(less, "hardened", board).findings
        assert f"Among the files in slot 1 nothing is programmed at 0x{address:x}, where all around is" in said
    skipping = [one for one in whole if one.op != "program" or {*one.data} != {0xFF}]
    assert () == recorded_scenario(skipping, "hardened", board).findings


@pytest.mark.parametrize(("design", "told"), [("mongoose", 2), ("hardened", 2), ("mgos-boot", 2), ("cc3200", 1)])
def test_a_lost_page_is_bad_news(capsys, tmp_path, recorded, design, told):
    """Exit status 1 with the reason, in text and in JSON, whether a record tells of the image or nothing does.

    The same recording whole is 0.
    """
    lines = recorded(design).read_text().splitlines(keepends=True)
    lost = next(n for n, line in enumerate(lines) if line.startswith("program,0x00b2"))
    file = tmp_path / "lost.csv"
    file.write_text("".join(lines[:lost] + lines[lost + 1 :]))
    choices = ("--design", design, "--board", "tiny", "--faults", "atomic")

    assert 0 == printed(capsys, "explore-recording", recorded(design), *choices)[0]
    status, out = printed(capsys, "explore-recording", file, *choices)
    assert 1 == status
    assert "nothing is programmed in the page at 0xb200" in out
    status, out = printed(capsys, "explore-recording", file, *choices, "--json")
    assert (1, told) == (status, len(json.loads(out)["findings"]))


def test_an_update_that_leaves_what_was_there_is_bad_news(capsys, tmp_path, recorded):
    """It has no record that would name another image: one line, and 1."""
    lines = recorded("hardened").read_text().splitlines(keepends=True)
    file = tmp_path / "short.csv"
    file.write_text("".join(lines[:-2]))
    choices = ("--design", "hardened", "--board", "tiny", "--faults", "atomic")

    status, out = printed(capsys, "explore-recording", file, *choices)
    assert (1, 1) == (status, len(out.splitlines()))
    assert "undisturbed, the recording leaves the image that was there" in out


def test_the_operation_that_destroys_the_running_slot_is_named(recorded, tmp_path):
    """By its line, and so is a program over bits that were not erased."""
    plain = read_recording(recorded("hardened"))
    first = TINY.slots[0].app.address
    text = f"op,address,data\nerase,0x{first:x},\nprogram,0x{first + SECTOR:x},ffff\n"
    scenario = recorded_scenario((*read(tmp_path, text), *plain), "hardened", "tiny")

    destroys, dirty = scenario.findings
    assert f"update.csv:2: the erase at 0x{first:x} destroys the image that runs, in slot 0." in destroys
    assert f"update.csv:3 programs 0x{first + SECTOR:x}, where" in dirty


# The proof


def test_a_recording_is_not_offered_again(recorded):
    """After a rollback its record would be the older one."""
    what = recorded_scenario(read_recording(recorded("hardened")), "hardened", "tiny")

    with pytest.raises(BadInput, match="not offered again"):
        replace(what, offers="again")


def test_a_record_written_by_sequencer_alone_is_refused(recorded):
    """Two updates in one recording: what lies in one place differs in nothing that the explorer looks at."""
    form = codec(load_design("hardened"))
    recording = read_recording(recorded("hardened"))
    record = form.decode(recording[-1].data)
    again = form.encode(Record(record.sequencer - 2, record.config))
    twice = (*recording, recording[-2], replace(recording[-1], data=again))

    with pytest.raises(BadInput, match="boot record 1 by its sequencer alone"):
        recorded_scenario(twice, "hardened", "tiny")


# Whose records lie in the small sectors of a mini board.
LABS = [name for name in designs() if load_design(name).record in LAB_RECORDS]
THIN = Thin("thin", prefixes=(9, 83), fronts=(40,), zeros=(12,))


@tuned(max_examples=40, deadline=None)
@given(data=st.data(), design=st.sampled_from(LABS), cuts=st.integers(1, 2))
@pytest.mark.slow
def test_it_finds_what_plain_enumeration_finds(tmp_path_factory, data, design, cuts):
    """Lines in any order or missing, the record anywhere and erased before or not: same ends, same histories."""
    path = tmp_path_factory.mktemp("any") / "update.csv"
    own = small(design)
    write_recording(life(own), path)
    lines = read_recording(path)
    record = max(number for number, line in enumerate(lines) if line.op == "erase")
    others = data.draw(st.permutations(lines[:record]))[data.draw(st.integers(0, 1)) :]
    at = data.draw(st.integers(0, len(others)))
    others[at:at] = lines[record + data.draw(st.integers(0, 1)) :]
    new = "2", 0 if design == "in-place" else 1, 100
    what = recorded_scenario(others, design, mini(), own.flash.image, new)
    explorer = Explorer(what, THIN, budget=3000)
    explorer.explore()
    found = {end: history.order for end, history in graph_of(explorer).histories.items()}

    assert enumerate_plainly(what, THIN, cuts) == {end: order for end, order in found.items() if order[0] <= cuts}


# The commands


def printed(capsys, *words):
    status = cli.main([str(word) for word in words])
    return status, capsys.readouterr().out


def test_the_commands_make_the_round_trip(capsys, tmp_path):
    """Trace records, explore-recording explores; its JSON is that of check."""
    file = tmp_path / "update.csv"
    recorded, _ = printed(capsys, "trace", "hardened", "--board", "tiny", "--record", file)
    choices = ("--design", "hardened", "--board", "tiny", "--faults", "atomic")
    status, out = printed(capsys, "explore-recording", file, *choices, "--json")
    (told,) = json.loads(out)["results"]

    assert (0, 0) == (recorded, status)
    assert ("hardened", "atomic", "safe", None) == tuple(
        told[key] for key in ("design", "faults", "verdict", "counterexample")
    )
    assert (0, True) == ((plain := printed(capsys, "explore-recording", file, *choices))[0], "  safe  " in plain[1])


def test_bad_news_is_status_1_and_bad_input_status_2(capsys, tmp_path, recorded):
    """As with check; what is wrong is said in one line."""
    lines = recorded("mongoose").read_text().splitlines(keepends=True)
    file = tmp_path / "early.csv"
    file.write_text("".join([*lines[:2], *lines[-2:], *lines[2:-2]]))
    choices = ("--design", "mongoose", "--board", "tiny", "--faults", "atomic")

    assert 1 == printed(capsys, "explore-recording", file, *choices)[0]
    assert 0 == printed(capsys, "explore-recording", recorded("mongoose"), *choices, "--new", "7:1:0x2000")[0]
    assert 2 == cli.main(["explore-recording", str(file), *choices, "--new", "7"])
    assert "VERSION:SLOT:LENGTH" in capsys.readouterr().err


# Raw images


@pytest.mark.parametrize("legs", ["-,-", pytest.param("-.150.after,-.2.cut,-", marks=pytest.mark.slow)])
def test_the_flash_at_any_step_is_written_as_a_raw_image(capsys, tmp_path, legs):
    """Every step of every run of a history; at the end of a run that was cut, what the cut left."""
    identity, out = f"hardened/tiny/atomic/healthy/until-taken/{legs}", tmp_path / "flash.bin"
    played = list(play(set_up("hardened", "tiny"), fault_model("atomic"), tuple(map(Leg.parse, legs.split(",")))))
    for number, leg in enumerate(played):
        for step in leg.steps[:: max(1, len(leg.steps) // 5)]:
            printed(capsys, "replay", identity, "--dump", out, "--force", "--step", f"{number}.{step.number}")
            assert step.before.image == out.read_bytes()
    printed(capsys, "replay", identity, "--dump", out, "--force")

    assert played[-1].flash.image == out.read_bytes()
    assert TINY.geometry.size == out.stat().st_size


def test_a_raw_image_is_where_an_exploration_can_begin(capsys, tmp_path, recorded):
    """What replay dumped, explore-recording takes: here a slot half written, which changes nothing."""
    identity, out = "hardened/tiny/atomic/healthy/until-taken/-,-", tmp_path / "flash.bin"
    printed(capsys, "replay", identity, "--dump", out, "--step", "0.100")
    choices = ("--design", "hardened", "--board", "tiny", "--faults", "atomic", "--image-file", out, "--json")
    status, told = printed(capsys, "explore-recording", recorded("hardened"), *choices)

    assert (0, "safe") == (status, json.loads(told)["results"][0]["verdict"])


def test_a_history_of_a_recording_is_replayed(capsys, tmp_path, recorded):
    """The id that explore-recording prints, with the recording; another one is refused."""
    choices = ("--design", "single-record", "--board", "tiny", "--faults", "atomic", "--json")
    _, told = printed(capsys, "explore-recording", recorded("single-record"), *choices)
    identity = json.loads(told)["results"][0]["counterexample"]["id"]
    status, out = printed(capsys, "replay", identity, "--recording", recorded("single-record"))

    assert 0 == status
    assert "bricked: " in out.splitlines()[-1]
    assert 2 == cli.main(["replay", identity])
    assert "--recording" in capsys.readouterr().err
    other = tmp_path / "other.csv"
    other.write_text("# not the same file\n" + recorded("single-record").read_text())
    assert 2 == cli.main(["replay", identity, "--recording", str(other)])
    assert "is not recording-" in capsys.readouterr().err
