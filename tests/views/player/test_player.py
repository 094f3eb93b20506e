"""The update player without a browser: traits in, traits out; and its tape holds every byte of every step."""

import argparse
import json
import re
import struct
import zlib
from functools import cache
from itertools import pairwise

import pytest
from traitlets import TraitError

from otalab import designs, set_up
from otalab.bench.trace import life
from otalab.cli.main import main
from otalab.cli.replay import add_parser
from otalab.errors import BadInput, OtalabError
from otalab.faults.models import fault_model
from otalab.firmware import store
from otalab.firmware.store import select
from otalab.graph.check import check_design
from otalab.graph.history import Leg, ending, play
from otalab.hardware.chip import Chip
from otalab.hardware.flash import Flash
from otalab.views.player.life import live
from otalab.views.player.page import CSS, ESM
from otalab.views.player.tape import BLANK, Tape
from otalab.views.player.tears import tears
from otalab.views.player.widget import UpdatePlayer

SWITCH = 160  # the program of the record that names the new slot, in both designs on the board `tiny`
OVER = 'UpdatePlayer("hardened", "tiny", faults="all", image="healthy")'


def a_player(design="hardened", board="tiny", **more):
    return UpdatePlayer(design, board, **more)


class Decoded:
    """
    A tape taken apart again, by the letter of its description.
    """

    def __init__(self, packed):
        raw = zlib.decompress(packed)
        (size,) = struct.unpack_from("<I", raw)
        self.head = json.loads(raw[4 : 4 + size])
        self.columns = {
            name: struct.unpack_from(f"<{length}{code}", raw, 4 + size + at)
            for name, code, at, length in self.head["tables"]
        }
        self.pool = raw[4 + size + self.head["bytes"] :]

    def rows(self, prefix, *names):
        return list(zip(*(self.columns[f"{prefix}_{name}"] for name in names), strict=True))


class Screen:
    """
    What the browser makes of one tape, or of two.
    """

    def __init__(self, trace, recovery=b""):
        self.tapes = [Decoded(trace)] + ([Decoded(recovery)] if recovery else [])
        split = self.tapes[-1].head["first"] if recovery else self.tapes[0].head["positions"]
        self.length = self.tapes[-1].head["positions"]
        self.board = self.tapes[0].head["board"]
        self.shipped = self.tapes[0].head["shipped"]
        both = [(tape, tape is not self.tapes[-1]) for tape in self.tapes]
        self.deltas, self.states, self.lines = [], [], []
        for tape, ends in both:
            deltas = tape.rows("delta", "position", "sector", "offset", "length", "source")
            states = tape.rows("state", "position", "sector", "state")
            self.deltas += [row for row in deltas if not (ends and row[0] >= split)]
            self.states += [row for row in states if not (ends and row[0] >= split)]
            self.lines += tape.head["lines"][: split if ends else None]

    def bytes_of(self, source, length):
        if source == BLANK:
            return b"\xff" * length
        tape = next(tape for tape in reversed(self.tapes) if source >= tape.head["pool"])
        at = source - tape.head["pool"]
        return tape.pool[at : at + length]

    def images(self):
        """
        Yield the flash at every position; it is the same array each time, changed in place.
        """
        flash, rows = bytearray(b"\xff" * self.board["starts"][-1]), iter(self.deltas)
        row = next(rows, None)
        for position in range(self.length):
            while row and row[0] <= position:
                _, sector, offset, length, source = row
                at = self.board["starts"][sector] + offset
                flash[at : at + length] = self.bytes_of(source, length)
                row = next(rows, None)
            yield flash


def exact(player):
    screen = Screen(player.trace, player.recovery)
    assert len(player.life) == screen.length == len(screen.lines)
    for position, image in enumerate(screen.images()):
        assert player.life.flash(position).image == image, position


@pytest.mark.parametrize("design", ["hardened", "mongoose", "single-record", "in-place"])
def test_the_tape_holds_every_byte_of_an_undisturbed_life(design):
    """
    Decoded, it gives the flash after each effect, bit for bit.
    """
    exact(a_player(design))


