"""A link is the state of a player: whoever opens it stands at the same step, over the same bytes."""

import json
import zlib
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tab import BOARDS

from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.graph.case import LINK_MARK
from otalab.views.player.link import link_of, place_in
from otalab.views.player.linked import player_at
from otalab.views.player.widget import UpdatePlayer

BARE = str(BOARDS / "tiny-bare.toml")


def cut_at(design, board, phase, tear="after", **options):
    """
    A player with one cut, at the third effect of a phase.
    """
    player = UpdatePlayer(design, board, **options)
    player.goto(phase, 2)
    player.cut(tear)
    return player


@pytest.mark.parametrize(
    "design, board, options",
    [
        ("hardened", "lab-1M", {}),
        ("mongoose", "esp8266-2M", {"image": "hangs", "faults": "torn-erase"}),
        ("in-place", BARE, {"used": True, "updates": 2, "app_size": 4096}),
    ],
)
def test_a_link_leads_to_the_same_place(design, board, options, tmp_path):
    """
    The same steps, the same cut, the same bytes of flash; a board of one's own comes along as its page.
    """
    player = cut_at(design, board, "download", **options)
    player.step = 1
    there = player_at(player.link("https://here.example/lab/"), tmp_path)
    assert (player.step, player.cuts, player.identity) == (there.step, there.cuts, there.identity)
    assert (player.flash, player.trace, player.recovery) == (there.flash, there.trace, there.recovery)


@given(st.data())
def test_a_link_that_was_changed_on_its_way_says_so(data):
    """
    Cut off, or with other letters: one line, and nothing is opened.
    """
    link = link_of({"design": "hardened", "board": "lab-1M", "cuts": [], "step": 3}, {})
    mark = link.index(LINK_MARK) + len(LINK_MARK)
    where = data.draw(st.integers(mark, len(link) - 1))
    letter = data.draw(st.sampled_from("AZ_-é"))
    for broken in (link[:where], link[:where] + letter * 9 + link[where + 9 :]):
        with suppress(BadInput):
            # A letter that base64 passes over changes nothing.
            assert {"design": "hardened", "board": "lab-1M", "cuts": [], "step": 3} == place_of(broken)


def place_of(link):
    """
    The place in a link that brings no page; the options are none.
    """
    place, options = place_in(link, Path("nowhere"), UpdatePlayer.PLACE)
    assert {} == options
    return place


@pytest.mark.parametrize("name", ["bundle", "files", "firmware", "colour"])
def test_a_link_asks_for_no_file_of_the_reader_s_and_for_no_code(name):
    """
    Whoever opens it has it from somebody else.
    """
    with pytest.raises(BadInput, match=f"asks for {name}"):
        place_of(by_hand({"design": "hardened", "board": "lab-1M", "options": {name: "/etc/passwd"}, "pages": {}}))
    code = {"design": "firmware.toml", "board": "lab-1M", "options": {}, "pages": {"design": "language = 'python'"}}
    with pytest.raises(BadInput, match="does not bring its page"):
        place_of(by_hand(code))


def test_a_place_that_no_player_has_is_one_line(tmp_path):
    """
    Cuts that are none, options that there are not, a page that is missing.
    """
    whole = {"design": "hardened", "board": BARE}
    for place, options, word in (
        (whole | {"cuts": 7}, {}, "no player has"),
        (whole | {"step": "three"}, {}, "step"),
    ):
        with pytest.raises(BadInput, match=word):
            player_at(link_of(place, options), tmp_path)
    with pytest.raises(BadInput, match="does not bring its page"):
        player_at(by_hand({"design": "hardened", "board": "mine.toml", "options": {}, "pages": {}}), tmp_path)


def by_hand(written):
    """
    A link as somebody may write one.
    """
    return LINK_MARK + urlsafe_b64encode(zlib.compress(json.dumps(written).encode())).decode()


def test_a_link_does_not_hold_what_an_id_does_not_hold():
    """
    A bundle, or the files that a device was shipped with.
    """
    with pytest.raises(BadInput, match="files"):
        UpdatePlayer("hardened", "esp8266-2M", files={"a": b"b"}).link()


def test_a_page_of_a_link_is_written_nowhere_else(tmp_path):
    """
    Whatever path the link names for it.
    """
    page = Path(BARE).read_text(encoding="utf-8")
    link = by_hand({"design": "hardened", "board": "../../tiny-bare.toml", "options": {}, "pages": {"board": page}})
    place, _ = place_in(link, tmp_path, UpdatePlayer.PLACE)
    assert tmp_path / "board" / "tiny-bare.toml" == Path(place["board"])
    assert [tmp_path / "board" / "tiny-bare.toml"] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_replay_takes_a_link(capsys):
    """
    And plays what it plays for the id, without a file being named.
    """
    player = cut_at("in-place", BARE, "download")
    assert 0 == main(["replay", player.link("http://localhost:8000/")])
    by_link = capsys.readouterr().out
    assert 0 == main(["replay", player.identity, "--board", BARE])
    assert by_link == capsys.readouterr().out
    assert "THE POWER FAILS: after" in by_link
    assert 2 == main(["replay", "x#p=none"])
    assert "no place in it" in capsys.readouterr().err
