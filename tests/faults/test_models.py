"""Fault models: which tears a cut can leave of an effect, and how likely each is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import fsum
from operator import mul
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from otalab.bench.setup import set_up
from otalab.errors import BadInput
from otalab.faults.models import FAULTS, SIX, atomic, fault_model, weighted
from otalab.faults.plain import plain as plain_members
from otalab.faults.tear import FaultModel, Site, Tear, Torn, fault, union
from otalab.firmware import store
from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design
from otalab.firmware.designed import Designed
from otalab.firmware.device import Device
from otalab.formats.records.record import FIRST_SEQUENCER, BootConfig, Record, SlotFacts
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash, Mark
from otalab.hardware.geometry import Geometry
from otalab.hardware.places import Region

SMALL = Geometry(sector_size=64, sectors=3, page_size=16)
UNITS = Geometry(sector_size=64, sectors=3, page_size=16, program_unit=4)
TINY = set_up("hardened", "tiny", app_size=200, files={"conf9.json": b"{}"})
DEVICE, SHIPPED = TINY.device, TINY.flash
ON_PROGRAMS, ON_ERASES = ("torn-program", "torn-bits"), ("torn-erase", "zeroed-erase", "weak-erase")
# The small chips have no records: those of their device would lie where they end.
AWAY = replace(DEVICE.board, records=(Region(0x15000, 0x1000), Region(0x16000, 0x1000)))
ELSEWHERE = replace(DEVICE, board=AWAY)
RECORD = 1  # the sector of the record that the device was shipped with; the other one follows it

Effect = Erase | Program
names = st.sampled_from(sorted(FAULTS))
# Mostly erased or zero, as flash is, so that tears that coincide are met.
sector_contents = st.one_of(
    st.binary(min_size=64, max_size=64), st.sampled_from([b"\xff" * 64, bytes(64), b"\x0f" + b"\xff" * 63])
)
marks = st.one_of(
    st.none(), st.just(Mark(1, "weak")), sector_contents.map(lambda contents: Mark(1, "unstable", contents))
)


@st.composite
def flashes(draw: st.DrawFn, geometry: Geometry = SMALL, mark: st.SearchStrategy[Mark | None] = marks) -> Flash:
    """Return a chip with something in its middle sector."""
    contents, laid = draw(sector_contents), draw(mark)
    assume(laid is None or laid.other != contents)
    return Flash.of(geometry, b"\x5a" * 64).with_sector(1, contents, laid)


@st.composite
def programs(draw: st.DrawFn, unit: int = 1) -> Program:
    """Return a program inside one page of the middle sector."""
    page, start = draw(st.integers(4, 7)), draw(st.integers(0, 16 // unit - 1)) * unit
    size = draw(st.integers(1, (16 - start) // unit)) * unit
    return Program(16 * page + start, draw(st.binary(min_size=size, max_size=size)))


effects = st.one_of(st.just(Erase(1)), programs())


@dataclass(frozen=True)
class Weighted(Tear):
    """A tear with its probability under the model as a whole."""

    weight: float


def tears(name: str | FaultModel, effect: Effect, before: Flash, device: Device | None = None) -> list[Weighted]:
    """Return all tears of an effect."""
    model = fault_model(name) if isinstance(name, str) else name
    return [
        Weighted(one.label, one.contents, one.mark, one.weights, sum(map(mul, model.shares, one.weights)))
        for one in model.tears(effect, before, device or device_of(before))
    ]


def device_of(flash: Flash) -> Device:
    """Return the device that has a chip of this kind."""
    return DEVICE if flash.geometry == DEVICE.board.geometry else ELSEWHERE


def states(found: list[Weighted]) -> set[tuple[bytes, Mark | None]]:
    """Return what the tears leave, without their names."""
    return {(tear.contents, tear.mark) for tear in found}


def weights(found: list[Weighted]) -> dict[str, float]:
    """Return the tears that have a probability, by label."""
    return {tear.label: tear.weight for tear in found if tear.weight}


def labelled(found: list[Weighted]) -> dict[str, bytes]:
    """Return the contents of the tears, by label."""
    return {tear.label: tear.contents for tear in found}


def guarded(guard: str) -> tuple[Device, Flash]:
    """Return the hardened device with another guard over its records, as shipped."""
    what = set_up(replace(load_design("hardened"), guard=guard), "tiny", app_size=200, files={"conf9.json": b"{}"})
    return what.device, what.flash


def next_record(design: Design, flash: Flash) -> Program:
    """Return the program that puts a dirty record for the other slot in the place that is not selected."""
    selected = store.select(Chip(DEVICE.board, flash), design)
    assert selected is not None
    config = selected.config.staged(1, SlotFacts(200, 0x1234ABCD, "2"), 60)
    form = store.codec(design)
    return Program((RECORD + 1) * 4096, form.encode(form.follow(selected.record, config)))


# What holds of every model


@given(names, effects, flashes())
def test_members_that_leave_nothing_but_before_and_after_are_known_without_their_tears(
    name: str, effect: Effect, before: Flash
) -> None:
    """Such members have the probabilities that the law has, and the law of the others alone is theirs in it."""
    model = FAULTS[name]
    undone, done = plain_members(model, effect, before, ELSEWHERE)
    torn = [member for member, plain in enumerate(map(max, undone, done)) if not plain]
    _, rows, weights = model.law(effect, before, ELSEWHERE)
    _, torn_rows, of_torn = model.law(effect, before, ELSEWHERE, torn)

    for member in set(range(len(undone))).difference(torn):
        law = [chances[member] for chances in weights]
        plain = (
            [undone[member], done[member]]
            if rows[1:2] and "after" == rows[1][0]
            else [fsum((undone[member], done[member]))]
        )
        assert [*plain, *[0.0] * (len(law) - len(plain))] == pytest.approx(law)
        assert 1 == pytest.approx(fsum(plain))
    assert of_torn == [[weights[rows.index(row)][member] for member in torn] for row in torn_rows]


@given(names, effects, flashes())
def test_before_and_after_are_always_among_the_tears(name: str, effect: Effect, before: Flash) -> None:
    """A cut can come too early and too late; these two come first."""
    after = before.after(effect)
    found = tears(name, effect, before)

    assert (before.sectors[1], before.mark_of(1), "before") == (found[0].contents, found[0].mark, found[0].label)
    assert (after.sectors[1], after.mark_of(1)) in states(found[:2])
    assert before == after or "after" == found[1].label


@given(names, effects, flashes())
def test_no_tear_comes_twice(name: str, effect: Effect, before: Flash) -> None:
    """Neither under two labels nor with two contents; and a label can stand in the id of a history."""
    found = tears(name, effect, before)

    assert len(found) == len({tear.label for tear in found}) == len(states(found))
    assert not set(" :./\n") & set("".join(tear.label for tear in found))


@given(names, effects, flashes())
def test_probabilities_sum_to_one(name: str, effect: Effect, before: Flash) -> None:
    """Whenever the power fails, something is left."""
    found = tears(name, effect, before)

    assert all(tear.weight >= 0 for tear in found)
    assert pytest.approx(1, abs=1e-12) == fsum(tear.weight for tear in found)


@given(names, effects, flashes())
def test_the_count_is_that_of_the_tears(name: str, effect: Effect, before: Flash) -> None:
    """What is settled in bulk is settled for exactly the tears that there are."""
    model = fault_model(name)

    assert len(tears(name, effect, before)) == model.count(effect, before, device_of(before))
    assert model.count(effect, before, device_of(before)) == model.count(effect, before, device_of(before))


@given(names, effects, flashes())
def test_the_same_cut_leaves_the_same_tears(name: str, effect: Effect, before: Flash) -> None:
    """Labels, contents, marks and weights, in the same order."""
    assert tears(name, effect, before) == tears(name, effect, before)


@given(names, effects, flashes())
def test_only_the_sector_worked_on_differs(name: str, effect: Effect, before: Flash) -> None:
    """A tear is a whole sector; laid onto the flash before, it leaves every other sector alone."""
    for tear in tears(name, effect, before):
        wreck = tear.onto(before, 1)

        assert [before.sectors[0], tear.contents, before.sectors[2]] == list(wreck.sectors)
        assert tear.mark == wreck.mark_of(1)


@given(names, st.sampled_from([1, 2, 8, 2**30]), effects, flashes())
def test_by_kinds_leaves_some_of_it_by_the_same_labels(name: str, most: int, effect: Effect, before: Flash) -> None:
    """Before and after among them, no kind is left out, and of none there are more than so many powers of two."""
    model = fault_model(name)
    every = {tear.label: (tear.contents, tear.mark) for tear in model.tears(effect, before, ELSEWHERE)}
    some = {tear.label: (tear.contents, tear.mark) for tear in model.by_kinds(most).tears(effect, before, ELSEWHERE)}
    kinds = Counter(re.sub("-[0-9a-f]+(?=-|$)", "", label) for label in some)

    assert some.items() <= every.items()
    assert every.keys() & {"before", "after"} <= some.keys()
    assert {re.sub("-[0-9a-f]+(?=-|$)", "", label) for label in every} == kinds.keys()
    assert max(kinds.values()) <= most.bit_length()


@given(effects, flashes())
def test_all_has_every_tear_of_its_six(effect: Effect, before: Flash) -> None:
    """And none besides; its probabilities are the mean of theirs."""
    found, members = tears("all", effect, before), [tears(name, effect, before) for name in SIX]
    mean: dict[tuple[bytes, Mark | None], float] = dict.fromkeys(states(found), 0.0)
    for tear in (tear for member in members for tear in member):
        mean[tear.contents, tear.mark] += tear.weight / 6

    assert set().union(*map(states, members)) == states(found)
    assert pytest.approx(mean) == {(tear.contents, tear.mark): tear.weight for tear in found}


@given(effects, flashes())
def test_a_model_of_the_other_effect_is_atomic(effect: Effect, before: Flash) -> None:
    """Models of programs add nothing to an erase, models of erases nothing to a program."""
    others = ON_PROGRAMS if isinstance(effect, Erase) else ON_ERASES

    assert all(tears("atomic", effect, before) == tears(name, effect, before) for name in others)


@given(effects, flashes())
def test_the_wider_model_has_what_the_narrower_has(effect: Effect, before: Flash) -> None:
    """Bits have prefixes, zeros have torn erases."""
    for narrow, wide in (("torn-program", "torn-bits"), ("torn-erase", "zeroed-erase")):
        assert states(tears(narrow, effect, before)) <= states(tears(wide, effect, before))


@given(effects, flashes(mark=st.just(Mark(1, "weak"))))
def test_weakness_goes_only_with_an_erase_in_full(effect: Effect, before: Flash) -> None:
    """An erase that was interrupted leaves a weak sector weak, whatever can be read there."""
    blank = b"\xff" * 64

    assert {Mark(1, "weak")} == {tear.mark for tear in tears("all", effect, before)} - {None}
    assert {blank} >= {tear.contents for tear in tears("all", effect, before) if tear.mark is None}


@given(effects, flashes(mark=sector_contents.map(lambda contents: Mark(1, "unstable", contents))))
def test_a_torn_effect_settles_the_cells_that_it_turns(effect: Effect, before: Flash) -> None:
    """These read the same from now on; of the others, an interrupted erase leaves each as unstable as it was."""
    mark, old = before.mark_of(1), int.from_bytes(before.sectors[1])
    assert mark
    for tear in tears("all", effect, before):
        other, new = (
            int.from_bytes(tear.mark.other if tear.mark and tear.mark.other else tear.contents),
            int.from_bytes(tear.contents),
        )
        assert 0 == (old ^ new) & (other ^ new)
        if isinstance(effect, Erase) and tear.label not in ("after", "weak"):
            assert 0 == ~(old ^ new) & (other ^ int.from_bytes(mark.other))


# Programs


@given(st.sampled_from(ON_PROGRAMS), programs(), flashes())
def test_a_torn_program_lies_between_before_and_after(name: str, program: Program, before: Flash) -> None:
    """No bit is set that was clear, and none is cleared that the program keeps: torn is neither more nor else."""
    old, new = (int.from_bytes(one.sectors[1]) for one in (before, before.after(program)))

    for tear in tears(name, program, before):
        torn = int.from_bytes(tear.contents)
        assert (torn, new) == (torn & old, torn & new)


@given(programs(), flashes())
def test_a_prefix_is_a_shorter_program(program: Program, before: Flash) -> None:
    """With every mark: a weak sector holds less, and an unstable one is made whole as far as the program came."""
    shorter = [before.after(Program(program.address, program.data[:size])) for size in range(len(program.data))]

    assert states(tears("torn-program", program, before)) == {
        (one.sectors[1], one.mark_of(1)) for one in (before, *shorter, before.after(program))
    }


def test_of_n_bytes_floor_f_n_are_done() -> None:
    """Each number of bytes short of all is equally likely; all of them are not, since the cut comes before the end."""
    found = tears("torn-program", Program(64, b"abcd"), Flash.blank(SMALL))

    assert {"before": 0.25, "prefix-1": 0.25, "prefix-2": 0.25, "prefix-3": 0.25} == weights(found)
    assert b"abc\xff" == labelled(found)["prefix-3"][:4]
    assert b"abcd" == labelled(found)["after"][:4]


def test_a_byte_that_changes_nothing_is_no_tear_of_its_own() -> None:
    """Its moment counts for the bytes that are done."""
    found = tears("torn-program", Program(64, b"a\xff\xffd"), Flash.blank(SMALL))

    assert {"before": 0.25, "prefix-1": 0.75} == weights(found)


def test_any_of_the_pending_bits_may_be_done() -> None:
    """Of two pending bits there are two halves; with both, the byte is done."""
    found = tears("torn-bits", Program(64, b"\xfe\x7d"), Flash.blank(SMALL))
    expected = {"before": b"\xff\xff", "after": b"\xfe\x7d", "prefix-1": b"\xfe\xff"}
    expected |= {"bits-1-02": b"\xfe\xfd", "bits-1-80": b"\xfe\x7f"}

    assert expected == {label: contents[:2] for label, contents in labelled(found).items()}
    assert {"before": 1 / 2, "prefix-1": 1 / 6, "bits-1-02": 1 / 6, "bits-1-80": 1 / 6} == pytest.approx(weights(found))


@pytest.mark.slow
@given(programs(unit=4), flashes(UNITS))
def test_only_whole_units_are_torn_off(program: Program, before: Flash) -> None:
    """A part that programs four bytes at a time stops between four and four; bit by bit, it stops anywhere."""
    sizes = range(0, len(program.data), 4)
    shorter = [before.after(Program(program.address, program.data[:size])) for size in sizes if size]
    found = tears("torn-program", program, before)

    assert states(found) == {(one.sectors[1], one.mark_of(1)) for one in (before, *shorter, before.after(program))}
    assert states(found) <= states(tears("torn-bits", program, before))
    for name in ("torn-program", "torn-bits", "all", "unstable"):
        assert len(tears(name, program, before)) == fault_model(name).count(program, before, device_of(before))


def test_each_field_of_a_record_is_done_or_not() -> None:
    """In every combination, each with probability 0; those that are leading bytes have their names already."""
    design = DEVICE.design
    form, program = store.codec(design), next_record(design, SHIPPED)
    found = tears("torn-bits", program, SHIPPED)
    changed, at = [], 0
    for size in form.fields:
        if program.data[at : at + size] != b"\xff" * size:
            changed.append((at, at + size))
        at += size
    by_field = set()
    for chosen in range(2 ** len(changed)):
        done = [span for number, span in enumerate(changed) if chosen >> number & 1]
        data = bytearray(b"\xff" * form.size)
        for start, end in done:
            data[start:end] = program.data[start:end]
        by_field.add(bytes(data))
    fields = [tear for tear in found if tear.label.startswith("fields-")]

    assert by_field <= {tear.contents[: form.size] for tear in found}
    assert 2 ** len(changed) - len(changed) - 1 == len(fields)
    assert all(tear.weight == 0 for tear in fields)
    assert len(found) == FAULTS["all"].count(program, SHIPPED, DEVICE) == len(tears("all", program, SHIPPED))


def test_the_third_field_alone_has_its_name() -> None:
    """The mask counts the fields of the record from its first."""
    program = next_record(DEVICE.design, SHIPPED)
    found = labelled(tears("torn-bits", program, SHIPPED))

    assert b"\xff" * 9 + program.data[9:10] + b"\xff" * 74 == found["fields-4"][:84]


def test_what_is_no_record_has_no_fields() -> None:
    """The same bytes elsewhere are bytes."""
    program = replace(next_record(DEVICE.design, SHIPPED), address=0x3000 + 0x8000)
    before = SHIPPED.after(Erase(program.address // 4096))

    assert not [tear for tear in tears("all", program, before) if tear.label.startswith("fields-")]


# Erases

OLD = (bytes(4096), bytes(range(256)) * 16)
ALL = 2 ** (8 * 4096) - 1
SLOW_ZEROS = "slow-cells-22-of-zeros"


def test_a_front_stands_at_every_page() -> None:
    """From either end; it moves evenly until 0.9, and the page at which it starts is the state before."""
    found = tears("torn-erase", Erase(1), Flash.of(SMALL, bytes(192)))
    contents = labelled(found)
    fronts = {f"erased-{end}-{at}" for end in ("front", "back") for at in (16, 32, 48)}
    rest = {"before", "after", "slow-cells-22", "filling-55", "filling-aa", "filling-noise"}

    # Of so few cells, none is one of the slowest: what these leave is the state after.
    assert fronts | rest == set(contents)
    assert b"\xff" * 16 + bytes(48) == contents["erased-front-16"]
    assert bytes(16) + b"\xff" * 48 == contents["erased-back-16"]
    expected = dict.fromkeys(fronts, 0.9 / 8) | {"before": 0.9 / 4, "slow-cells-22": 0.05, "after": 0.05}
    assert pytest.approx(expected) == weights(found)


def test_a_front_stands_at_every_byte_of_a_record() -> None:
    """Each position is as likely as the way to the next one is long, whether that is a byte or a page."""
    found = tears("torn-erase", Erase(RECORD), SHIPPED.with_sector(RECORD, bytes(4096)))
    size = store.codec(DEVICE.design).size
    edges = {*range(1, size + 1), *range(256, 4096, 256)}
    likely, byte = weights(found), 0.45 / 4096

    assert edges == {int(label.split("-")[2]) for label in likely if label.startswith("erased-front-")}
    assert edges == {int(label.split("-")[2]) for label in likely if label.startswith("erased-back-")}
    assert pytest.approx(byte) == likely["erased-front-3"] == likely["erased-back-3"]
    assert pytest.approx((256 - size) * byte) == likely[f"erased-front-{size}"] == likely["erased-back-256"]
    assert pytest.approx(256 * byte) == likely["erased-front-256"] == likely["erased-back-512"]


def test_the_slow_cells_are_always_the_same() -> None:
    """They are the only ones where an old zero is left: 4.5 % of all cells, of which 0.35 % are the slowest."""
    found = [labelled(tears("torn-erase", Erase(RECORD), SHIPPED.with_sector(RECORD, old))) for old in OLD]
    for label, share in (("slow-cells-22", 0.045), ("slow-cells-286", 0.0035)):
        slow = ~int.from_bytes(found[0][label]) & ALL
        assert pytest.approx(share, rel=0.1) == slow.bit_count() / (8 * 4096)
        assert int.from_bytes(OLD[1]) | ALL ^ slow == int.from_bytes(found[1][label])
    assert 0 == ~int.from_bytes(found[0]["slow-cells-286"]) & int.from_bytes(found[0]["slow-cells-22"])


def test_a_slow_cell_lies_in_a_record() -> None:
    """Or else almost blank would be blank to whoever reads only that."""
    found = labelled(tears("torn-erase", Erase(RECORD), SHIPPED.with_sector(RECORD, bytes(4096))))

    assert b"\xff" * 84 not in {found[label][:84] for label in ("slow-cells-22", "slow-cells-286")}


def test_an_erase_may_pass_through_zeros() -> None:
    """In part or whole, from either end; then a blank part grows over them, from either end."""
    old = bytes(range(1, 65))
    found = tears("zeroed-erase", Erase(1), Flash.of(SMALL, b"").with_sector(1, old))
    contents = labelled(found)

    assert bytes(64) == contents["zeros"]
    assert bytes(48) + old[48:] == contents["zeros-front-48"]
    assert old[:48] + bytes(16) == contents["zeros-back-48"]
    assert b"\xff" * 48 + bytes(16) == contents["erased-front-48-of-zeros"]
    assert bytes(48) + b"\xff" * 16 == contents["erased-back-48-of-zeros"]
    assert old[:48] + b"\xff" * 16 == contents["erased-back-48"]
    assert labelled(tears("torn-erase", Erase(1), Flash.of(SMALL, bytes(192))))["slow-cells-22"] == contents[SLOW_ZEROS]
    assert pytest.approx(1 / 3 / 4) == weights(found)["before"]
    assert pytest.approx((0.9 - 1 / 3) / 4) == weights(found)["zeros"]
    assert pytest.approx(0.05) == weights(found)[SLOW_ZEROS]
    assert not [label for label in weights(found) if label.startswith("filling") or label.endswith(("-22", "-286"))]


def test_of_a_blank_sector_an_erase_leaves_little_else() -> None:
    """Fronts and slow cells of what is blank are blank; only zeros, fillings and weakness are not."""
    blank = Flash.blank(SMALL)

    assert ["before"] == [tear.label for tear in tears("atomic", Erase(1), blank)]
    assert {"before": 1.0} == pytest.approx(weights(tears("torn-erase", Erase(1), blank)))
    assert ["before", "filling-55", "filling-aa", "filling-noise"] == [
        t.label for t in tears("torn-erase", Erase(1), blank)
    ]
    assert ["before", "weak"] == [tear.label for tear in tears("weak-erase", Erase(1), blank)]
    assert "zeros" in weights(tears("zeroed-erase", Erase(1), blank))


def test_a_weak_sector_reads_erased_and_does_not_hold() -> None:
    """Only the mark tells it from one that was erased in full, and a program over it is lost in part."""
    before = Flash.of(SMALL, bytes(192))
    weak = next(tear for tear in tears("weak-erase", Erase(1), before) if tear.label == "weak")
    program = Program(64, b"abcd")

    assert (b"\xff" * 64, Mark(1, "weak"), 0.1) == (weak.contents, weak.mark, weak.weight)
    assert b"ab\xff\xff" == weak.onto(before, 1).after(program).sectors[1][:4]
    assert {Mark(1, "weak")} == {tear.mark for tear in tears("all", program, weak.onto(before, 1))}


@pytest.mark.parametrize("guard", ["none", "crc16"])
def test_a_narrow_check_is_forged(guard: str) -> None:
    """Of a record, an erase may leave one that is newer, passes its check, and names the other slot."""
    device, before = guarded(guard)
    old = store.select(Chip(device.board, before), device.design)
    assert old is not None
    forgeries = [tear for tear in tears("torn-erase", Erase(RECORD + 1), before, device) if "forged" in tear.label]
    new = [store.select(Chip(device.board, tear.onto(before, RECORD + 1)), device.design) for tear in forgeries]

    assert ["forged-committed", "forged-dirty"] == [tear.label for tear in forgeries]
    assert [0, 0] == [tear.weight for tear in forgeries]
    assert [(1, 1, True), (1, 1, False)] == [(one.place, one.config.active, one.config.committed) for one in new if one]
    assert all(one.record.sequencer < old.record.sequencer for one in new if one)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_wide_check_is_not_forged(name: str) -> None:
    """With 32 bits no tear of an erase is a valid record, but the one that stood there."""
    device, before = guarded("crc32")
    form = store.codec(device.design)
    for sector in (RECORD, RECORD + 1):
        found = tears(name, Erase(sector), before, device)
        valid = {t.contents[: form.size] for t in found if isinstance(form.decode(t.contents), Record)}
        assert valid <= {before.sectors[sector][: form.size]}


@pytest.mark.parametrize("guard", ["crc16", "crc32"])
def test_a_filling_is_refused_by_every_check(guard: str) -> None:
    """What is arbitrary is seen to be."""
    device, before = guarded(guard)
    form = store.codec(device.design)
    found = tears("torn-erase", Erase(RECORD), before, device)
    fillings = [tear.contents for tear in found if tear.label.startswith("filling-")]

    assert 3 == len(fillings)
    assert not [one for one in fillings if isinstance(form.decode(one), Record)]


def test_only_a_place_of_records_is_forged() -> None:
    """Elsewhere nobody looks for one; and a design with one record has one place."""
    device, before = guarded("none")
    single = replace(device, firmware=Designed(replace(device.design, records=1)))

    assert not [tear for tear in tears("all", Erase(4), before, device) if "forged" in tear.label]
    assert not [tear for tear in tears("all", Erase(RECORD + 1), before, single) if "forged" in tear.label]


@pytest.mark.parametrize("active", [0, 1, 7, 255])
def test_whatever_a_torn_record_names_can_be_forged(active: int) -> None:
    """A slot number that is none is answered with one that is another."""
    device, before = guarded("none")
    torn = Record(FIRST_SEQUENCER, BootConfig(active, True, (SlotFacts(), SlotFacts())))
    before = before.with_sector(RECORD, store.codec(device.design).encode(torn).ljust(4096, b"\xff"))
    found = labelled(tears("torn-erase", Erase(RECORD), before, device))
    forgery = store.codec(device.design).decode(found["forged-committed"])

    assert isinstance(forgery, Record)
    assert (FIRST_SEQUENCER - 1, 0 if active else 1) == (forgery.sequencer, forgery.config.active)


def test_below_the_last_sequencer_there_is_nothing_to_forge() -> None:
    """Nothing is newer than the newest, and with no record at all there is none to outdo."""
    device, before = guarded("none")
    last = Record(1, BootConfig(0, True, (SlotFacts(), SlotFacts())))
    worn = before.with_sector(RECORD, store.codec(device.design).encode(last).ljust(4096, b"\xff"))
    empty = before.after(Erase(RECORD))

    for flash in (worn, empty):
        assert not [tear for tear in tears("all", Erase(RECORD + 1), flash, device) if "forged" in tear.label]


# Unstable cells


@given(effects, flashes())
def test_what_is_unstable_reads_as_done(effect: Effect, before: Flash) -> None:
    """Now it reads as after the effect, at times torn, until it is erased in full or the same bytes are programmed."""
    after = before.after(effect)
    for tear in tears("unstable", effect, before)[2:]:
        wreck = tear.onto(before, 1)

        assert after.sectors == wreck.sectors
        assert tear.mark and tear.mark.kind == "unstable" and tear.mark.other != tear.contents
        assert tear.label.startswith("unstable-")
        assert not wreck.after(Erase(1)).marks
        if not before.marks and isinstance(effect, Program):
            assert after == wreck.after(effect)


def test_the_other_reading_is_torn() -> None:
    """Of a program, half the bytes, or all but one bit; both in the last tenth."""
    found = tears("unstable", Program(64, b"abcd"), Flash.blank(SMALL))
    others = {tear.label: tear.mark.other[:4] for tear in found if tear.mark}

    assert b"ab\xff\xff" == others["unstable-half"]
    assert 1 == (int.from_bytes(others["unstable-short"]) ^ int.from_bytes(b"abcd")).bit_count()
    assert {"before": 0.9, "unstable-half": 0.05, "unstable-short": 0.05} == pytest.approx(weights(found))


def test_what_was_unstable_beside_a_program_stays_so() -> None:
    """The new other reading is that of the whole sector: torn where the program works, as before where it does not."""
    before = Flash.blank(SMALL).with_sector(1, b"\xff" * 64, Mark(1, "unstable", b"\x0f" * 64))
    found = tears("unstable", Program(64, b"abcd"), before)

    assert {b"ab\xff\xff" + b"\x0f" * 60} == {t.mark.other for t in found if t.mark and t.label == "unstable-half"}


@given(programs(), flashes(mark=st.just(Mark(1, "weak"))))
def test_a_program_of_a_weak_sector_leaves_it_weak(program: Program, before: Flash) -> None:
    """A sector bears one mark, and what does not hold is worse than what may read as before."""
    assert {Mark(1, "weak")} == {tear.mark for tear in tears("unstable", program, before)}


def test_an_erase_that_is_unstable_keeps_its_slow_cells() -> None:
    """Its other readings are those that a torn erase leaves for good."""
    before = Flash.of(TINY.flash.geometry, bytes(2 * 4096))
    torn = labelled(tears("torn-erase", Erase(0), before))
    found = tears("unstable", Erase(0), before)

    assert {torn["slow-cells-22"], torn["slow-cells-286"]} == {tear.mark.other for tear in found if tear.mark}
    assert {"after": 0.9, "unstable-slow-cells-22": 0.05, "unstable-slow-cells-286": 0.05} == pytest.approx(
        weights(found)
    )


# Making and mixing models


def every_other(site: Site) -> Iterator[Torn]:
    """Every other byte of a program done: a part with two planes.  Law: from 0.5 on."""
    if isinstance(site.effect, Program):
        yield Torn(
            "even",
            bytes(
                b"".join(
                    b"%c" % (new if n % 2 == 0 else old)
                    for n, (old, new) in enumerate(zip(site.old, site.new, strict=True))
                )
            ),
            0.5,
        )


def test_a_new_model_is_a_generator_with_a_name() -> None:
    """What it does not give away goes where `atomic` puts it."""
    model = fault("every-other", every_other)
    program = tears(model, Program(64, b"abcd"), Flash.blank(SMALL))

    assert {"before": 0.5, "even": 0.5} == weights(program)
    assert b"a\xffc\xff" == labelled(program)["even"][:4]
    assert {"after": 1.0} == weights(tears(model, Erase(1), Flash.of(SMALL, bytes(192))))
    assert 3 == model.count(Program(64, b"abcd"), Flash.blank(SMALL), ELSEWHERE)
    assert "every-other: Every other byte" in model.explain()


def test_models_can_be_united() -> None:
    """Each gives in proportion to its weight, and says so."""
    both = union("both", {fault("every-other", every_other): 3, FAULTS["torn-program"]: 1})
    found = weights(tears(both, Program(64, b"abcd"), Flash.blank(SMALL)))

    assert {"before": 0.75 / 2 + 0.25 / 4, "even": 0.375} | {f"prefix-{n}": 0.0625 for n in (1, 2, 3)} == pytest.approx(
        found
    )
    assert "every-other" in both.explain() and "torn-program" in both.explain()


@pytest.mark.parametrize(
    ("erase_flip", "program_flip", "erase", "program"),
    [
        (0.0, 1.0, {"after": 1}, {"before": 1}),
        (0.5, 0.25, {"before": 0.5, "after": 0.5}, {"before": 0.25, "after": 0.75}),
    ],
)
def test_an_atomic_effect_flips_at_its_point(
    erase_flip: float, program_flip: float, erase: dict[str, float], program: dict[str, float]
) -> None:
    """By default an erase that was started is done and a program that was not finished is not; both stay possible."""
    model, before = atomic(erase_flip, program_flip), Flash.of(SMALL, bytes(96))

    for effect, expected in ((Erase(1), erase), (Program(112, b"ab"), program)):
        found = tears(model, effect, before)
        assert ["before", "after"] == [tear.label for tear in found]
        assert expected == weights(found)


@given(effects, flashes())
def test_other_weights_change_no_tear(effect: Effect, before: Flash) -> None:
    """What can happen does not depend on how likely it is held to be; one member alone has its own probabilities."""
    mixed, alone = weighted({"torn-bits": 3, "zeroed-erase": 1}), weighted({"atomic": 2.0})

    assert states(tears("all", effect, before)) == states(tears(mixed, effect, before))
    assert len(tears(mixed, effect, before)) == mixed.count(effect, before, device_of(before))
    assert weights(tears("atomic", effect, before)) == weights(tears(alone, effect, before))


def test_every_model_says_its_law() -> None:
    """And the forged check of 32 bits that is left out is named where it is."""
    assert ["atomic", *ON_PROGRAMS, *ON_ERASES, "all", "unstable"] == list(FAULTS)
    for name, model in FAULTS.items():
        assert model.explain().startswith(f"{name}: ")
        assert "Law:" in model.explain()
    assert "2**-32" in FAULTS["torn-erase"].explain()
    assert all(model.explain() in FAULTS["all"].explain() for model in SIX.values())


def too_likely(site: Site) -> Iterator[Torn]:
    """More than once."""
    yield Torn("half", site.old[:1] + site.new[1:], 1.5)


def same_names(site: Site) -> Iterator[Torn]:
    """Two tears by one name."""
    yield Torn("half", b"\0" * len(site.old))
    yield Torn("half", b"\1" * len(site.old))


def bad_name(site: Site) -> Iterator[Torn]:
    """An id would end here."""
    yield Torn("half.done", b"\0" * len(site.old))


@pytest.mark.parametrize(
    ("leave", "reason"), [(too_likely, "sum to 1.5"), (same_names, "must differ"), (bad_name, "none of : . /")]
)
def test_a_model_that_cannot_be_is_refused(leave: Any, reason: str) -> None:
    """Probabilities sum to one at most, and labels tell tears apart."""
    with pytest.raises(BadInput, match=reason):
        tears(fault("wrong", leave), Erase(1), Flash.blank(SMALL))


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    """So is a weight for what is no member of `all`, and a mixture of nothing."""
    with pytest.raises(BadInput, match=r"'torn'.*one of: atomic, .*torn-bits"):
        fault_model("torn")
    with pytest.raises(BadInput, match="'unstable' is no member of all; its members: atomic"):
        weighted({"unstable": 1})
    for mixture in ({}, {"atomic": 0.0}, {"atomic": -1.0, "torn-bits": 2.0}):
        with pytest.raises(BadInput, match="weights"):
            weighted(mixture)