@pytest.mark.parametrize(
    "cuts, choices",
    [
        ([[0, SWITCH, "prefix-1"]], []),
        ([[0, 40, "before"], [1, SWITCH - 1, "weak"], [2, 2, "cut"]], []),
        ([[0, SWITCH - 1, "zeros"], [1, SWITCH, "fields-2"], [2, SWITCH, "after"]], []),
        ([[1, 0, "zeros-front-7"], [2, 0, "slow-cells-22"]], []),
    ],
)
def test_the_tape_of_a_recovery_holds_every_byte(cuts, choices):
    """
    It continues the first tape from the first cut on, however often the power failed.
    """
    player = a_player(cuts=cuts, choices=choices)

    assert cuts == player.cuts
    exact(player)


def test_a_sector_that_reads_otherwise_is_on_the_tape():
    """
    An unstable sector changes without any effect, where the firmware first reads it.
    """
    cuts = [[0, SWITCH, "unstable-half"], [1, 0, "after"]]
    player = a_player(faults="unstable", choices=["", "0", "1"], cuts=cuts)

    assert "bricked" == player.end
    assert any(played.run.swaps for played in player.life.played)
    exact(player)


def test_the_states_on_the_tape_are_those_of_the_flash():
    """
    Erased is erased, and of the records one counts; the other, whole, is stale.
    """
    player = a_player(cuts=[[0, SWITCH, "prefix-1"]])
    names = list(Screen(player.trace).tapes[0].head["states"])
    states, rows = {}, iter(Screen(player.trace, player.recovery).states)
    row = next(rows)
    for position in range(len(player.life)):
        while row and row[0] <= position:
            states[row[1]] = names[row[2]]
            row = next(rows, None)
        for sector, contents in enumerate(player.life.flash(position).sectors):
            assert (states[sector] == "erased") <= (set(contents) == {0xFF}), (position, sector)
        if position == SWITCH:
            assert "torn" == states[2]
    assert ("stale", "whole") == (states[1], states[2])
    assert {"stale"} == {states[sector] for sector in player.scenario.device.board.sectors_of(slot_0(player).app)}


def slot_0(player):
    return player.scenario.device.board.slots[0]


def test_the_same_bytes_travel_once():
    """
    A recovery that downloads all of it again costs the wire a tenth of the first download.
    """
    player = a_player(cuts=[[0, SWITCH, "prefix-1"]])

    assert len(player.life) > 2 * SWITCH
    assert len(player.recovery) < len(player.trace) / 3
    assert b"" != player.recovery


def test_a_position_is_clipped():
    """
    Past either end is the end.
    """
    player = a_player()

    player.step = 10_000
    assert len(player.life) - 1 == player.step
    player.step = -3
    assert 0 == player.step


def test_the_player_goes_to_a_place_by_its_name():
    """
    A phase, a cut, an effect of a run, the end; then some effects on.
    """
    player = a_player(cuts=[[0, SWITCH, "prefix-1"]])

    player.goto("switch")
    assert (0, SWITCH - 1, "switch") == (*player.life.at(player.step), player.phase)
    player.goto("switch", 1)
    assert SWITCH == player.step
    player.goto((1, 0))
    assert SWITCH + 1 == player.step
    player.goto("cut")
    assert SWITCH == player.step
    player.goto("end")
    assert len(player.life) - 1 == player.step


@pytest.mark.parametrize("place", ["rollback", "nowhere", (0, 10_000), (7, 0)])
def test_a_place_that_is_not_there_is_refused(place):
    """
    The player stays where it is.
    """
    player = a_player(step=3)

    with pytest.raises(BadInput, match="not in the life that is shown"):
        player.goto(place)
    assert 3 == player.step


def test_what_is_said_follows_the_position():
    """
    Sentence, log and the record that counts are those of the step.
    """
    player = a_player()
    assert "Run 0, effect 0, boot: wait: boot, 1.000 s." == player.sentence
    assert [
        "Boot record 0: sequencer 18446744073709551614, slot 0, committed",
        "Starting version 1 in slot 0",
    ] == player.log

    player.goto("switch")
    assert "Record 0 counts: record 1 is erased." == player.why
    player.step += 1
    assert (
        "Record 1 counts: its sequencer 2**64-3 is smaller than 2**64-2, so it is taken for the newer one."
        == player.why
    )
    assert "Run 0, effect 160, switch: program 84 bytes at 0x002000 (record 1), 0.400 ms" in player.sentence
    player.goto("end")
    assert list(life(player.scenario).log) == player.log
    assert player.sentence.endswith("The life ends updated: version 2 runs from slot 1 and is committed.")
    assert ("updated", "version 2 runs from slot 1 and is committed") == (player.end, player.reason)


