"""Field returns: dumps that the firmware left, of lamps that one cut killed, each with one diagnosis."""

from collections import Counter

import pytest

from otalab.bench.inspection import inspect_dump
from otalab.course import check, field_return
from otalab.course.field_return import FAULTS, PRODUCT, lamp_of, product, product_board, product_scenario
from otalab.course.variant import COMMON, FILE, Variant
from otalab.errors import BadInput
from otalab.faults.models import fault_model
from otalab.graph.history import ending, play
from otalab.hardware.flash import ERASED

SOME = range(1000, 1060)


def test_a_lamp_is_what_its_history_leaves():
    """
    Played again the history bricks, and leaves the dump byte for byte.
    """
    for number in SOME[:12]:
        lamp = lamp_of(number)
        played = list(play(product_scenario(), fault_model(FAULTS), lamp.legs))

        assert "bricked" == ending(product_scenario(), played).name
        assert lamp.dump == played[-1].flash.image


def test_a_dump_has_one_diagnosis():
    """
    Whatever lamps leave the same bytes were cut in the same effect; and there are several effects, slots and parts.
    """
    lamps = [lamp_of(number) for number in SOME]
    said = {}
    for lamp in lamps:
        said.setdefault(lamp.dump, set()).add((lamp.record, lamp.effect, lamp.phase, lamp.slot))

    assert {1} == {len(diagnoses) for diagnoses in said.values()}
    assert {"switch", "boot", "commit"} == {lamp.phase for lamp in lamps}
    assert {0, 255} == {lamp.slot for lamp in lamps}
    assert 3 == len(Counter(lamp.part for lamp in lamps))


def test_the_loader_takes_what_the_diagnosis_says():
    """
    Read by the product's page, the record that counts names the slot that the lamp wants, where no image is.

    In the place that was being written nothing but a sequencer can be left of an old record.
    """
    for number in SOME[:12]:
        lamp = lamp_of(number)
        seen = inspect_dump("dump.bin", lamp.dump, product_board(), str(PRODUCT / "towpath.toml"))
        place, counts = product_board().records[lamp.record], seen.records[seen.selected]
        behind_the_sequencer = {*lamp.dump[place.address : place.end][8:]}

        assert lamp.slot == counts.slot
        assert lamp.slot == ERASED or 0 == counts.found.config.slots[lamp.slot].length
        assert behind_the_sequencer in ({0}, {ERASED})


def test_four_files_and_no_answer(tmp_path, monkeypatch):
    """
    The complaint has the label of this lamp; what lies there already is not written over.
    """
    monkeypatch.chdir(tmp_path)
    folder = field_return(tmp_path / "came")

    assert {"dump.bin", "partitions.csv", "towpath.toml", "complaint.txt"} == {path.name for path in folder.iterdir()}
    assert lamp_of(COMMON.lamp).dump == (folder / "dump.bin").read_bytes()
    assert f"{lamp_of(COMMON.lamp).fleet:,} of these lamps" in (folder / "complaint.txt").read_text()
    with pytest.raises(BadInput, match="is there already"):
        field_return(folder)


def test_each_learner_has_a_lamp(tmp_path, monkeypatch):
    """
    What is right for one is judged by the number in that one's folder.
    """
    (tmp_path / FILE).write_text(Variant(lamp=1000).json())
    monkeypatch.chdir(tmp_path)
    lamp = lamp_of(1000)
    mine = {name: getattr(lamp, name) for name in ("record", "effect", "phase", "slot")}

    assert check("13.1", mine)
    assert check(
        "13.2", f"{product().name}/tiny/{FAULTS}/healthy/until-taken/{','.join(leg.text for leg in lamp.legs)}"
    )


def test_a_folder_that_was_released_before_has_the_common_lamp(tmp_path, monkeypatch):
    """
    Its numbers have no lamp.
    """
    (tmp_path / FILE).write_text('{"app_size": 3000, "part": "W25Q16JV", "one_in": 5}')
    monkeypatch.chdir(tmp_path)

    assert lamp_of(COMMON.lamp).dump == (field_return(tmp_path / "came") / "dump.bin").read_bytes()


@pytest.mark.parametrize("answer", ["hardened/tiny", "towpath/tiny/zeroed-erase/flaky"])
def test_a_history_is_that_of_the_lamp(answer):
    """
    The same cut of another design, or with another image, is no history of this lamp.
    """
    design, board, *_ = answer.split("/")
    image = "flaky" if "flaky" in answer else "healthy"
    checked = check("13.2", f"{design}/{board}/zeroed-erase/{image}/until-taken/-,-.6.zeros-back-3,-")

    assert not checked
    assert "is not the lamp" in str(checked)
