"""A brick that cuts make of C, from its proof to the page of a review: everything tells of the same one."""

import json

import pytest
from own_code import needs_cc
from planted import planted

from otalab.bench.ends import BAD
from otalab.cli.main import main
from otalab.numbers.stats import interval

pytestmark = [needs_cc, pytest.mark.slow]
ASKED = ["--board", "tiny", "--faults", "atomic", "--image", "healthy"]
RATE = ["--rate", "2000", "--given-cut"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The hardened loader, which writes its record over the one that counts: the only one, for a moment."""
    place = tmp_path_factory.mktemp("brick") / "mine"
    planted(place, "a record in the place that counts")
    page = place / "firmware.toml"
    page.write_text("sanitize = false\n" + page.read_text())
    return place


def told(capsys, *words):
    status = main([*map(str, words)])
    said = capsys.readouterr()
    assert status in (0, 1), said.err
    return said.out


def test_it_is_saved_replayed_dumped_and_shown(capsys, folder, tmp_path, monkeypatch):
    """
    The same id, end and reason everywhere, and the same bytes are left in flash.
    """
    monkeypatch.chdir(tmp_path)
    own = ["--firmware", folder]
    [cell] = json.loads(told(capsys, "check", *own, *ASKED, "--save", "found.json", "--json"))["results"]
    bad = cell["counterexample"]
    played, again = (
        json.loads(told(capsys, "replay", *words, "--json"))["histories"][0]
        for words in (["found.json", "--dump", "left.bin"], [bad["id"], *own, "--dump", "again.bin"])
    )
    told(capsys, "report", *own, *ASKED, "--parts", "W25Q16JV", "-o", "review.html")
    page = (tmp_path / "review.html").read_text()

    assert ("bricked", 1) == (bad["end"], len(bad["cuts"]))
    assert "the boot loader halts" in bad["reason"]
    assert (bad["id"], bad["end"], bad["reason"]) == tuple(played[key] for key in ("id", "end", "reason"))
    assert played == again
    assert (tmp_path / "left.bin").read_bytes() == (tmp_path / "again.bin").read_bytes()
    assert bad["id"] in page
    assert bad["reason"] in page


def test_risk_and_campaign_agree_on_it(capsys, folder, tmp_path):
    """
    What the graph says lies in the 99.9 % interval of what was lived, by the loader itself and along the graph.
    """
    own = ["--firmware", folder, *ASKED, *RATE]
    ends = json.loads(told(capsys, "risk", *own, "--json"))["ends"]
    assert 0.001 < ends["bricked"] < 0.999
    for engine, devices in (("firmware", 100), ("chain", 20_000)):
        words = ["--engine", engine, "--devices", devices, "--out", tmp_path / engine, "--format", "json"]
        found = json.loads(told(capsys, "campaign", *own, *words))["ends"]
        for end in BAD:
            within = interval(found[end]["count"], devices, 0.999)
            assert within.low <= ends[end] <= within.high, (engine, end)