def test_the_record_that_counts_is_the_one_that_the_firmware_takes():
    """
    At every position the sentence and the tape name what `store.select` selects.
    """
    player = a_player("mongoose", cuts=[[0, SWITCH, "prefix-1"]])
    undisturbed, recovery = (tape.head["moments"] for tape in Screen(player.trace, player.recovery).tapes)
    moments = [one for one in undisturbed if one["position"] < SWITCH] + recovery

    assert SWITCH == recovery[0]["position"]
    for moment in moments:
        player.step = moment["position"]
        assert moment["why"] == player.why
        assert player.why.startswith(f"Record {moment['selected']} counts")


@pytest.mark.parametrize("effect", [0, 40, SWITCH - 1, SWITCH, SWITCH + 1])
def test_what_was_said_before_the_cut_was_said(effect):
    """
    And nothing that came after it; then the next run speaks.
    """
    player = a_player()
    player.step = effect
    said = player.log

    player.cut("cut" if effect in (0, SWITCH + 1) else "before")

    assert said == player.log
    player.step += 1
    now = "1: sequencer 18446744073709551613, slot 1, dirty" if effect > SWITCH else "0: sequencer 18446744073709551614"
    assert said == player.log[: len(said)]
    assert player.log[len(said)].startswith(f"Boot record {now}")


def test_records_are_decoded():
    """
    What stands in them, which counts, and why: for a cell, as for the screen.
    """
    player = a_player()
    player.goto("switch", 1)

    assert (1, player.why) == (player.records["selected"], player.records["why"])
    assert ["starts slot", "1"] in player.records["records"][1]["fields"]


def test_a_bundle_is_given_by_its_path(tmp_path):
    """
    The code names the path, the id holds a digest, and a file that is not there is refused in one line.
    """
    path = tmp_path / "update.zip"
    path.write_bytes(set_up("hardened", "tiny").bundle)
    player = a_player(bundle=str(path))

    assert f"bundle={json.dumps(str(path))}" in player.opening
    assert UpdatePlayer.of(player.identity, bundle=path).identity == player.identity
    with pytest.raises(BadInput, match="no such file"):
        a_player(bundle=str(tmp_path / "nowhere.zip"))
    with pytest.raises(BadInput, match="made with a bundle"):
        UpdatePlayer.of(player.identity)


def test_the_commit_timer_runs_down_from_the_interval():
    """
    59 seconds are left when the image has booted; none is shown where no timer runs.
    """
    player = a_player("mongoose")

    assert player.timer is None
    player.goto((1, 0))
    assert pytest.approx(59.0) == player.timer
    player.goto("commit", 1)
    assert pytest.approx(53.9546) == player.timer


@pytest.mark.parametrize("design", designs())
def test_a_timer_is_shown_exactly_where_one_fires(design):
    """
    For an image that hangs, and to the second: the run that the firmware says it ended shows it run down to nothing.
    """
    lived = life(set_up(design, "tiny", image="hangs", app_size=3000))
    player = a_player(design, image="hangs", app_size=3000)

    for number, run in enumerate(lived.runs):
        shown = []
        for step in run.steps:
            player.goto((number, step.number))
            shown += [] if player.timer is None else [(player.timer, step.seconds)]
        assert bool(shown) == str(getattr(run.outcome, "reason", "")).startswith("commit timer")
        for (before, _), (after, seconds) in pairwise(shown):
            assert pytest.approx(before - seconds) == after
        assert not shown or pytest.approx(0.0, abs=1e-6) == shown[-1][0]


def test_a_timer_that_is_due_rolls_back():
    """
    An image that hangs leaves the timer to run out; from then on none runs.
    """
    player = a_player("mongoose", image="hangs")

    player.goto("rollback", -1)
    assert pytest.approx(0.0) == player.timer
    player.step += 1
    assert player.timer is None
    assert "rolled-back" == player.end


def test_a_cut_goes_on_with_the_recovery_on_the_same_line():
    """
    It stands at the wreck, and one step further the next run begins.
    """
    player = a_player()
    player.goto("switch", 1)

    player.cut("prefix-1")

    assert [[0, SWITCH, "prefix-1"]] == player.cuts
    assert SWITCH == player.step
    assert "THE POWER FAILS" in player.sentence and "Left: prefix-1." in player.sentence
    player.step += 1
    assert player.sentence.startswith("Run 1, effect 0, boot")
    assert "updated" == player.end


