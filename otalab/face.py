"""What `otalab` offers under its own name; one by one, and with all that lies below them."""

from otalab.bench.contents import default_bundle
from otalab.bench.observer import judge
from otalab.bench.setup import set_up
from otalab.bench.trace import life, run, words
from otalab.errors import BadInput, OtalabError
from otalab.faults.models import FAULTS, fault_model
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.own_part import with_part
from otalab.graph.check import check_design
from otalab.graph.history import ending, play
from otalab.graph.repair import repair
from otalab.hardware.board import boards, load_board
from otalab.hardware.effects import Ask, Erase, Program, Wait
from otalab.hardware.flash import Flash
from otalab.hardware.geometry import Geometry
from otalab.hardware.part import part, parts

__all__ = [
    "FAULTS",
    "Ask",
    "BadInput",
    "Erase",
    "Flash",
    "Geometry",
    "OtalabError",
    "Program",
    "Wait",
    "boards",
    "check_design",
    "default_bundle",
    "designs",
    "ending",
    "fault_model",
    "judge",
    "life",
    "load_board",
    "load_design",
    "part",
    "parts",
    "play",
    "repair",
    "run",
    "set_up",
    "with_part",
    "words",
]
