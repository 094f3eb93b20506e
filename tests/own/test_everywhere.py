"""Whatever takes a design takes a folder of code, and gives what it gives for the design that the code is."""

import json

import pytest
from own_code import example, needs_cc

from otalab.bench.ends import ENDS
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.numbers.study import study
from otalab.views.player.widget import UpdatePlayer
from otalab.views.widgets.dashboard import CampaignDashboard
from otalab.views.widgets.graph import CrashGraphView

pytestmark = needs_cc
ASKED = ["--board", "tiny", "--faults", "atomic", "--image", "flaky:0.3", "--rate", "us-2022"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("everywhere")
    return example(place, "mongoose").page.folder


def printed(capsys, *arguments):
    try:
        status = main([*map(str, arguments)])
    except SystemExit as stopped:
        status = stopped.code
    out = capsys.readouterr()
    return status, out.out, out.err


def told(capsys, *arguments):
    status, out, err = printed(capsys, *arguments, "--json")
    assert status in (0, 1), err
    return json.loads(out)


def test_its_risk_is_the_designs(capsys, folder):
    """
    Every end with its bounds, and how often sectors are erased.

    Not to the last digit: the two ask for the next piece of the update at different moments.
    """
    found = [told(capsys, "risk", *which, *ASKED) for which in (["mongoose"], ["--firmware", folder])]

    assert "mongoose-c" == found[1]["design"]
    assert found[0]["ends"] == pytest.approx(found[1]["ends"], rel=1e-9)
    assert 0 < found[1]["ends"]["rolled-back"] < 1 and found[1]["closed"]
    assert found[0]["wear"] == pytest.approx(found[1]["wear"], rel=1e-6)


def test_designs_and_code_stand_side_by_side(capsys, folder):
    """
    In one answer.
    """
    found = told(capsys, "risk", "mongoose", "--firmware", folder, *ASKED)

    assert ["mongoose", "mongoose-c"] == [one["design"] for one in found["results"]]


def test_a_campaign_of_code_is_the_designs_bit_for_bit(capsys, folder, tmp_path):
    """
    The same seed meets the same cuts.
    """
    which = {"design": ["mongoose"], "code": ["--firmware", folder]}
    asked = [*ASKED, "--devices", 2000, "--format", "json"]
    found = [printed(capsys, "campaign", *which[name], *asked, "--out", tmp_path / name) for name in which]

    ends = [json.loads(out)["ends"] for _, out, _ in found]
    assert ends[0] == ends[1]
    assert {*ENDS} == {*ends[0]}


def test_a_report_of_code_tells_its_page_and_no_repair(capsys, folder, tmp_path):
    """
    Its own page in place of choices, the command that plays a counterexample with its file, and that nobody mends it.
    """
    page = tmp_path / "review.html"
    asked = ["--board", "tiny", "--faults", "atomic", "--image", "crashes", "--parts", "W25Q16JV", "-o", page]
    status, _, err = printed(capsys, "report", "mongoose", "--firmware", folder, *asked)
    text = page.read_text()

    assert 0 == status, err
    assert "mongoose-c: it is code, which the lab does not change" in text
    assert '<th scope="row">sources</th><td><code>loader.c</code>' in text
    assert "code is not changed by the lab" in text


def test_code_is_not_repaired(capsys, folder):
    """
    It has no choices to change: one line says so.
    """
    status, _, err = printed(capsys, "repair", "--firmware", folder)

    assert 2 == status
    assert err.startswith("otalab repair: mongoose-c is code, and a repair changes the choices of a design")
    assert 1 == err.count("\n")


@pytest.mark.parametrize("command", ["check", "risk --rate 1", "report -o x.html"])
def test_nothing_to_look_at_is_one_line(capsys, command):
    """
    With both ways out.
    """
    status, _, err = printed(capsys, *command.split())

    assert 2 == status
    assert err.endswith("no design was named; otalab designs lists them, and --firmware FOLDER takes code\n")


def test_a_recording_is_explored_against_its_loader(capsys, folder, tmp_path):
    """
    As against that of the design.
    """
    recording = tmp_path / "update.csv"
    printed(capsys, "trace", "mongoose", "--board", "tiny", "--record", recording)
    asked = ["explore-recording", recording, "--board", "tiny", "--faults", "atomic"]
    found = [told(capsys, *asked, *which) for which in (["--design", "mongoose"], ["--firmware", folder])]

    cells = [[(one["verdict"], one["ends"], one["states"]) for one in each["results"]] for each in found]
    assert cells[0] == cells[1]


def test_a_recording_needs_to_know_the_records(capsys, folder, tmp_path):
    """
    Code that does not say how its records are is told how to say it.
    """
    recording, bare = tmp_path / "update.csv", tmp_path / "bare"
    printed(capsys, "trace", "mongoose", "--board", "tiny", "--record", recording)
    bare.mkdir()
    (bare / "loader.c").write_text((folder / "loader.c").read_text())
    (bare / "firmware.toml").write_text('sources = ["loader.c"]\n')
    status, _, err = printed(capsys, "explore-recording", recording, "--board", "tiny", "--firmware", bare)

    assert 2 == status
    assert "bare does not say how its boot records are" in err


def test_the_player_and_the_views_take_a_folder(folder):
    """
    A history goes from the player into an id and back, with the folder that it was made with.
    """
    player = UpdatePlayer(firmware=folder, board="tiny", faults="atomic")
    player.goto("switch")
    player.cut("before")
    again = UpdatePlayer.of(player.identity, firmware=folder)
    assert player.life.history == again.life.history
    assert player.records == again.records

    dashboard = CampaignDashboard(firmware=folder, board="tiny", faults="atomic", rate="100", devices=100)
    assert not dashboard.problem
    assert "mongoose-c/tiny/atomic/healthy" in CrashGraphView(dashboard.study).summary


def test_another_folder_is_refused(folder, tmp_path):
    """
    An id holds a digest of all sources.
    """
    player = UpdatePlayer(firmware=folder, board="tiny")
    other = example(tmp_path, "mongoose").page.folder
    (other / "loader.c").write_text((other / "loader.c").read_text() + "\n")

    with pytest.raises(BadInput, match=r"holds mongoose-c@.*, and the id was made with mongoose-c@"):
        UpdatePlayer.of(player.identity, firmware=other)


def test_a_study_says_what_it_is_of(folder):
    """
    A campaign's folder tells code apart that differs by a byte.
    """
    told = study(str(folder / "firmware.toml"), board="tiny").as_object()["design"]

    assert told.startswith("# mongoose-c@")
    assert 'sources = ["loader.c"]' in told
