"""Traits that a page shares: told once, told of what changed, and never told what it said itself."""

import traitlets

from otalab.views.site.tab_view import TabView


class Lamp(TabView):
    """
    A view with a number that stays below ten, and what follows from it.
    """

    number = traitlets.Int(0).tag(sync=True)
    double = traitlets.Int(0).tag(sync=True)
    own = traitlets.Int(0)

    @traitlets.validate("number")
    def _within(self, proposal):
        return min(proposal["value"], 9)

    @traitlets.observe("number")
    def _follow(self, change):
        with self.hold_sync():
            self.own = self.double = 2 * change["new"]


def opened():
    """
    A view and what its page was told.
    """
    view, told = Lamp(), []
    view.open(lambda kind, content: told.append((kind, content)))
    return view, told


def test_a_page_is_told_all_that_is_shared_and_then_what_changes():
    """
    In one message where changes belong together; what is not shared is never told.
    """
    view, told = opened()
    assert [("state", {"number": 0, "double": 0})] == told
    with view.hold_sync():
        view.number = 3
    assert ("state", {"number": 3, "double": 6}) == told[-1]
    assert 2 == len(told)


def test_a_page_is_not_told_what_it_said():
    """
    But what follows from it, and what became of it where that is something else.
    """
    view, told = opened()
    view.hear("state", {"number": 4, "own": 7, "colour": "blue"})
    assert [("state", {"double": 8})] == told[1:]
    view.hear("state", {"number": 40})
    assert ("state", {"number": 9, "double": 18}) == told[-1]
    view.hear("state", {"number": "many"})
    assert ("state", {"number": 9}) == told[-1]


def test_a_message_is_heard_and_answered_until_the_view_is_closed():
    """
    As a widget's is.
    """
    view, told = opened()
    view.on_msg(lambda _view, content, _buffers: view.send({"heard": content}))
    view.hear("custom", {"ask": "tears"})
    assert ("custom", {"heard": {"ask": "tears"}}) == told[-1]
    view.close()
    view.number = 5
    assert 2 == len(told)
