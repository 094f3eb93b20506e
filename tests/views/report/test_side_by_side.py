"""Two designs under the same cuts: each pair has an address, and both players stand at the last cut."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from datetime import date

import pytest
from reviews import Outline

from otalab.graph.case import Case
from otalab.graph.history import play
from otalab.views.report.facts import Asked, gather
from otalab.views.report.page import page

ASKED = Asked(
    designs=("single-record", "hardened", "esp32"), board="tiny", faults=("atomic", "unstable"),
    images=("healthy", "crashes"), rates=("us-2022",), parts=(), most=0, budget=30,
)  # fmt: skip


@pytest.fixture(scope="module")
def made():
    """
    The designs and their page.
    """
    every = gather(ASKED)[0]
    return every, page(every, ASKED, ["otalab"], date(2026, 1, 2))


def scenes(text):
    """
    Every scene of a page, and its tapes.
    """
    held = json.loads(text.partition('id="scenes">')[2].partition("</script>")[0])
    return held["scenes"], held["tapes"]


def test_whoever_has_the_same_cut_stands_beside_whom_it_kills(made):
    """
    An answer with a cut leads to a pair that is there once; what kills a design is beside it in no pair with itself.
    """
    text = made[1]
    outline, (every_scene, _) = Outline(text), scenes(text)
    pairs = [one for one in outline.ids if one.startswith("same-")]

    assert pairs and len(pairs) == len(set(pairs))
    assert set(pairs) == {one[1:] for one in outline.addresses if one.startswith("#same-")}
    for pair in pairs:
        part = text.partition(f'id="{pair}"')[2].partition("</section>")[0]
        own, other = (every_scene[int(piece.partition('"')[0])] for piece in part.split('data-scene="')[1:])
        assert [len(own["cuts"]), own["faults"]] == [len(other["cuts"]), other["faults"]]
        assert [cut[0::2] for cut in own["cuts"]] == [cut[0::2] for cut in other["cuts"]]
        assert own["trace"] != other["trace"]


def test_what_stands_there_is_what_a_replay_plays(made):
    """
    The saved history of every scene, played on plain contents, has its cuts and comes to its end.
    """
    every, text = made
    known = {(cell.case.design, cell.case.faults, cell.case.image): cell for one in every for cell in one.cells}
    for scene in scenes(text)[0]:
        if "id" in scene["saved"]:
            case, legs = Case.parse(scene["saved"]["id"])
            cell = known[case.design, case.faults, case.image]
            played = [*play(cell.scenario, cell.faults, legs)]
            assert scene["cuts"] == [[n, leg.leg.step, leg.leg.tear] for n, leg in enumerate(played) if leg.tear]
            assert scene["saved"]["end"] in text


def test_a_pair_adds_little(made):
    """
    The bytes of image and update are those that the two designs have already.
    """
    every_scene, tapes = scenes(made[1])
    bases = {scene["trace"] for scene in every_scene}
    largest = max(len(tapes[scene["recovery"]]) for scene in every_scene if scene["recovery"] is not None)

    assert 3 == len(bases)
    assert 2 * largest < min(len(tapes[base]) for base in bases)
    assert all(zlib.decompress(b64decode(tape)) for tape in tapes)


def test_alone_there_is_nothing_beside_it(made):
    """
    A report of one design has no pairs.
    """
    every, _ = made

    assert "same-" not in "".join(Outline(page(every[:1], ASKED, ["otalab"], date(2026, 1, 2))).ids)
