"""otalab: a laboratory for over-the-air firmware updates on NOR flash."""

from otalab.design import designs, load_design
from otalab.effects import Ask, Erase, Program, Wait
from otalab.flash import Flash, Geometry
from otalab.observer import judge
from otalab.shipped import set_up
from otalab.trace import life, run, words

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
