"""What a check tells other tools: JUnit for build servers, SARIF for services; and proofs among other people's tests.

The files were held against `junit-10.xsd` of Jenkins's xunit-plugin and OASIS's `sarif-schema-2.1.0.json`; here stand
the laws of both that a change of ours could break.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from otalab import check_design, load_design
from otalab.bench.ends import BAD
from otalab.cli import main as cli
from otalab.cli.main import parser
from otalab.errors import InternalFault
from otalab.graph.case import Case
from otalab.graph.check import LostCell
from otalab.graph.junit import junit
from otalab.graph.sarif import sarif
from otalab.testing import assert_safe

ROOT = Path(__file__).parents[2]
# What the schema lets a result be; of another kind than `fail`, its level is `none`.
KINDS = {"fail": "error", "open": "none", "pass": "none"}


@pytest.fixture(scope="module")
def cells():
    """A proof, two counterexamples, a graph that is not closed, and a case that the lab went wrong in."""
    safe = check_design("hardened", "atomic", "healthy", "tiny")
    lost = LostCell(Case("\udc80\x01<&>", "tiny", "all", "healthy", "once"), InternalFault("a\x00\nfault", "-"))
    return [
        safe,
        check_design("single-record", "atomic", "healthy", "tiny"),
        check_design("mongoose", "atomic", "crashes", "tiny"),
        check_design("hardened", "atomic", "healthy", "tiny", budget=2),
        lost,
    ]


def test_each_cell_is_a_test_case(cells):
    """It counts what it holds, whatever is in its names; what fails says how, and the line that plays it."""
    suites = ET.fromstring(junit(cells))  # noqa: S314  # our own
    cases = [case for suite in suites for case in suite]

    assert len(cells) == len(cases)
    for suite in suites:
        tags = [child.tag for case in suite for child in case]
        counted = [suite.get(name) for name in ("tests", "failures", "errors")]
        assert counted == [str(len(suite)), str(tags.count("failure")), str(tags.count("error"))]
    by_kind = {child.get("type"): child.text for case in cases for child in case}
    assert {"unsafe", "open", "internal fault"} == set(by_kind)
    assert "otalab replay" in by_kind["unsafe"] and "otalab replay" in by_kind["internal fault"]


def test_each_cell_is_a_result(cells):
    """Its rule is there, its level goes with its kind; a cell without an answer is the run's fault."""
    (run,) = json.loads(sarif(cells))["runs"]
    rules, results = [rule["id"] for rule in run["tool"]["driver"]["rules"]], run["results"]

    assert len(cells) - 1 == len(results)
    for result in results:
        assert result["ruleId"] == rules[result["ruleIndex"]]
        assert result["level"] == KINDS[result["kind"]]
        assert (result["kind"] == "fail") == (result["ruleId"] in BAD)
    assert ["pass", "fail", "fail", "open"] == [result["kind"] for result in results]
    assert not run["invocations"][0]["executionSuccessful"]


@pytest.mark.parametrize("design", ["mongoose", "single-record", "hardened"])
def test_the_command_writes_both_and_the_page_is_where_it_is(design, tmp_path, monkeypatch, capsys):
    """The default board; a page of one's own is the place of its finding, spaces and all."""
    monkeypatch.chdir(tmp_path)
    Path("my page.toml").write_text(load_design(design).toml())
    words = ["check", "my page.toml", "--faults", "atomic", "--budget", "12", "--junit", "j.xml", "--sarif", "s.sarif"]
    status = cli.main(words)
    (result,) = json.loads(Path("s.sarif").read_text())["runs"][0]["results"]

    assert (status == 0) == (result["kind"] == "pass") == (b"<failure" not in Path("j.xml").read_bytes())
    assert "my%20page.toml" == result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    Path("j.xml").write_text("somebody else's")
    assert 2 == cli.main(words), "what others made stays"
    assert "--force" in capsys.readouterr().err


def test_an_assertion_fails_with_the_history_and_the_line_that_plays_it(tmp_path, capsys):
    """Pages of one's own are in the line; a graph that does not close is no proof."""
    page = tmp_path / "mine.toml"
    page.write_text(load_design("single-record").toml())
    with pytest.raises(AssertionError) as failed:
        assert_safe(page, faults=("atomic",), board="tiny")
    *_, line = str(failed.value).splitlines()

    assert "no valid boot record" in str(failed.value)
    assert 0 == cli.main(shlex.split(line)[1:])
    assert "bricked: no valid boot record" in capsys.readouterr().out
    with pytest.raises(AssertionError, match="not proved"):
        assert_safe("hardened", faults="atomic", board="tiny", budget=2)
    with pytest.raises(AssertionError, match="crashes"):
        assert_safe(load_design("mongoose"), faults="atomic", board="tiny", images=("healthy", "crashes"), updates=2)


@pytest.mark.slow
def test_the_plugin_keeps_what_tests_found(tmp_path):
    """Asked for by its name; the file plays."""
    (tmp_path / "test_it.py").write_text(
        "from otalab.testing import assert_safe\n"
        "def test_it():\n    assert_safe('single-record', faults='atomic', board='tiny')\n"
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", "otalab.testing", "--otalab-save", "found.json", "test_it.py"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert 1 == ran.returncode and "no valid boot record" in ran.stdout, ran.stdout
    assert 0 == cli.main(["replay", str(tmp_path / "found.json")])


def test_the_example_of_a_workflow_is_what_the_command_line_takes():
    """Every line of it that calls the lab is read by the lab's own parser."""
    workflow = yaml.safe_load((ROOT / "docs" / "workflow.yml").read_text(encoding="utf-8"))
    steps = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    calls = [shlex.split(line)[1:] for line in steps if line.startswith("otalab ")]

    assert [["check"], ["report"]] == [words[:1] for words in calls]
    assert all(parser(words[0]).parse_args(words).func for words in calls)