@pytest.mark.slow
def test_cuts_go_as_deep_as_one_likes_and_come_back():
    """
    Undone one by one, they leave the life as it was.
    """
    player = a_player()
    whole = player.trace
    ends = []
    for _ in range(4):
        player.goto((len(player.cuts), SWITCH))
        player.cut("prefix-1")
        ends.append(player.end)

    assert [0, 1, 2, 3] == [cut[0] for cut in player.cuts]
    assert ["updated"] * 4 == ends
    for left in (3, 2, 1, 0):
        player.undo()
        assert (left, SWITCH) == player.life.at(player.step)
        assert left == len(player.cuts)
    assert (b"", whole) == (player.recovery, player.trace)
    player.undo()
    assert [] == player.cuts


def test_a_cut_before_others_takes_them_away():
    """
    What came after it has not happened.
    """
    player = a_player(cuts=[[0, SWITCH, "prefix-1"], [1, 20, "before"]])

    player.goto((0, 40))
    player.cut("before")

    assert [[0, 40, "before"]] == player.cuts


def test_what_a_cut_can_leave_is_a_short_list_that_counts_all():
    """
    The classes are few, their counts add up to every tear, and each label is one that can be chosen.
    """
    player = a_player()
    player.goto("switch", 1)
    step = player.life.step(player.step)
    every = [tear.label for tear in fault_model("all").tears(step.effect, step.before, player.scenario.device)]

    found = player.cut_here()

    assert found is player.tears
    assert len(every) == found["total"] == sum(one["count"] for one in found["classes"])
    assert len(found["classes"]) < 30
    assert {label for one in found["classes"] for label in one["labels"]} <= set(every)
    assert {"record 0 counts: slot 0, committed", "record 1 counts: slot 1, dirty"} == {
        one["seen"] for one in found["classes"]
    }


@pytest.mark.parametrize("design", ["hardened", "mongoose", "single-record"])
@pytest.mark.parametrize("effect", [SWITCH - 1, pytest.param(SWITCH, marks=pytest.mark.slow)])
def test_a_class_says_what_the_loader_would_take(design, effect):
    """
    For every label that is offered, `store.select` on the wreck agrees.
    """
    player = a_player(design, faults="all")
    player.goto((0, effect))
    for one in player.cut_here()["classes"]:
        for label in one["labels"][:2]:
            player.goto((0, effect))
            player.cut(label)
            device = player.scenario.device
            selected = select(Chip(device.board, player.flash), device.design)
            told = (
                one["seen"].startswith(f"record {selected.place} counts")
                if selected
                else "no record counts" == one["seen"]
            )
            assert told, (label, one)


def test_a_torn_record_in_the_middle_of_a_journal_is_told_from_a_whole_one():
    """
    The loader takes the new one or the one before, and the list has both.
    """
    player = a_player("mgos-boot", faults="torn-program")
    places = store.places(player.scenario.device.board, player.scenario.device.design)
    steps = [player.life.step(position) for position in range(len(player.life))]
    place = next(n for n, step in enumerate(steps) if getattr(step.effect, "address", None) == places[1])
    player.step = place

    found = {one["seen"] for one in player.cut_here()["classes"]}

    assert {"record 0 counts: slot 0, committed", "record 1 counts: slot 1, dirty"} == found
    for one in player.tears["classes"]:
        player.step = place
        player.cut(one["labels"][-1])
        assert one["seen"].startswith(f"record {player.records['selected']} counts")


def test_labels_can_be_searched():
    """
    Only what holds the text is counted as shown.
    """
    player = a_player()
    player.goto("switch", 1)

    found = player.cut_here("prefix-5")

    assert 23668 == found["total"]
    assert {"prefix-5"} == {label[:8] for one in found["classes"] for label in one["labels"]}
    assert found["shown"] == sum(one["count"] for one in found["classes"]) < 20


def test_a_wait_can_only_be_cut():
    """
    It leaves the flash as it is.
    """
    player = a_player()

    assert [["cut"]] == [one["labels"] for one in player.cut_here()["classes"]]
    player.cut("cut")
    assert [[0, 0, "cut"]] == player.cuts


def test_every_kind_of_label_has_words():
    """
    No tear of any fault model falls through to `other`.
    """
    scenario = set_up("hardened", "tiny")
    steps = live(scenario, fault_model("all"), [], [], {}).played[0].steps
    for model in ("all", "unstable"):
        for step in (steps[3], steps[4], steps[SWITCH - 1], steps[SWITCH]):
            assert "other" not in {one["text"] for one in tears(fault_model(model), step, scenario.device)["classes"]}


