"""The campaign dashboard: driven without a browser, its rows are those of any campaign."""

import asyncio
import itertools
import threading
from contextlib import contextmanager
from dataclasses import replace

import pandas as pd
import pytest

from otalab import load_design
from otalab.bench.ends import BAD, ENDS
from otalab.errors import BadInput
from otalab.numbers.campaigns import paced
from otalab.numbers.campaigns.campaign import Campaign, run_campaign
from otalab.numbers.campaigns.paced import MOST, PacedCampaign
from otalab.numbers.stats import interval
from otalab.views.widgets.dashboard import CampaignDashboard, in_words

SECONDS = 60


def dashboard(**more):
    names = {"board": "tiny", "rate": "6/hour", "faults": "atomic", "devices": 5000}
    return CampaignDashboard("single-record", **names | more)


async def until(condition):
    """Let others go on until something has come about; only a failure waits long."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  # traits that are set from the loop, and numbers that a thread counts
            await asyncio.sleep(0)


@pytest.fixture
def gate(monkeypatch):
    """A campaign that does one chunk for each `release()`, and tells of every one."""
    gate = threading.Semaphore(0)

    def sample(*what):
        assert gate.acquire(timeout=SECONDS)
        gate.passed += 1
        return plain(*what)

    gate.passed, plain = 0, paced.sample
    monkeypatch.setattr(paced, "sample", sample)
    monkeypatch.setattr(paced, "OFTEN", 0.0)
    return gate


@contextmanager
def held(monkeypatch, place, name):
    """Hold a campaign's thread where it calls something, until what is done here is done."""
    done, plain = threading.Event(), getattr(place, name)

    def waits(*what):
        assert done.wait(SECONDS)
        return plain(*what)

    with monkeypatch.context() as changed:
        changed.setattr(place, name, waits)
        yield
        done.set()


@pytest.mark.parametrize("engine, devices", [("chain", 7000), ("firmware", 50), ("crowd", 10**6)])
def test_the_rows_are_those_of_a_campaign(tmp_path, engine, devices):
    """
    Same seed, same rows, in whatever chunks they came; counts, intervals and phases are of these rows.
    """
    board = dashboard(engine=engine, devices=devices, seed=7)
    run_campaign(Campaign.of(board.study, devices, seed=7, engine=engine), tmp_path / "out")
    stored = "groups.parquet" if engine == "crowd" else "devices"

    board.run()
    assert board.wait(SECONDS)

    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / stored), board.table)
    assert "done" == board.state and devices == board.done == board.tally.done
    table = board.table
    weight = table.devices if engine == "crowd" else pd.Series(1, table.index)
    for row in board.rows[:-1]:
        found = interval(row["count"], devices)
        assert int(weight[table.end == row["end"]].sum()) == row["count"]
        assert (found.estimate, found.low, found.high) == (row["estimate"], row["low"], row["high"])
    assert sum(row["count"] for row in board.rows if row["end"] in BAD) == board.rows[-1]["count"]
    bad = table.end.isin(BAD)
    for row in board.fell:
        assert int(weight[bad & (table.last_cut == row["phase"])].sum()) == row["count"]


def test_a_folder_keeps_the_rows_and_goes_on(tmp_path, monkeypatch):
    """
    What was stopped is finished by a dashboard that comes later, to the rows of one that was not.
    """
    first = dashboard(engine="firmware", devices=120, out=tmp_path / "out")
    with held(monkeypatch, paced, "exact_bounds"):
        first.run()
        first.pause()
        first.stop()
    first.wait(SECONDS)
    assert "stopped" == first.state and first.done < 120

    second = dashboard(engine="firmware", devices=120, out=tmp_path / "out")
    second.run()
    second.wait(SECONDS)
    whole = dashboard(engine="firmware", devices=120)
    whole.run()
    whole.wait(SECONDS)

    assert "done" == second.state and str(tmp_path / "out") == str(second.tally.out)
    pd.testing.assert_frame_equal(whole.table, second.table)
    assert whole.rows == second.rows and whole.fell == second.fell


