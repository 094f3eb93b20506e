"""Fleets: a few kinds of devices with their shares; each device of a fleet is of one kind, drawn by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import StringIO
from math import fsum, hypot, isfinite
from pathlib import Path

import pandas as pd

from otalab.errors import BadInput
from otalab.files import naming, read_text
from otalab.numbers.rates import parse_rate
from otalab.numbers.study import Study

COLUMNS = ("share", "part", "timing", "rate", "bytes_per_second", "image")


@dataclass(frozen=True)
class Fleet:
    """Kinds of devices, each a study, and how large a share of the fleet each is."""

    studies: tuple[Study, ...]
    shares: tuple[float, ...] = (1.0,)

    @classmethod
    def of(cls, base: Study, table: pd.DataFrame) -> Fleet:
        """Return the fleet that a table describes: one kind a row.

        Columns: `share`, and any of `part`, `timing`, `rate`, `bytes_per_second` and `image`; what a row leaves out is
        as in `base`.
        """
        if wrong := sorted(set(table.columns) - set(COLUMNS)):
            raise BadInput(f"fleet: column {wrong[0]!r} is unknown; columns are {', '.join(COLUMNS)}")
        if "share" not in table.columns or table.empty:
            raise BadInput("fleet: a column share and at least one row are needed")
        studies, shares = [], []
        for number, row in enumerate(table.to_dict("records"), 1):
            changes = {key: value for key, value in row.items() if not pd.isna(value)}
            share = float(pd.to_numeric(changes.pop("share", None), errors="coerce"))
            if not (isfinite(share) and share > 0):
                raise BadInput(f"fleet: row {number}: a share must be more than 0, got {row['share']!r}")
            if "rate" in changes:
                changes["rates"] = replace(base.rates, default=parse_rate(str(changes.pop("rate"))))
            if changes.get("timing", "typ") not in ("typ", "max"):
                raise BadInput(f"fleet: row {number}: timing must be typ or max, got {changes['timing']!r}")
            if not 0 < float(changes.get("bytes_per_second", 1)) < float("inf"):
                raise BadInput(f"fleet: row {number}: bytes_per_second must be more than 0")
            study = replace(base, **changes)
            study.refuse_nonsense()
            studies.append(study)
            shares.append(share)
        return cls(tuple(studies), tuple(share / fsum(shares) for share in shares))

    @classmethod
    def read(cls, base: Study, path: str | Path) -> Fleet:
        """Read the table of a fleet from a CSV file."""
        text = read_text(path)
        try:
            table = pd.read_csv(StringIO(text), dtype={"rate": str, "part": str, "image": str})
        except ValueError as error:
            raise BadInput(f"{path}: not a table of a fleet: {str(error).splitlines()[0]}") from error
        with naming(path):
            return cls.of(base, table)

    @property
    def closed(self) -> bool:
        """Whether the probability of each end is exact."""
        return all(study.weighed.closed for study in self.studies)

    @property
    def ends(self) -> dict[str, float] | None:
        """The exact probability of each end for a device of the fleet, or `None` where a graph is not closed."""
        return self.estimates if self.closed else None

    def interval(self, *ends: str) -> tuple[float, float, float]:
        """Return the probability of these ends together for a device of the fleet, and the least and most it can be.

        The bounds of the kinds are put together at their distances from the estimates, as for independent ones
        (MOVER: Zou and Donner 2008, Statistics in Medicine 27:1693).
        """
        pairs = list(zip(self.given_shares, self.studies, strict=True))
        kinds = [
            (share, fsum(study.weighed.ends[end] for end in ends), study.weighed.interval(*ends))
            for share, study in pairs
        ]
        estimate = min(1.0, fsum(share * known for share, known, _ in kinds))
        # Bounds that are not of samples may all be wrong in the same way.
        far = hypot if all(study.weighed.closed or study.weighed.sampled for study in self.studies) else _sum
        low = far(*(share * (known - least) for share, known, (least, _) in kinds))
        high = far(*(share * (most - known) for share, known, (_, most) in kinds))
        return estimate, max(0.0, estimate - low), min(1.0, estimate + high)

    @property
    def estimates(self) -> dict[str, float]:
        """The probability of each end for a device of the fleet, as sure as each study's `weighed` is."""
        pairs = list(zip(self.given_shares, self.studies, strict=True))
        return {
            end: fsum(share * study.weighed.ends[end] for share, study in pairs) for end in pairs[0][1].weighed.ends
        }

    @property
    def given_shares(self) -> Sequence[float]:
        """The shares among the devices that are looked at: given a cut, kinds that meet more of them are more."""
        worth = [share * study.weighed.walk.given for share, study in zip(self.shares, self.studies, strict=True)]
        return [share / fsum(worth) for share in worth]

    @property
    def given(self) -> float:
        """The probability of what is taken as given; 1 if nothing is."""
        return fsum(share * study.weighed.walk.given for share, study in zip(self.shares, self.studies, strict=True))


def _sum(*parts: float) -> float:
    return fsum(parts)
