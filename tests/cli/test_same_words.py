"""Python and the command line refuse the same things in the same words: the checks are the library's."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otalab import check_design, set_up
from otalab.cli import main as cli
from otalab.errors import OtalabError
from otalab.graph.explorer import Explorer
from otalab.numbers.study import study

# What a command line passes on as it is typed, and what is no such thing; names are letters, so that none is a path.
NAMES = st.text("abcdeghilmnorstuvyz-", min_size=3, max_size=9).filter(lambda one: one[0] != "-" and one != "all")
NUMBERS = st.integers(-3, 0)
REALS = st.sampled_from([0.0, -1.0, -0.5, float("nan")])
SCENARIO = {"design": NAMES, "board": NAMES, "part": NAMES, "image": NAMES, "timing": NAMES, "offer": NAMES,
            "updates": NUMBERS}  # fmt: skip
SEARCH = SCENARIO | {"faults": NAMES, "budget": NUMBERS}
STUDY = SEARCH | {"rate": NAMES, "within": REALS, "seconds": REALS, "network": REALS}
DOORS = {
    "trace": (set_up, SCENARIO, {"board": "tiny"}),
    "check": (check_design, SEARCH, {"board": "tiny", "faults": "atomic"}),
    "risk": (study, STUDY, {"board": "tiny", "faults": "atomic", "rate": "1"}),
}
IN_PYTHON = {"network": "bytes_per_second"}


class Begun(Exception):
    """A search that was not to begin."""


def begun(_explorer):
    raise Begun


@pytest.mark.parametrize("command", DOORS)
def test_python_and_the_command_line_refuse_in_the_same_words(command, monkeypatch, capsys):
    """One option at a time: the line of the command is its name, and what Python says."""
    function, options, usual = DOORS[command]
    monkeypatch.setattr(Explorer, "explore", begun)

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.sampled_from(sorted(options)).flatmap(lambda name: st.tuples(st.just(name), options[name])))
    def refused(one):
        chosen = {"design": "hardened", **usual, one[0]: one[1]}
        with pytest.raises(OtalabError) as told:
            function(**{IN_PYTHON.get(name, name): value for name, value in chosen.items()})
        design = chosen.pop("design")
        try:
            status = cli.main([command, design, *(f"--{name}={value}" for name, value in chosen.items())])
        except SystemExit as ended:
            status = ended.code
        # What argparse finds out itself it says of the option.
        said = capsys.readouterr().err.replace(f"argument --{one[0]}: ", f"{one[0]} ")
        assert 2 == status
        assert str(told.value) in said

    refused()