def test_the_loop_is_free_while_a_campaign_runs(gate):
    """
    A chunk that comes to its end only when the loop says so does come to it; each is shown, and from the loop.
    """

    async def live():
        board = dashboard(engine="firmware", devices=40)
        here, shown = threading.get_ident(), [(0, threading.get_ident())]
        board.observe(lambda change: shown.append((change.new, threading.get_ident())), "done")
        board.run()
        for chunk in itertools.count(1):
            gate.release()
            await until(lambda: len(shown) > chunk)  # noqa: B023  # asked before the next turn
            if board.done == 40:
                break
        tally = await board.finished()
        return board, here, shown, tally

    board, here, shown, tally = asyncio.run(live())
    assert 40 == board.done == tally.done
    assert len(shown) - 1 == gate.passed > 3
    assert {here} == {thread for _, thread in shown}
    assert sorted({done for done, _ in shown}) == [done for done, _ in shown]


def test_a_pause_holds_the_numbers_and_changes_none(gate):
    """
    The chunk in hand is the last before the rest; resumed it comes to the end of a campaign that never rested.
    """

    async def live():
        board = dashboard(engine="firmware", devices=40)
        board.run()
        gate.release(2)
        await until(lambda: board.done > 0)
        board.pause()
        assert "pausing" == board.state
        gate.release(100)
        await until(lambda: board.state == "paused")
        held, passed = board.tally.done, gate.passed
        for _ in range(100):
            await asyncio.sleep(0)
        assert held == board.done == board.tally.done == len(board.table) < 40 and passed == gate.passed <= 3
        board.resume()
        assert "running" == board.state
        await board.finished()
        return board

    board = asyncio.run(live())
    gate.release(100)
    straight = dashboard(engine="firmware", devices=40)
    straight.run()
    straight.wait(SECONDS)
    pd.testing.assert_frame_equal(straight.table, board.table)


def test_it_can_be_stopped_while_it_explores(monkeypatch):
    """
    What takes long is not only the sampling.
    """
    board = dashboard(faults="all", seed=3, budget=900)
    with held(monkeypatch, PacedCampaign, "_exploring"):
        board.run()
        board.stop()

    assert board.wait(SECONDS)
    assert "stopped" == board.state and 0 == board.done
    assert board.table.empty


@pytest.mark.parametrize("name, value, told", [
    ("rate", "often", "rate 'often'"), ("rate", "-1", "rate '-1'"), ("design", "nosuch", "nosuch"),
    ("board", "nosuch", "nosuch"), ("part", "nosuch", "nosuch"), ("image", "ill", "image 'ill' is unknown"),
    ("faults", "none", "fault model 'none' is unknown"), ("engine", "steam", "engine 'steam' is unknown"),
    ("devices", "0", "devices: from 1"), ("devices", "1.5", "devices: a whole number is needed"),
    ("devices", "nan", "devices: a whole number is needed"), ("devices", "inf", "devices: a whole number is needed"),
    ("seed", "-1", "seed: from 0"), ("given_cut", "maybe", "given_cut"), ("watched", "heaven", "watched 'heaven'"),
    ("state", "done", "'state' cannot be set"),
])  # fmt: skip
def test_what_is_wrong_is_told_in_one_line(name, value, told):
    """
    As soon as it is chosen, and without a traceback.
    """
    board = dashboard()

    board._asked(None, {"set": name, "to": value}, None)

    assert told in board.problem and "\n" not in board.problem
    assert "ready" == board.state


def test_nothing_wrong_is_run():
    """
    A button is answered in the same line, a call by an error; once mended, it runs.
    """
    board = dashboard(rate="often")
    board._asked(None, {"do": "run"}, None)
    assert "rate 'often'" in board.problem and "ready" == board.state
    with pytest.raises(BadInput, match="rate 'often'"):
        board.run()
    with pytest.raises(BadInput, match="no campaign was run yet"):
        _ = board.table

    board.rate = "1/day"
    assert "" == board.problem and "0.0417 per hour: one in 24 hours" == board.meaning
    board._asked(None, {"do": "run"}, None)
    assert board.wait(SECONDS) and "done" == board.state


def test_one_campaign_at_a_time(gate):
    """
    A second one is refused until the first is over.
    """
    board = dashboard(engine="firmware", devices=2000)
    board.run()
    with pytest.raises(BadInput, match="under way"):
        board.run()
    board.close()
    gate.release()

    assert board.wait(SECONDS) and "stopped" == board.state


def test_two_campaigns_run_side_by_side():
    """
    Neither disturbs the other, nor a call from the notebook in between.
    """
    boards = [dashboard(devices=300_000, rate=rate) for rate in ("6/hour", "60/hour")]
    for board in boards:
        board.run()
    for board in boards:
        board.wait(SECONDS)

    for board in boards:
        alone = dashboard(devices=300_000, rate=board.rate)
        alone.run()
        alone.wait(SECONDS)
        assert ("done", "") == (board.state, board.problem)
        assert alone.rows == board.rows


