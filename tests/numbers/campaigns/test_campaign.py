"""Campaigns: killed, interrupted, enlarged, spread over processes or a cluster, the rows are the same."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import psutil
import pyarrow.compute
import pyarrow.dataset
import pytest

from otalab.bench.ends import ENDS
from otalab.cli import check
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.numbers.campaigns import campaign as campaigns
from otalab.numbers.campaigns.campaign import Campaign, Tally, run_campaign
from otalab.numbers.engines.engines import sample
from otalab.numbers.stats import interval
from otalab.numbers.study import study
from otalab.wire.live.guard import guarded

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
ASKED = ["campaign", "single-record", "--board", "tiny", "--faults", "atomic", "--rate", "60"]


def small(devices=1000, **options):
    return Campaign.of(study("single-record", 60.0, board="tiny", faults="atomic"), devices, **options)


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(campaigns, "CHUNK", {"chain": 100, "firmware": 20, "crowd": 0})


def rows(folder):
    return pd.read_parquet(Path(folder) / "devices")


def printed(capsys, *arguments):
    try:
        status = main([str(one) for one in arguments])
    except SystemExit as stopped:
        status = stopped.code
    out = capsys.readouterr()
    return status, out.out, out.err


def test_a_campaign_leaves_a_row_for_each_device(tmp_path, short_chunks):
    """In order, in a data set that pandas reads; the counts are those of the rows."""
    tally = run_campaign(small(250), tmp_path / "out")
    table = rows(tmp_path / "out")

    assert list(range(250)) == table.device.tolist()
    assert {end: n for end, n in table.end.value_counts().items() if n} == dict(tally.counts)
    assert ["000000.parquet", "000001.parquet", "000002.parquet"] == sorted(
        path.name for path in (tmp_path / "out" / "devices").iterdir()
    )


@pytest.mark.parametrize("engine", ["chain", "firmware"])
def test_more_devices_keep_those_that_are_there(tmp_path, short_chunks, engine):
    """Also where the last chunk was not full; the rows are those of a campaign that was that large from the start."""
    run_campaign(small(130, engine=engine), tmp_path / "out")
    first = (tmp_path / "out" / "devices" / "000000.parquet").stat().st_mtime_ns
    run_campaign(small(310, engine=engine), tmp_path / "out")
    run_campaign(small(310, engine=engine), tmp_path / "whole")

    pd.testing.assert_frame_equal(rows(tmp_path / "whole"), rows(tmp_path / "out"), check_exact=True)
    assert first == (tmp_path / "out" / "devices" / "000000.parquet").stat().st_mtime_ns


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["chain", "firmware"])
def test_processes_make_the_same_rows(tmp_path, short_chunks, engine):
    """One, two and four of them."""
    for workers in (1, 2, 4):
        run_campaign(small(410, engine=engine), tmp_path / str(workers), workers=workers)

    for workers in (2, 4):
        pd.testing.assert_frame_equal(rows(tmp_path / "1"), rows(tmp_path / str(workers)), check_exact=True)


def test_whoever_watches_is_told_after_every_chunk(tmp_path, short_chunks):
    """Counts grow, intervals shrink, and what was there already comes first."""
    run_campaign(small(300), tmp_path / "out")
    seen = []
    run_campaign(
        small(600), tmp_path / "out", on_chunk=lambda tally: seen.append((tally.done, tally.interval("updated")))
    )
    widths = [one.high - one.low for _, one in seen]

    assert [300, 400, 500, 600] == [done for done, _ in seen]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_whoever_watches_lives_that_firmware_plays_need_not_wait_for_a_chunk(tmp_path, workers):
    """Long before the first chunk is whole, and never more devices than there are; the rows are those of a chunk."""
    seen = []
    campaign = small(110, engine="firmware")
    run_campaign(
        campaign,
        tmp_path / "out",
        workers=workers,
        on_chunk=lambda tally: seen.append((tally.done, tally.under_way)),
        on_piece=lambda tally: seen.append((tally.done, tally.under_way)),
    )

    assert (0, 5) == seen[0]
    assert (110, 0) == seen[-1]
    assert 25 == len(seen)
    assert 110 >= max(done + under_way for done, under_way in seen)
    pd.testing.assert_frame_equal(
        rows(tmp_path / "out"), sample(campaign.fleet, "firmware", campaign.seed, 0, 110), check_exact=True
    )


def test_an_interrupted_campaign_goes_on(tmp_path, short_chunks):
    """Ctrl-C keeps the chunks that are done."""

    def stop(tally):
        if tally.done == 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_campaign(small(500), tmp_path / "out", on_chunk=stop)
    kept = len(rows(tmp_path / "out"))
    run_campaign(small(500), tmp_path / "out")
    run_campaign(small(500), tmp_path / "whole")

    assert 200 == kept
    pd.testing.assert_frame_equal(rows(tmp_path / "whole"), rows(tmp_path / "out"), check_exact=True)


def test_half_a_file_is_no_chunk(tmp_path, short_chunks):
    """What a killed process had begun to write is passed over by readers, and swept away."""
    run_campaign(small(300), tmp_path / "out")
    draft = tmp_path / "out" / "devices" / ".000001.parquet.4711"
    draft.write_bytes(b"PAR1 half")
    (tmp_path / "out" / "devices" / "000001.parquet").unlink()

    assert 200 == len(rows(tmp_path / "out"))
    run_campaign(small(300), tmp_path / "out")
    assert 300 == len(rows(tmp_path / "out"))
    assert not draft.exists()


@pytest.mark.parametrize(
    "other", ["empty", "cut", "text", "another's rows", "another's columns", "unknown ends", "another campaign's"]
)
def test_what_is_no_chunk_of_this_campaign_is_made_again(tmp_path, short_chunks, other):
    """Whatever became of a file: rows are known by the numbers of their devices, and by the mark of their campaign."""
    run_campaign(small(300), tmp_path / "out")
    run_campaign(small(300, seed=2), tmp_path / "other")
    first, second = (tmp_path / "out" / "devices" / f"00000{number}.parquet" for number in (0, 1))
    whole, table = second.read_bytes(), pd.read_parquet(second)
    instead = {
        "empty": b"",
        "cut": whole[: len(whole) // 2],
        "text": b"PAR1 or so",
        "another's rows": first.read_bytes(),
        "another's columns": table.rename(columns={"end": "start"}).to_parquet(None),
        "unknown ends": table.assign(end="lost at sea").to_parquet(None),
        "another campaign's": (tmp_path / "other" / "devices" / second.name).read_bytes(),
    }
    second.write_bytes(instead[other])
    tally = run_campaign(small(300), tmp_path / "out")
    run_campaign(small(300), tmp_path / "whole")

    assert 300 == tally.done
    pd.testing.assert_frame_equal(rows(tmp_path / "whole"), rows(tmp_path / "out"), check_exact=True)


def test_a_strange_file_among_the_chunks_is_told(tmp_path, short_chunks):
    """Whoever reads the folder as one table would read it too."""
    run_campaign(small(100), tmp_path / "out")
    (tmp_path / "out" / "devices" / "7.parquet").write_bytes(b"")
    with pytest.raises(BadInput, match=r"7\.parquet: is none of this campaign's"):
        run_campaign(small(200), tmp_path / "out")


def test_a_folder_has_one_campaign_at_a_time(tmp_path, short_chunks):
    """The second is told who holds it, touches nothing, and gets the folder when the first one has gone."""
    said = []

    def twice(tally):
        with pytest.raises(BadInput, match=rf"out: is held by process {os.getpid()}: ") as refused:
            run_campaign(small(200), tmp_path / "out")
        said.append(str(refused.value))

    run_campaign(small(200), tmp_path / "out", on_chunk=twice)
    run_campaign(small(200), tmp_path / "out")
    assert 2 == len(said)
    assert {"campaign.json", "devices"} == {one.name for one in (tmp_path / "out").iterdir()}


# Before the bytes of a chunk are written, and again before they get their name, it says so and waits for leave.
GATED = """
import sys
from otalab import files
from otalab.cli.main import main

