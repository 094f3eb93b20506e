"""Who samples the chunks of a campaign: this process, several of them, or a Dask cluster.

A Dask cluster runs what it is sent: whoever reaches its scheduler can run anything there, so it belongs into a network
of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import pandas as pd

from otalab.errors import BadInput, OtalabError
from otalab.numbers.engines.chain import Tables
from otalab.numbers.engines.engines import adopt, prepare, sample
from otalab.numbers.fleet import Fleet
from otalab.processes import processes

TRIES = 3  # in a row in which workers die and no chunk is done
PIECE = {"firmware": 5}  # devices that are asked for at once: to play the life of one may take a second
Chunk = tuple[int, int, int]  # its number, its first device, how many; or a piece of it
_Asked = tuple[Fleet, str, int]  # the fleet, the engine, the seed


class Cluster(NamedTuple):
    """Workers who take work and say what of it is done, as `concurrent.futures` has it."""

    submit: Callable[..., Any]
    wait: Callable[..., Any]


def sampled(
    question: _Asked,
    missing: list[Chunk],
    workers: int,
    cluster: Cluster | None = None,
    on_piece: Callable[[int], None] = lambda _devices: None,
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield chunks with their numbers as they are done, in any order: by a cluster, by processes, or by this one.

    `on_piece` hears of every few devices that came to their ends, long before their chunk is whole.
    """
    parts: dict[int, list[pd.DataFrame]] = defaultdict(list)
    size = {number: count for number, _, count in missing}
    for (number, _, count), table in _pieces_sampled(question, _pieces(question[1], missing), workers, cluster):
        parts[number].append(table)
        on_piece(count)
        if sum(map(len, parts[number])) == size[number]:
            pieces = sorted(parts.pop(number), key=lambda part: part.device.iloc[0])
            yield number, pieces[0] if len(pieces) == 1 else pd.concat(pieces, ignore_index=True)


def _pieces(engine: str, chunks: Iterable[Chunk]) -> list[Chunk]:
    """Return chunks in pieces that keep nobody waiting; a device's row depends on its number alone."""
    most = PIECE.get(engine)
    return [
        (number, at, min(most or count, first + count - at))
        for number, first, count in chunks
        for at in range(first, first + count, most or count)
    ]


def _pieces_sampled(
    question: _Asked, missing: list[Chunk], workers: int, cluster: Cluster | None
) -> Iterator[tuple[Chunk, pd.DataFrame]]:
    if not missing:
        return
    if cluster is not None:
        yield from _submitted(cluster, question, missing)
        return
    if workers == 1:
        for piece in missing:
            yield piece, sample(*question, *piece[1:])
        return
    left, tries = dict.fromkeys(missing), 0
    while left:
        try:
            with processes(workers, adopt, question[0], _prepared(question)) as submit:
                for piece, table in _submitted(Cluster(submit, wait), question, list(left)):
                    tries = 0
                    yield piece, table
                    del left[piece]
        except BrokenProcessPool as error:
            # A worker was killed, and its pool with it; what it had in hand is asked for again.
            tries += 1
            if tries == TRIES:
                raise OtalabError(f"{TRIES} times in a row a worker died before a chunk was done") from error


def _submitted(cluster: Cluster, question: _Asked, missing: list[Chunk]) -> Iterator[tuple[Chunk, pd.DataFrame]]:
    """Keep a cluster busy, but no busier than that results find their way to the disk."""
    waiting = list(reversed(missing))
    running: dict[Any, Chunk] = {}
    try:
        while waiting or running:
            while waiting and len(running) < 64:  # some pieces for each of many workers
                piece = waiting.pop()
                running[cluster.submit(sample, *question, *piece[1:])] = piece
            for future in cluster.wait(list(running), return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    finally:
        for future in running:
            future.cancel()


def _prepared(question: _Asked) -> Tables | None:
    fleet, engine, _ = question
    return prepare(fleet) if engine == "chain" else None


@contextmanager
def dask_cluster(address: str, again: str = "run again to go on with what is done") -> Iterator[Cluster]:
    """Have the Dask cluster whose scheduler listens at an address; `again` is what to do once it went away."""
    try:
        from distributed import Client, KilledWorker  # noqa: PLC0415  # slow to load, need not be there
        from distributed import wait as distributed_wait  # noqa: PLC0415  # likewise
        from distributed.comm.core import CommClosedError  # noqa: PLC0415  # likewise
    except ImportError as error:
        raise BadInput("a scheduler needs the package distributed: pip install 'otalab[scale]'") from error
    try:
        client: Any = Client(address, timeout=5)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise BadInput(f"no Dask scheduler answers at {address}: {str(error).splitlines()[0]}") from error
    with _quietly(), client:
        # A chunk whose worker died is given to another one, and again if that dies too.
        # Asked as the cluster's own futures, and not by its executor, which takes a result whose worker has just died
        # for an error: such a future is waited for again.
        try:
            yield Cluster(partial(client.submit, pure=False, retries=TRIES), distributed_wait)
        except (CancelledError, asyncio.CancelledError, CommClosedError, KilledWorker) as error:
            raise OtalabError(f"the Dask cluster at {address} went away; {again}") from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Let Dask not log, with tracebacks, that its scheduler is gone: that is told in one line."""
    logs = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    before = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)
