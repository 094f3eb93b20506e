"""Streams of random numbers, one for each device: number n of device d is a function of seed, d and n alone.

So a table of devices depends neither on how it was cut into chunks nor on who made them.
The generator is SplitMix64 (Steele, Lea, Flood 2014): a counter that moves by a fixed odd step, well mixed; a
device's counter begins at a mixed function of seed and device.
"""

from __future__ import annotations

from typing import Any

import numpy as np

STEP = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_WORD = 2**64 - 1


def mixed(z: Any) -> Any:
    """Return 64 bits well mixed; of arrays, each."""
    z = (z ^ (z >> _S30)) * _M1
    z = (z ^ (z >> _S27)) * _M2
    return z ^ (z >> _S31)


def uniform(counter: Any) -> Any:
    """Return the number from 0 up to 1 that a counter stands for."""
    return (mixed(counter) >> _S11) * 2.0**-53


def key(seed: int) -> np.uint64:
    """Return what a seed contributes to every device's counter."""
    return np.uint64(_mixed(seed & _WORD))


class Stream:
    """The numbers of one device, one by one."""

    def __init__(self, seed: int, device: int) -> None:
        self._counter = _mixed((int(key(seed)) + device * int(STEP)) & _WORD)

    def uniform(self) -> float:
        """Return the next number, from 0 up to 1."""
        self._counter = (self._counter + int(STEP)) & _WORD
        return (_mixed(self._counter) >> 11) * 2.0**-53


def _mixed(z: int) -> int:
    """Do what `mixed` does, for one number without a width."""
    z = (z ^ (z >> 30)) * int(_M1) & _WORD
    z = (z ^ (z >> 27)) * int(_M2) & _WORD
    return z ^ (z >> 31)
