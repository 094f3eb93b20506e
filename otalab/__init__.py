"""otalab: a laboratory for over-the-air firmware updates on NOR flash."""

from otalab.bench.observer import judge
from otalab.bench.setup import set_up
from otalab.bench.trace import life, run, words
from otalab.firmware.design import designs, load_design
from otalab.hardware.effects import Ask, Erase, Program, Wait
from otalab.hardware.flash import Flash, Geometry

__all__ = [
    "Ask",
    "Erase",
    "Flash",
    "Geometry",
    "Program",
    "Wait",
    "designs",
    "judge",
    "life",
    "load_design",
    "run",
    "set_up",
    "words",
]