def gate(draft):
    if draft.target.suffix == ".parquet":
        print("gate", file=sys.stderr, flush=True)
        sys.stdin.readline()

def fill(draft, data, *, sync):
    gate(draft)
    plain(draft, data, sync=sync)
    gate(draft)

plain, files._Draft.fill = files._Draft.fill, fill
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


class Gated:
    """A campaign in a process of its own, with two gates for each chunk."""

    def __init__(self, folder, *arguments):
        words = [sys.executable, "-c", GATED, *ASKED, "--json", "--out", folder, *map(str, arguments)]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = guarded(words, text=True, **pipes)

    def pass_gates(self, number):
        """Open so many, and wait until it stands at the next one."""
        for more in range(number + 1):
            # A line of progress may stand before the word.
            while not (line := self.process.stderr.readline()).endswith("gate\n"):
                assert line, "it ended before it came to a gate"
            if more < number:
                self.process.stdin.write("\n")
                self.process.stdin.flush()

    def finish(self):
        """Open all that are left, and return what it says at its end."""
        out, said = self.process.communicate("\n" * 2000)
        assert 0 == self.process.returncode, said
        return json.loads(out)


def chunks_in(folder):
    return len([path for path in (folder / "devices").glob("*.parquet") if not path.name.startswith(".")])


