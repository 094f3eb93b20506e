"""The rows of a campaign, one a device, as they are stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from otalab.files import write_whole


def narrow(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows as they are stored, in numbers of 32 bits: 22 bytes a row in memory, not 30."""
    # More devices than 32 bits count are possible, if not likely.
    device = np.uint32 if rows.device.iloc[-1] < 2**32 else np.int64
    return rows.astype({"device": device, "seconds": np.float32})


def write_rows(table: pd.DataFrame, path: Path) -> None:
    """Write rows to a file of their own, whole or not at all."""
    # Readers of a folder of Parquet files pass over drafts: their names begin with a dot.
    write_whole(path, table.to_parquet(None, index=False, compression="zstd"))
