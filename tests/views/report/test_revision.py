"""A review against an earlier one: what turned, and which way."""

from __future__ import annotations

import json
from datetime import date

import pytest

from otalab.cli import main as cli
from otalab.errors import BadInput
from otalab.files import MADE
from otalab.firmware.catalogue import load_design
from otalab.views.report.facts import Asked, gather
from otalab.views.report.page import page
from otalab.views.report.revision import BETTER, OTHER, WORSE, read_review, revisions
from otalab.views.report.twin import timeless, twin

WORDS = ["--board", "tiny", "--faults", "atomic", "--image", "healthy", "--rate", "us-2022", "--parts", "W25Q16JV"]
MADE_ON = date(2026, 1, 2)


@pytest.fixture(scope="module")
def reviews():
    """
    A design before and after it was mended, each with its question.
    """
    found = []
    for name in ("single-record", "hardened"):
        request = Asked(designs=(name,), board="tiny", faults=("atomic",), parts=(), rates=("us-2022",), most=0)
        found.append((gather(request)[0], request))
    return found


def turned(facts, earlier):
    (revision,) = revisions(facts, earlier)
    return {change.what: (change.old, change.new, change.turn) for change in revision.changes}


def test_what_turned_from_red_to_green_and_back_is_told(reviews):
    """
    Cells and risk one way, and the other way round; a choice is neither better nor worse.
    """
    before, after = (twin(*review) for review in reviews)
    forth, back = turned(after, before), turned(before, after)

    assert ("unsafe: bricked", "safe", BETTER) == forth["atomic, image healthy"]
    assert ("safe", "unsafe: bricked", WORSE) == back["atomic, image healthy"]
    assert (BETTER, WORSE) == (forth["bad end per update"][2], back["bad end per update"][2])
    assert ("1", "2", OTHER) == forth["records.count"]
    assert {"atomic, image healthy", "bad end per update", "records.count"} == set(forth) == set(back)
    assert {} == turned(after, after)


def test_a_page_holds_its_twin(reviews, tmp_path):
    """
    Read from the page or from JSON, it says the same; how long a search took is in neither.
    """
    every, request = reviews[0]
    (tmp_path / "old.html").write_text(page(every, request, ["otalab", "report"], MADE_ON))
    (tmp_path / "old.json").write_text(json.dumps(twin(every, request)))
    facts = read_review(str(tmp_path / "old.html"))

    assert facts == timeless(read_review(str(tmp_path / "old.json")))
    assert "seconds" not in facts["designs"][0]["cells"][0]


def test_what_was_not_asked_then_is_no_turn(reviews):
    """
    Another rate, another image: told as that; of several designs only those of one name are compared.
    """
    before, after = (twin(*review) for review in reviews)
    other = json.loads(json.dumps(after).replace('"healthy"', '"hangs"').replace('"us-2022"', '"1/day"'))

    assert {OTHER} == {turn for _, _, turn in turned(after, other).values()}
    assert [] == revisions({**after, "designs": [*after["designs"], *other["designs"][:0]]} | {"designs": []}, before)
    both = {**before, "designs": [*before["designs"], *after["designs"]]}
    assert ["single-record", "hardened"] == [revision.earlier for revision in revisions(both, both)]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "<html></html>", '{"rate": 1, "designs": []}', '{"rate": "x", "designs": [3]}']
)
def test_what_is_no_review_is_a_line(text, tmp_path, capsys):
    """
    Before anything long begins, and nothing is written.
    """
    (tmp_path / "old").write_text(text)

    with pytest.raises(BadInput, match="no review to compare with"):
        read_review(str(tmp_path / "old"))
    words = ["report", "single-record", "-o", str(tmp_path / "new.html"), "--against", str(tmp_path / "old")]
    assert 2 == cli.main(words)
    assert 1 == capsys.readouterr().err.count("\n")
    assert not (tmp_path / "new.html").exists()


def test_the_command_tells_it_in_page_and_json(tmp_path, capsys):
    """
    A page of one's own, mended: what a stranger wrote in the earlier one is text.
    """
    mine = tmp_path / "mine.toml"
    mine.write_text(load_design("single-record").toml().replace('"single-record"', '"<b>mine"', 1))
    words = ["report", str(mine), "-o", str(tmp_path / "a.html"), *WORDS, "--repair", "0"]
    assert 0 == cli.main(words)
    mine.write_text(mine.read_text().replace("count = 1", "count = 2"))
    words[3] = str(tmp_path / "b.html")
    capsys.readouterr()
    assert 0 == cli.main([*words, "--against", str(tmp_path / "a.html"), "--json"])
    (revision,) = json.loads(capsys.readouterr().out)["against"]
    text = (tmp_path / "b.html").read_text()

    assert "better" == revision["changes"][0]["turn"]
    assert "Since the earlier review" in text and "▲ better" in text and "<b>mine" not in text
    assert MADE in text