@pytest.mark.slow
def test_a_campaign_killed_three_times_is_the_undisturbed_one(tmp_path):
    """`kill -9` between two chunks and within one, and the same command again; how far it was is told by its files."""
    devices, killed = 1_000_000, []
    for gates in (8, 11, 10):
        campaign = Gated(tmp_path / "out", "--devices", devices)
        campaign.pass_gates(gates)
        campaign.process.kill()
        campaign.process.communicate()
        killed.append(chunks_in(tmp_path / "out"))
    told = Gated(tmp_path / "out", "--devices", devices).finish()
    run_campaign(small(devices), tmp_path / "whole")

    assert [4, 9, 14] == killed
    assert devices == told["devices"]
    pd.testing.assert_frame_equal(rows(tmp_path / "whole"), rows(tmp_path / "out"), check_exact=True)


@pytest.mark.slow
def test_a_local_worker_that_is_killed_costs_nothing(tmp_path):
    """Its chunk is asked for again."""
    campaign = Gated(tmp_path / "out", "--devices", 1500, "--engine", "firmware", "--workers", 2)
    campaign.pass_gates(6)
    workers = psutil.Process(campaign.process.pid).children()
    next(worker for worker in workers if any("spawn_main" in word for word in worker.cmdline())).kill()

    assert 1500 == campaign.finish()["devices"]
    run_campaign(small(1500, engine="firmware"), tmp_path / "whole")
    pd.testing.assert_frame_equal(rows(tmp_path / "whole"), rows(tmp_path / "out"), check_exact=True)


