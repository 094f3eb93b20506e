"""Whatever comes in by a door is taken, or refused in one line: the short form of `benchmarks/fuzz.py`."""

import random

import pytest
from doors import DOORS

INPUTS = 25


@pytest.mark.parametrize("name", DOORS)
def test_a_door_takes_or_refuses(name, tmp_path):
    """Mutated inputs from a seed, of which some go in and some are refused; none ends in another way."""
    door, folder = DOORS[name], tmp_path / "work"
    folder.mkdir()
    for number in range(INPUTS):
        seed = f"1/{name}/{number}"
        data = door.made(random.Random(seed))
        try:
            door.passed(data, folder)
        except BaseException as error:
            error.add_note(f"seed {seed}: {data[:200]!r}")
            raise
