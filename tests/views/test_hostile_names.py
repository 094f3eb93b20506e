"""A name that somebody gave a design is text in every view, and no page."""

import re
from dataclasses import replace

import pytest

from otalab import load_design
from otalab.bench.inspection import inspect_records
from otalab.graph.check import check_design
from otalab.views.figures.graph import style_verdicts, verdict_table
from otalab.views.player import UpdatePlayer

HOSTILE = "<img src=x onerror=alert(1)><!--<script>"


@pytest.fixture(scope="module")
def case():
    return check_design(replace(load_design("hardened"), name=HOSTILE), "atomic", board="tiny")


def live(html):
    """
    Tags of the hostile name that a browser would obey, outside of what is data in a script.
    """
    return re.findall(r"<img src=x", re.sub(r"(?s)<script.*?</script>", "", html))


def test_a_table_of_verdicts_shows_the_name(case):
    """
    In its index, in its columns and in its cells.
    """
    table = verdict_table([case])
    for shown in (table, table.T, table.reset_index()):
        html = style_verdicts(shown).to_html()
        assert [] == live(html)
        assert "&lt;img src=x" in html


def test_an_inspection_shows_a_files_name():
    """
    A record file is called as somebody likes.
    """
    assert [] == live(inspect_records([(HOSTILE, bytes(512))], "cc3200")._repr_html_())


def test_the_page_of_a_player_is_not_broken(tmp_path):
    """
    `<!--<script>` in data would swallow the rest of the page.
    """
    mine, page = tmp_path / "mine.toml", tmp_path / "page.html"
    mine.write_text(replace(load_design("hardened"), name=HOSTILE).toml(), encoding="utf-8")
    UpdatePlayer(str(mine), board="tiny").html(page)
    text = page.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert [] == live(text)