@pytest.fixture
def cluster(tmp_path):
    """Run a Dask scheduler and two worker processes; yields its address and the workers."""
    pytest.importorskip("distributed", reason="the extra scale is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, dask = f"tcp://127.0.0.1:{port}", [sys.executable, "-m"]
    quiet = QUIET | {"cwd": tmp_path}
    quiet["env"] = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    scheduler = [*dask, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    worker = [*dask, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    started = [guarded(scheduler, **quiet)]
    started += [guarded(worker, **quiet) for _ in range(2)]
    yield address, started[1:]
    for process in started:
        # Not asked first: a worker may not end when it is.
        process.kill()
        process.wait()


def kill_scheduler(worker):
    """Kill the scheduler that was started with a worker."""
    for process in psutil.Process(worker.pid).parent().children():
        if "distributed.cli.dask_scheduler" in process.cmdline():
            process.kill()


@pytest.mark.slow
def test_a_cluster_searches_as_one_process_does(capsys, cluster, monkeypatch):
    """Cell by cell, in the same order; its own workers are enough; and where it goes away, that is one line."""

    def told(*words):
        status = main(["check", "hardened", "single-record", "--board", "tiny", "--faults", "atomic", "--json", *words])
        return status, [one | {"seconds": 0} for one in json.loads(capsys.readouterr().out)["results"]]

    address, workers = cluster
    assert told() == told("--scheduler", address)
    assert 2 == main(["check", "hardened", "--scheduler", address, "--jobs", "2"])
    assert "--jobs 2" in capsys.readouterr().err

    def until_it_goes(every, arguments, submit, cells=check._cells):
        def submitted(*asked):
            future = submit(*asked)
            kill_scheduler(workers[0])
            return future

        return cells(every, arguments, submitted)

    monkeypatch.setattr(check, "_cells", until_it_goes)
    assert 2 == main(["check", "hardened", "--scheduler", address])
    said = capsys.readouterr().err
    assert "went away; run again, or without --scheduler" in said
    assert 1 == said.count("\n"), said


@pytest.mark.slow
def test_a_cluster_makes_the_same_rows_and_may_lose_a_worker(tmp_path, cluster):
    """One of two workers is killed midway; the other one does its chunks."""
    address, workers = cluster
    campaign = Gated(tmp_path / "out", "--devices", "4e5", "--scheduler", address)
    campaign.pass_gates(4)
    workers[0].kill()
    assert 400_000 == campaign.finish()["devices"]
    run_campaign(small(400_000), tmp_path / "whole")

    pd.testing.assert_frame_equal(rows(tmp_path / "whole"), rows(tmp_path / "out"), check_exact=True)


@pytest.mark.slow
def test_a_cluster_that_goes_away_is_one_line(tmp_path, cluster):
    """What is done is kept, and the campaign goes on wherever it is run again."""
    address, workers = cluster
    campaign = Gated(tmp_path / "out", "--devices", "4e5", "--scheduler", address)
    campaign.pass_gates(4)
    kill_scheduler(workers[0])
    _, said = campaign.process.communicate("\n" * 2000)
    assert 2 == campaign.process.returncode, said
    assert "went away; run again to go on with what is done" in said
    assert "Traceback" not in said, said
    assert 0 < chunks_in(tmp_path / "out") < 8
    run_campaign(small(400_000), tmp_path / "out")
    run_campaign(small(400_000), tmp_path / "whole")
    pd.testing.assert_frame_equal(rows(tmp_path / "whole"), rows(tmp_path / "out"), check_exact=True)


def test_a_result_has_the_shape_that_others_rely_on(capsys, tmp_path):
    """Keys of the contract, ends with Clopper-Pearson intervals, and the exact values beside them."""
    status, out, _ = printed(capsys, *ASKED, "--devices", "2e4", "--seed", "3", "--out", tmp_path / "out", "--json")
    told = json.loads(out)
    bricked = told["ends"]["bricked"]

    assert 0 == status
    assert {"design", "devices", "seed", "engine", "ends", "exact", "seconds", "out"} <= set(told)
    assert ("single-record", 20_000, 3, "chain") == (told["design"], told["devices"], told["seed"], told["engine"])
    assert list(ENDS) == list(told["ends"]) == list(told["exact"])
    within = interval(bricked["count"], 20_000)
    assert (within.estimate, within.low, within.high) == (bricked["estimate"], bricked["low"], bricked["high"])
    assert 20_000 == sum(one["count"] for one in told["ends"].values())


@pytest.mark.slow
def test_a_graph_that_does_not_close_has_no_exact_value(capsys, tmp_path):
    """Then `exact` is null, and devices go on with sampled lives: none is open."""
    asked = [
        "campaign",
        "mongoose",
        "--board",
        "tiny",
        "--faults",
        "torn-program",
        "--budget",
        "60",
        "--rate",
        "5000/hour",
    ]
    _, out, _ = printed(capsys, *asked, "--devices", "1000", "--out", tmp_path / "out", "--json")
    told = json.loads(out)

    assert told["exact"] is None
    assert "open" not in told["ends"]
    assert 1000 == sum(one["count"] for one in told["ends"].values())


def test_the_crowd_needs_no_rows(capsys, tmp_path):
    """A million million devices, counted."""
    _, out, _ = printed(capsys, *ASKED, "--devices", "1e12", "--engine", "crowd", "--out", tmp_path / "out", "--json")

    assert 10**12 == sum(one["count"] for one in json.loads(out)["ends"].values())
    assert 10**12 == pd.read_parquet(tmp_path / "out" / "groups.parquet").devices.sum()
    assert not (tmp_path / "out" / "devices").exists()


def test_the_folder_says_how_to_run_it_again(capsys, tmp_path):
    """`campaign.json` has design, board, part, rates, seed and all, and the command."""
    printed(capsys, *ASKED, "--devices", "10", "--out", tmp_path / "out")
    told = json.loads((tmp_path / "out" / "campaign.json").read_text())
    (kind,) = told["campaign"]["kinds"]

    assert (10, 1, "chain") == (told["devices"], told["campaign"]["seed"], told["campaign"]["engine"])
    assert {"design", "board", "part", "timing", "faults", "image", "offer", "rate_per_hour", "bundle"} <= set(kind)
    assert 'name = "single-record"' in kind["design"]


def test_a_fleet_comes_from_a_table(capsys, tmp_path):
    """Kinds of devices in a CSV file."""
    (tmp_path / "fleet.csv").write_text("share,rate,image\n0.9,1/day,\n0.1,100/hour,hangs\n")
    asked = [*ASKED, "--fleet", tmp_path / "fleet.csv", "--devices", "5e4", "--json", "--out", tmp_path / "out"]
    _, out, _ = printed(capsys, *asked)
    table, told = rows(tmp_path / "out"), json.loads(out)

    assert 0.1 == pytest.approx((table.kind == 1).mean(), abs=0.01)
    assert {"rolled-back", "bricked"} >= set(table.end[table.kind == 1])
    assert told["exact"]["rolled-back"] == pytest.approx(told["ends"]["rolled-back"]["estimate"], rel=0.05)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        (["--seed", "2"], "holds another campaign (seed was 1 and is 2)"),
        (["--rate", "61"], "holds another campaign (kinds rate_per_hour was 60.0 and is 61.0)"),
        (["--image", "hangs"], "image was healthy and is hangs"),
        (["--engine", "firmware"], "engine was chain and is firmware"),
        (["--devices", "99"], "holds 100 devices already; ask for as many or more"),
    ],
)
def test_a_folder_holds_one_campaign(capsys, tmp_path, changed, complaint):
    """Another one is refused, and nothing is touched."""
    first = [*ASKED, "--devices", "100", "--out", str(tmp_path / "out")]
    printed(capsys, *first)
    before = contents(tmp_path)
    status, _, err = printed(capsys, *first, *changed)

    assert (2, 1) == (status, err.count("\n"))
    assert complaint in err
    assert before == contents(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--rate", "-1"], "0 or more per hour"),
        (["--rate", "nan"], "0 or more per hour"),
        (["--rate", "1e999"], "0 or more per hour"),
        (["--phase-rate", "lunch=3"], "phase 'lunch' does not exist"),
        (["--image", "flaky:1.5"], "P from 0 to 1"),
        (["--program-flip", "1.5"], "must be from 0 to 1"),
        (["--part", "W25Q999"], "not in data/flash_parts.csv"),
        (["--part", "W25Q80DL"], "no erase_typ_ms"),
        (["--devices", "0"], "devices: from 1"),
        (["--devices", "1.5"], "a whole number, such as 1000 or 1e6, is needed"),
        (["--seed", "-1"], "seed: from 0"),
        (["--engine", "oracle"], "'oracle' is unknown; one of: chain, crowd, firmware"),
        (["--network", "0"], "more than 0 bytes per second"),
        (["--budget", "0"], "at least one node"),
        (["--weights", "atomic=1"], "weights belong to"),
        (["--fleet", "nowhere.csv"], "nowhere.csv"),
        (["--workers", "0"], "at least one is needed"),
        pytest.param(
            ["--scheduler", "tcp://127.0.0.1:9"],
            "no Dask scheduler answers at tcp://127.0.0.1:9",
            marks=pytest.mark.slow,
        ),
        (["--scheduler", "nonsense://x"], "no Dask scheduler answers"),
    ],
)
def test_bad_input_is_one_line_and_status_2(capsys, tmp_path, monkeypatch, arguments, complaint):
    """What, where and the way out; and no folder is made."""
    monkeypatch.chdir(tmp_path)
    status, _, err = printed(capsys, *ASKED, "--devices", "100", "--out", "out", *arguments)

    assert (2, 1) == (status, err.count("\n")), err
    assert complaint in err
    assert {} == contents(tmp_path)


