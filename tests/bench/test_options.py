"""The options of a scenario: one set of them, refused alike wherever they come from."""

import re
from dataclasses import fields

import pytest

from otalab import check_design, repair, set_up
from otalab.bench.options import ScenarioOptions
from otalab.bench.setup import scenario_of
from otalab.cli import main as cli
from otalab.errors import BadInput
from otalab.numbers.study import Study, study
from otalab.views.player import UpdatePlayer
from otalab.views.report.facts import Asked

NAMES = [one.name for one in fields(ScenarioOptions)]
WRONG = [
    ({"app_size": -1}, "app_size -1: a whole number from 0 to 2**32 - 1 is needed"),
    ({"app_size": 1.5}, "app_size 1.5: a whole number from 0 to 2**32 - 1 is needed"),
    ({"app_size": True}, "app_size True: a whole number from 0 to 2**32 - 1 is needed"),
    ({"commit_timeout": -1}, "commit_timeout -1: a whole number from 0 to 2"),
    ({"commit_timeout": float("nan")}, "commit_timeout nan: a whole number"),
    ({"commit_timeout": 2**32}, "commit_timeout 4294967296: a whole number from 0 to 2"),
    ({"health_seconds": float("nan")}, "health_seconds nan: a number of 0 or more is needed"),
    ({"health_seconds": -0.5}, "health_seconds -0.5: a number of 0 or more is needed"),
    ({"operator_commits_after": "soon"}, "operator_commits_after soon: a number of 0 or more is needed"),
    ({"timing": "fast"}, "timing 'fast' is unknown; one of: typ, max"),
    ({"offer": "never"}, "offer 'never' is unknown; one of: once, until-taken, again"),
    ({"updates": 0}, "updates 0: a whole number from 1 to 20, or forever, is needed"),
    ({"updates": 2.0}, "updates 2.0: a whole number from 1 to 20, or forever, is needed"),
    ({"part": "none"}, "none"),
    ({"board": "moon"}, "board 'moon' is unknown"),
    ({"bundle": b"none"}, "the bundle is refused"),
    ({"colour": "red"}, "colour: no option of a scenario; it has board, bundle, part, timing, offer"),
]
DOORS = {
    "set_up": lambda **options: set_up("hardened", **{"board": "tiny"} | options),
    "check_design": lambda **options: check_design("hardened", "atomic", **{"board": "tiny"} | options),
    "repair": lambda **options: repair("single-record", ["atomic"], **{"board": "tiny"} | options),
    "UpdatePlayer": lambda **options: UpdatePlayer("hardened", **{"board": "tiny"} | options),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("options, said", WRONG, ids=[said.partition(":")[0] for _, said in WRONG])
def test_what_cannot_be_is_refused_in_the_same_words(door, options, said):
    """By every function that takes them, in one line."""
    with pytest.raises(BadInput) as refused:
        door(**options)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", [Study, Asked])
def test_whoever_has_a_scenario_has_all_of_its_options(kind):
    """They are written down once."""
    assert set(NAMES) < {one.name for one in fields(kind)}
    assert issubclass(kind, ScenarioOptions)


def test_every_option_reaches_the_scenario():
    """By keywords, by the class, and by a study."""
    options = {
        "board": "esp8266-4M",
        "part": "W25Q128JV",
        "timing": "max",
        "offer": "again",
        "used": True,
        "updates": 3,
        "sequencer_near": "half",
        "app_size": 5000,
        "files": {"a": b"b"},
        "health_seconds": 7.0,
        "commit_timeout": 77,
        "operator_commits_after": 8.0,
    }
    scenario = set_up("hardened", image="flaky", **options)
    assert {*options} | {"bundle"} == set(NAMES)
    assert scenario == scenario_of(ScenarioOptions(**options), "hardened", "flaky")
    assert scenario == study("hardened", 1.0, image="flaky", **options).scenario
    assert ("esp8266-4M", "W25Q128JV", "max", "again") == (
        scenario.device.board.name, scenario.part.name, scenario.timing, scenario.offers,
    )  # fmt: skip
    assert (5000, 7.0, 77, 8.0, "by hand", "flaky") == (
        scenario.new.size, scenario.new.health_seconds, scenario.commit_timeout, scenario.operator_commits_after,
        scenario.new.commits, scenario.new.temper,
    )  # fmt: skip
    assert ("1.5", ["1.6", "1.7", "2"]) == (scenario.old.version, [one.image.version for one in scenario.updates])
    assert b"b" == dict(scenario.files)["a"]


@pytest.mark.parametrize("command", ["trace", "check", "repair", "risk", "campaign", "report"])
def test_commands_take_them_by_the_same_names(capsys, command):
    """`--board`, `--bundle`, `--part`, `--timing`, `--offer`, `--used`, `--updates`."""
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    told = capsys.readouterr().out
    assert [] == [name for name in NAMES[:7] if not re.search(rf"--{name}\b(?!-)", told)]


def test_what_only_a_lab_says_is_part_of_a_campaigns_name():
    """A study that says none of it is stored as before."""
    plain, other = study("hardened", 1.0, board="tiny"), study("hardened", 1.0, board="tiny", app_size=500, files={})
    assert {"app_size": 500, "files": {}} == {k: v for k, v in other.as_object().items() if k not in plain.as_object()}
