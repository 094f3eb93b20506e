"""Engines: devices sampled in one of three ways, all into the same table.

`firmware` runs the real firmware on real contents, `chain` walks the crash graph device by device, `crowd` moves whole
fleets through it.
A row is a device (of the crowd, `devices` of them) with its number, its kind in the fleet, its end, the cuts, seconds
and erases that it took to get there, and the phase in which its last cut fell.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import fsum
from typing import Any

import numpy as np
import pandas as pd

from otalab.errors import BadInput
from otalab.hardware.effects import PHASES
from otalab.numbers.engines import crowd
from otalab.numbers.engines.chain import Tables, send, tables
from otalab.numbers.engines.firmware import Lives
from otalab.numbers.engines.streams import Stream
from otalab.numbers.fleet import Fleet
from otalab.numbers.legs import ENDINGS

MOST_CUTS = 10_000  # expected per device, beyond which it would be cut for ever
KEPT = 4
# What a process has prepared; a new process may be handed it, or prepares it again.
_prepared: dict[Fleet, Tables] = {}


def prepare(fleet: Fleet) -> Tables:
    """Return the walks of a fleet as plain arrays; explored and weighed once in a process."""
    prepared = _prepared.get(fleet)
    if prepared is None:
        refuse_endless(fleet)
        prepared = tables([study.weighed.walk for study in fleet.studies], fleet.given_shares)
        # Of a few: campaigns in several threads would throw out each other's for every chunk.
        while len(_prepared) >= KEPT:
            _prepared.pop(next(iter(_prepared)), None)
        _prepared[fleet] = prepared
    return prepared


def adopt(fleet: Fleet, prepared: Tables | None) -> None:
    """Take over what another process has prepared."""
    if prepared is not None:
        _prepared[fleet] = prepared


def refuse_endless(fleet: Fleet) -> None:
    """Refuse rates at which a device would be cut for ever before it comes to an end."""
    for study in fleet.studies:
        cuts = study.weighed.expected()["cuts"]
        if cuts > MOST_CUTS:
            raise BadInput(
                f"rate: at {study.rates.default:g} per hour {cuts:.3g} cuts are expected before the update ends, "
                "too many to walk through; take a lower rate, or ask for the exact answer (risk)"
            )


def sample(fleet: Fleet, engine: str, seed: int, first: int, count: int) -> pd.DataFrame:
    """Return the rows of devices number `first` and following; they depend on the seed and their numbers alone.

    Numbers have 32 bits, 22 bytes a row in memory; device numbers have 64 from the first chunk that needs them on.
    """
    rows = _of_lives(fleet, seed, first, count) if engine == "firmware" else _of_walkers(fleet, seed, first, count)
    device = np.arange(first, first + count, dtype=np.uint32 if first + count <= 2**32 else np.int64)
    return pd.DataFrame({"device": device, **rows}).astype({"seconds": np.float32})


def crowds(fleet: Fleet, devices: int, seed: int | Sequence[int]) -> pd.DataFrame:
    """Return what becomes of a whole fleet; each row stands for `devices` of them."""
    refuse_endless(fleet)
    return crowd.move([study.weighed.walk for study in fleet.studies], fleet.given_shares, devices, seed)


def _of_walkers(fleet: Fleet, seed: int, first: int, count: int) -> dict[str, Any]:
    walked = send(prepare(fleet), seed, first, count)
    return walked._asdict() | {
        "end": pd.Categorical.from_codes(walked.end, ENDINGS),
        "last_cut": pd.Categorical.from_codes(walked.last_cut, PHASES),
    }


def _of_lives(fleet: Fleet, seed: int, first: int, count: int) -> dict[str, Any]:
    lives, by = _lives(fleet)
    kinds, lived = [], []
    for device in range(first, first + count):
        stream = Stream(seed, device)
        kind = min(int(np.searchsorted(by, stream.uniform(), "right")), len(by) - 1) if len(by) > 1 else 0
        kinds.append(kind)
        lived.append(lives[kind].live(stream))
    return {
        "kind": np.array(kinds, np.int32),
        "end": pd.Categorical([life.end for life in lived], ENDINGS),
        "cuts": np.array([life.cuts for life in lived], np.int32),
        "seconds": np.array([life.seconds for life in lived]),
        "erases": np.array([life.erases for life in lived], np.int32),
        "last_cut": pd.Categorical([life.last_cut or None for life in lived], PHASES),
    }


@lru_cache(maxsize=4)
def _lives(fleet: Fleet) -> tuple[list[Lives], Any]:
    refuse_endless(fleet)
    lives = [Lives(study.scenario, study.model, study.rates, given_cut=study.given_cut) for study in fleet.studies]
    worth = [share * life.given for share, life in zip(fleet.shares, lives, strict=True)]
    return lives, np.cumsum(worth) / fsum(worth)