@pytest.mark.parametrize("rate", ["10/second", "1e6/second"])
def test_what_goes_wrong_in_the_thread_is_told(rate):
    """
    A rate at which devices are cut for ever is found out while weighing, also where no float can count the cuts.
    """
    board = dashboard(rate=rate)
    board.run()
    board.wait(SECONDS)

    assert "failed" == board.state and "cuts are expected" in board.problem


def test_more_rows_than_memory_has_are_refused():
    """
    A folder is the way out.
    """
    board = dashboard(devices=MOST + 1)

    with pytest.raises(BadInput, match="give a folder"):
        board.run()


def test_the_watched_end_is_drawn():
    """
    The last point is the present count; points stand apart; the exact value is that of the study.
    """
    board = dashboard(devices=60_000)
    board.run()
    board.wait(SECONDS)

    board.watched = "update-lost"

    row = next(row for row in board.rows if row["end"] == "update-lost")
    assert [60_000, row["estimate"], row["low"], row["high"]] == board.convergence[-1]
    devices = [point[0] for point in board.convergence]
    assert sorted(set(devices)) == devices and len(devices) < 70
    assert [board.study.weighed.ends["update-lost"]] * 2 == pytest.approx(board.exact)
    assert "" == board.claim
    board.watched = "bad"
    assert f"{board.rows[-1]['count']} failure" in board.claim


def test_bounds_stand_for_the_exact_line_of_a_graph_that_is_not_closed():
    """
    What was not explored is sampled: every device comes to an end, and what is exact is a band.
    """
    board = CampaignDashboard("mongoose", board="tiny", rate="1/minute", faults="torn-program", budget=60)
    board.run()
    assert board.wait(SECONDS)

    low, high = board.exact
    assert 0 < low < high < 1
    assert "open" not in {row["end"] for row in board.rows}
    assert board.devices == sum(row["count"] for row in board.rows if row["end"] in ENDS)


def test_a_design_of_ones_own_can_be_run():
    """
    It stands among the choices under its name.
    """
    own = replace(load_design("single-record"), name="mine")
    board = CampaignDashboard(own, board="tiny", faults="atomic", devices=100)
    board.run()

    assert board.wait(SECONDS) and 100 == board.done
    assert "mine" in board.choices["design"] and own == board.tally.campaign.fleet.studies[0].design


def test_the_campaign_itself_needs_no_widget():
    """
    It tells whoever listens, from its thread.
    """
    board = dashboard(devices=1000)
    heard = []
    paced = PacedCampaign(Campaign.of(board.study, 1000), told=lambda: heard.append(paced.state))

    paced.start()

    assert paced.wait(SECONDS) and "done" == heard[-1] == paced.state and 1000 == len(paced.table)


@pytest.mark.parametrize("rate, words", [
    (0.0, "never"), (1.0, "1 per hour: one in 60 minutes"), (1.4 / 8766, "0.00016 per hour: one in 261 days"),
    (3600.0, "3.6e+03 per hour: one in 1 seconds"), (1 / 87660, "1.14e-05 per hour: one in 10 years"),
])  # fmt: skip
def test_a_rate_is_said_as_people_feel_it(rate, words):
    """
    One failure in so long.
    """
    assert words == in_words(rate)


@pytest.mark.parametrize(
    ("name", "typed", "mended"),
    [("devices", "many", "1000"), ("devices", "-", "1,000"), ("seed", "x", "1"), ("rate", "often", "us-2022"),
     ("image", "purple", "healthy")],
)  # fmt: skip
def test_what_is_typed_is_what_is_checked(name, typed, mended):
    """
    Nothing else is run in its place, the complaint stays for as long as the entry does, and goes when it is mended.
    """
    dashboard = CampaignDashboard("single-record", board="tiny", faults="atomic", devices=1000, app_size=3000)

    dashboard._asked(None, {"set": name, "to": typed}, None)
    told = dashboard.problem
    dashboard._asked(None, {"do": "run"}, None)

    assert told == dashboard.problem != ""
    assert "ready" == dashboard.state
    with pytest.raises(BadInput):
        dashboard.run()
    dashboard._asked(None, {"set": name, "to": mended}, None)
    assert "" == dashboard.problem
