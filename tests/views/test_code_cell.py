"""`%%firmware`: what is typed is looked at each time that it is run."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from own_code import code, needs_cc

from otalab.errors import BadInput
from otalab.own.typed import edited

# A record with nothing to guard it; the slot that it names is believed.
TYPED = r"""
def ota_boot():
    slot = ota.read(ota.RECORD_0, 4)[3]
    return [ota.SLOT_0, ota.SLOT_1][slot]

def ota_update():
    image = yield from ota.offer()
    for part, to, size in (ota.APPLICATION, ota.SLOT_1, image.size), (ota.FILES, ota.FILES_1, image.files_size):
        for at in range(0, size, 4096):
            data = yield from ota.download(part, at, 4096)
            yield from ota.erase(to + at, 4096)
            yield from ota.program(to + at, data.ljust(4096, b"\xff"))
    yield from ota.carry_over(ota.FILES_0, ota.FILES_1, ota.FILES_SIZE)
    yield from ota.erase(ota.RECORD_0, 4096)
    yield from ota.program(ota.RECORD_0, bytes([0, 0, 0, 1]))
    return 0

def ota_factory(image):
    yield from ota.program(ota.RECORD_0, bytes(4))
"""


@pytest.fixture
def shell():
    """A notebook that knows the word."""
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "otalab")
    yield shell
    InteractiveShell.clear_instance()


def test_an_edit_moves_the_counterexample(shell, capsys):
    """
    The player stands at the cut, the line of the crash is that of the cell, and the name holds what was typed last.
    """
    played = shell.run_cell_magic("firmware", "mine --faults atomic", TYPED)
    broken = shell.user_ns["mine"]
    said = capsys.readouterr().out
    again = shell.run_cell_magic(
        "firmware", "mine --faults atomic", TYPED.replace("[slot]", "[slot if slot < 2 else 0]")
    )

    assert ("bricked", 1) == (played.end, len(played.cuts))
    assert "bricked after 1 cut: the boot loader crashed: loader.py:5: IndexError" in said
    assert "\n5 |     return [ota.SLOT_0, ota.SLOT_1][slot]\n        ^ IndexError" in said
    assert [] == again.cuts
    assert broken != shell.user_ns["mine"]


@needs_cc
def test_the_compilers_word_stands_beside_its_line(shell, capsys):
    """
    All that it says; then one line, as for everything that was typed wrong.
    """
    with pytest.raises(BadInput, match=r"^loader\.c:4: error: 'slot' undeclared"):
        shell.run_cell_magic("firmware", "mine", "#include <stdint.h>\n\nint ota_boot(void) { int n; return slot; }\n")
    said = capsys.readouterr().out

    assert "4 | int ota_boot(void) { int n; return slot; }\n    ^ error: 'slot' undeclared" in said
    assert "^ warning: unused variable 'n'" in said


@pytest.mark.parametrize(
    "line, said",
    [
        ("", r"the following arguments are required: NAME; usage: %%firmware"),
        ("my-code", "%%firmware my-code: a name for a variable is needed"),
        ("mine --fault atomic", "unrecognized arguments: --fault atomic"),
        ("mine --page fields", "--page fields: no variable of this name holds the lines of a page"),
        ("mine --faults thorn", "fault model 'thorn' is unknown"),
    ],
)
def test_what_is_typed_wrong_behind_it_is_one_line(shell, line, said):
    """
    With the way out.
    """
    with pytest.raises(BadInput, match=said):
        shell.run_cell_magic("firmware", line, TYPED)


def test_an_edit_of_what_is_not_there_is_refused(tmp_path):
    """
    So is one of what stands there twice: which was meant?
    """
    mine = code(tmp_path)
    for old, times in (("OTA_SLOT_9", 0), ("ota", 2)):
        with pytest.raises(BadInput, match=f"mine: '{old}' stands {times} times in loader.c"):
            edited(mine, "other", (old, "x"))
