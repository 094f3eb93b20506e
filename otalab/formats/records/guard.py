"""How much a record's check is worth."""

from __future__ import annotations

# From so many bits on a check is not met by chance: a forged one is left out of verdicts and told as a residual.
STRONG = 32