def test_the_end_of_a_run_cannot_be_cut():
    """
    No effect, no cut.
    """
    player = a_player()
    player.goto("end")

    for wish in (player.cut_here, lambda: player.cut("before")):
        with pytest.raises(BadInput, match="no effect to cut"):
            wish()


@pytest.mark.parametrize(
    "name, value, told",
    [
        ("cuts", [[0, 3]], "is no cut"),
        ("cuts", [[0, -1, "before"]], "is no cut"),
        ("cuts", [[0, 9999, "before"]], "effect 9999 does not happen"),
        ("cuts", [[9, 0, "before"]], "run 9 does not happen"),
        ("cuts", [[1000, 0, "before"]], "run 1000 is too far"),
        ("cuts", [[0, SWITCH, "nonsense"]], "has no tear 'nonsense'"),
        ("cuts", [[0, 0, "cut"], [0, 1, "cut"]], "each must be in a later run"),
        ("choices", ["x"], "digits"),
        ("design", "nothing", "design 'nothing' is unknown"),
        ("board", "nothing", "board 'nothing' is unknown"),
        ("image", "nothing", "nothing"),
        ("faults", "nothing", "fault model 'nothing' is unknown"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_and_nothing_changes(name, value, told):
    """
    The player shows what it showed.
    """
    player = a_player(cuts=[[0, SWITCH, "prefix-1"]])
    before = {trait: getattr(player, trait) for trait in (name, "cuts", "step", "sentence", "trace", "recovery")}

    with pytest.raises(OtalabError, match=re.escape(told)) as error:
        setattr(player, name, value)
    assert "\n" not in str(error.value)
    assert before == {trait: getattr(player, trait) for trait in before}


def test_a_step_that_is_no_number_is_refused():
    """
    Traits have types.
    """
    with pytest.raises(TraitError):
        a_player().step = "switch"


@pytest.mark.parametrize("name, value", [("design", "mongoose"), ("image", "hangs"), ("board", "lab-1M")])
def test_another_device_begins_at_its_beginning(name, value):
    """
    Cuts and position are those of the old one, and go with it.
    """
    player = a_player(cuts=[[0, SWITCH, "prefix-1"]])

    setattr(player, name, value)

    names = {"design": "hardened", "board": "tiny", "image": "healthy"} | {name: value}
    fresh = UpdatePlayer(names["design"], names["board"], image=names["image"])
    for trait in ("cuts", "step", "trace", "recovery", "sentence", "end", "log", "opening", "saved"):
        assert getattr(fresh, trait) == getattr(player, trait), trait


def test_another_fault_model_keeps_the_cuts_that_it_knows():
    """
    And drops those that it does not.
    """
    player = a_player(cuts=[[0, SWITCH, "prefix-1"]])

    player.faults = "torn-program"
    assert [[0, SWITCH, "prefix-1"]] == player.cuts
    assert 'faults="torn-program"' in player.opening
    player.faults = "atomic"
    assert [] == player.cuts


def test_its_code_sets_another_player_to_the_same_place():
    """
    Read back and run, it shows the same.
    """
    player = a_player(cuts=[[0, SWITCH, "prefix-1"], [2, 4, "cut"]])
    player.goto("end", -1)
    space = {"UpdatePlayer": UpdatePlayer}

    exec(player.code, space)  # noqa: S102  # that is what it is for

    for trait in ("cuts", "step", "sentence", "flash", "end", "identity", "code"):
        assert getattr(space["player"], trait) == getattr(player, trait), trait
    assert f"player = {OVER}" == player.opening


def test_an_image_that_resets_for_ever_ends_stuck():
    """
    Its life is finite, and says so.
    """
    player = a_player("mongoose", image="crashes")

    assert ("stuck", True) == (player.end, player.life.endless)


@pytest.mark.parametrize("design, faults", [("mongoose", "torn-program"), ("single-record", "atomic")])
def test_a_counterexample_is_shown_by_its_id(design, faults):
    """
    The player ends as the check said, and has the same id.
    """
    graph = check_design(design, faults, board="tiny", budget=60).graph
    found = graph.counterexample
    identity = f"{design}/tiny/{faults}/healthy/until-taken/{','.join(leg.text for leg in found.legs)}"

    player = UpdatePlayer.of(identity)

    assert (found.end, found.reason, identity) == (player.end, player.reason, player.identity)
    assert found.legs[-1] == player.life.history.legs[-1]


def test_what_is_saved_can_be_replayed(tmp_path, capsys):
    """
    `otalab replay` plays the file to the same end.
    """
    player = a_player("mongoose", faults="torn-program", cuts=[[0, SWITCH, "prefix-1"]])
    player.save(tmp_path / "history.json")
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())

    chosen = parser.parse_args(["replay", str(tmp_path / "history.json")])
    assert 0 == chosen.func(chosen)

    assert f"{player.end}: {player.reason}" in capsys.readouterr().out
    assert json.loads((tmp_path / "history.json").read_text())["counterexamples"] == [player.saved]


def test_the_history_is_what_the_plain_firmware_lives():
    """
    Played leg by leg, it comes to the same flash and the same end.
    """
    player = a_player(cuts=[[0, SWITCH, "fields-2"], [1, 40, "before"]])
    legs = list(play(player.scenario, fault_model("all"), player.life.history.legs))

    assert [leg.flash for leg in legs] == [leg.flash for leg in player.life.played]
    assert player.end == ending(player.scenario, legs).name
    assert isinstance(player.life.history.legs[0], Leg)


def test_what_an_id_cannot_hold_is_not_saved(tmp_path):
    """
    A replay would set up another device.
    """
    player = a_player(files={"conf9.json": b"{}"})

    with pytest.raises(BadInput, match="an id does not hold files"):
        player.save(tmp_path / "history.json")
    assert "files" in player.saved["problem"]


def test_sizes_and_times_of_ones_own_are_in_the_id(tmp_path, capsys):
    """
    Saved and replayed elsewhere: the same cut leaves the same bytes, and the life ends alike.
    """
    own = {"app_size": 3000, "health_seconds": 30.0, "commit_timeout": 20}
    player = a_player(**own)
    player.cuts = [[0, 30, "before"]]
    player.save(tmp_path / "history.json")
    again = UpdatePlayer.of(player.identity)

    assert 0 == main(["replay", str(tmp_path / "history.json"), "--dump", str(tmp_path / "flash.bin")])
    assert f"{player.end}: {player.reason}" in capsys.readouterr().out
    assert player.life.played[-1].flash.image == (tmp_path / "flash.bin").read_bytes()
    assert (player.end, player.life.history.legs) == (again.end, again.life.history.legs)
    assert ":app=3000:health=30:timeout=20/" in player.identity


def test_the_browser_is_answered(monkeypatch):
    """
    What it asks for is done; what cannot be done is told in one line, and nothing moves.
    """
    player = a_player()
    player._asked(player, {"ask": "tears", "step": SWITCH, "wanted": ""}, [])
    assert (SWITCH, 23668) == (player.step, player.tears["total"])
    player._asked(player, {"ask": "cut", "step": SWITCH, "tear": "nonsense"}, [])
    assert ([], True) == (player.cuts, "has no tear" in player.trouble)
    player._asked(player, {"ask": "cut", "step": SWITCH, "tear": "prefix-1"}, [])
    assert ([[0, SWITCH, "prefix-1"]], "") == (player.cuts, player.trouble)
    player._asked(player, {"ask": "undo"}, [])
    assert [] == player.cuts


def test_a_page_holds_the_module_and_the_tape(tmp_path):
    """
    The module is the notebook's own, letter by letter, and nothing is fetched.
    """
    player = a_player("mongoose", cuts=[[0, SWITCH, "prefix-1"]])

    player.html(tmp_path / "page.html", title="a <title>")
    text = (tmp_path / "page.html").read_text()

    assert ESM in text and CSS in text and "a &lt;title&gt;" in text
    assert [] == re.findall(r"""(?:src|href)="(?!data:)""", text)
    assert "://" not in text.replace(ESM, "")


@cache
def large():
    return UpdatePlayer("hardened", "esp32-4M")


@pytest.mark.slow
def test_a_large_update_stays_small_on_the_wire():
    """
    Under 4 MB for a slot of 1.5 MiB, of bytes that hardly compress; and the tape still holds every byte.
    """
    player = large()

    assert len(player.trace) < 4_000_000
    screen = Screen(player.trace)
    for position, image in enumerate(screen.images()):
        if position % 997 == 0 or position == screen.length - 1:
            assert player.life.flash(position).image == image
    assert isinstance(player.flash, Flash)
    assert Tape(player.life).packed() == player.trace
