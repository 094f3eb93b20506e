"""The collector of cycles rests, and is let work again; what a server has loaded it leaves alone."""

import gc

from otalab.collector import resting, settled


def test_it_works_again_whatever_happens():
    """An error within leaves it on, where it was on, and off, where it was off."""
    for on in (True, False):
        (gc.enable if on else gc.disable)()
        try:
            with resting():
                assert not gc.isenabled()
                raise KeyError
        except KeyError:
            pass
        now = gc.isenabled()
        gc.enable()
        assert on is now


def test_what_is_there_when_a_server_begins_is_left_out():
    """What was made before is looked through no more, and what is made later is."""
    before = [[]]
    settled()
    later = [[]]
    looked = {id(one) for one in gc.get_objects()}
    gc.unfreeze()
    assert id(before) not in looked
    assert id(later) in looked
