"""What players of one scenario have in common: a life is played, written down and held once for all of them.

It is held as long as a player has it, and not a moment longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakValueDictionary

from otalab.bench.scenario import Scenario
from otalab.faults.tear import FaultModel
from otalab.views.player.life import Cut, Memory, PlayedLife, live
from otalab.views.player.tape import Tape

_Key = tuple[str, tuple[Cut, ...], tuple[str, ...]]


class PlayedLives:
    """The lives and tapes of one scenario, and the runs that they were made of."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.memory: Memory = {}
        self._lives: WeakValueDictionary[_Key, PlayedLife] = WeakValueDictionary()
        self._tapes: WeakValueDictionary[tuple[_Key, int], Tape] = WeakValueDictionary()

    def life(self, faults: FaultModel, cuts: Sequence[Cut], choices: Sequence[str]) -> PlayedLife:
        """Return the life with these cuts."""
        key = _key(faults, cuts, choices)
        played = self._lives.get(key)
        if played is None:
            played = self._lives[key] = live(self.scenario, faults, cuts, choices, self.memory)
        return played

    def tape(self, lived: PlayedLife, first: int = 0, lean: Tape | None = None) -> Tape:
        """Return a life of these as it is written down, from a position on; `lean` is the undisturbed one's."""
        key = next(key for key, known in self._lives.items() if known is lived)
        tape = self._tapes.get((key, first))
        if tape is None:
            tape = self._tapes[key, first] = Tape(lived, first, lean.pool if lean else None)
        return tape


def _key(faults: FaultModel, cuts: Sequence[Cut], choices: Sequence[str]) -> _Key:
    # Without a cut no fault model has a say.
    return faults.name if cuts else "", tuple((number, effect, tear) for number, effect, tear in cuts), tuple(choices)


_shared: WeakValueDictionary[Scenario, PlayedLives] = WeakValueDictionary()


def lives_of(scenario: Scenario) -> PlayedLives:
    """Return the lives of a scenario that equals this one."""
    lives = _shared.get(scenario)
    if lives is None:
        lives = _shared[scenario] = PlayedLives(scenario)
    return lives