def test_a_folder_of_something_else_is_left_alone(capsys, tmp_path):
    """Also one whose `campaign.json` is another program's, and a file."""
    for name, text in (("a/letter.txt", "Dear Sir"), ("b/campaign.json", "[1]"), ("c", "a file")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    before = contents(tmp_path)
    for name, complaint in (("a", "is not empty"), ("b", "not a campaign's"), ("c", "is a file")):
        status, _, err = printed(capsys, *ASKED, "--devices", "10", "--out", tmp_path / name)
        assert (2, 1) == (status, err.count("\n"))
        assert complaint in err
    assert before == contents(tmp_path)


def contents(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_no_devices_are_no_tally():
    """Nothing can be said of nothing."""
    with pytest.raises(BadInput):
        Tally(small()).interval("bricked")


def test_rows_are_narrow_and_a_part_of_them_is_read_alone(tmp_path, short_chunks):
    """Categories and numbers of 32 bits, whoever made them; a filter reads the rows that it asks for."""
    for engine in ("chain", "firmware"):
        run_campaign(small(250, engine=engine), tmp_path / engine)
        table = rows(tmp_path / engine)
        widths = {name: kind.itemsize for name, kind in table.dtypes.items() if name not in ("end", "last_cut")}
        assert {4} == set(widths.values())
        assert {"category"} == {table.dtypes[name].name for name in ("end", "last_cut")}

        part = pyarrow.dataset.dataset(tmp_path / engine / "devices").to_table(
            columns=["device", "seconds"], filter=pyarrow.compute.field("last_cut") == "download"
        )
        assert table.device[table.last_cut == "download"].tolist() == part["device"].to_pylist()
        assert 0 < len(part) < 250


def test_a_number_that_32_bits_do_not_hold_is_kept_whole():
    """A row has the device's number, however many came before."""
    for last in (2**32 - 1, 2**32, 10**14):
        assert [last - 1, last] == sample(small().fleet, "chain", 1, last - 1, 2).device.tolist()
