"""The player of a board with several slots and a factory image."""

from layouts import with_factory

from otalab.bench.sector_states import STALE, WHOLE, SectorStates, Slots
from otalab.bench.setup import set_up
from otalab.views.player.records import why


def test_a_factory_image_that_no_record_speaks_of_is_not_left_over() -> None:
    """It is what runs, and the last resort; an image of another slot that no record names is stale."""
    what = set_up("esp-idf", with_factory(slots=3), app_size=8000)
    board, states = what.device.board, SectorStates(what.device)
    states.power_on(what.flash)
    factory, first = (board.sectors_of(board.slots[number].app) for number in (3, 0))
    assert {WHOLE} == {states.states[sector] for sector in factory}
    states.power_on(what.flash.patched(board.slots[0].app.address, bytes(8192)))
    assert {STALE} == {states.states[sector] for sector in first}


def test_the_factory_slot_is_called_by_its_name() -> None:
    """In the sentence on what the loader does, as in the map and in the log; there is a text for each slot."""
    what = set_up("esp-idf", with_factory(slots=3), app_size=500)
    assert "At a power-on the boot loader starts the factory slot: committed." in why(what.device, what.flash)
    assert ["erased"] * 3 + ["version 1, whole"] == Slots(what.device).words(what.flash)
    apps = [name for name, _ in what.device.board.owners() if name.endswith(" app")]
    assert ["slot 0 app", "slot 1 app", "slot 2 app", "factory app"] == apps
