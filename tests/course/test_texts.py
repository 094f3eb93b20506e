"""What a learner reads: goals first, a recap last, words before their use, numbers as a person writes them."""

import ast
import re

import pytest
from course import NOT_SHOWN, NOTEBOOKS, executed, exercises_of, texts

SHORT = "## In short"

# What no newcomer knows, and the words that explain it where it is met first.
EXPLAINED = {
    "sequencer": "- a **sequencer** is the number in a record that says which of two is the newer",
    "commit": "- to **commit** is to note in a record that a new image is good",
    "dirty": "- a record is **dirty** while its image has not been committed",
    "tear": "What a cut can leave of an effect is called a *tear*.",
    "CRC": "- a **CRC** is a checksum by which damaged bytes are found",
    "temper": "How an image behaves is called its *temper*",
    "crash graph": "the **crash graph** has an arrow for every tear",
    "littlefs": "littlefs, a file system for flash",
    "bundle": "- a **bundle** is an update as it travels",
    "SPIFFS": "the real format of SPIFFS, the one that these boards ship with",
    "otadata": "`otadata`, two records in a partition of their own",
    "NVS": "NVS, which keeps names and values",
    "rBoot": "rBoot, a boot loader for the ESP8266",
}
# `End(name='updated', …)`, `<Thing at 0x7f…>`, `Counter({…})`; `1.145443e+00`, `0.0029912495450952962`.
FOR_MACHINES = re.compile(r"\b[A-Z]\w+\(\w+=|<[^>]* at 0x|Counter\(|\d\.\d{3,}e[+-]\d|\d\.\d{7,}")

each_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


@each_notebook
def test_says_first_what_it_is_for_and_what_it_takes(name):
    """
    Below the question: what one can do afterwards, and what one must know.
    """
    first = texts(name)[0]
    question = re.search(r"^\*[^*].+\?\*$", first, re.MULTILINE)

    assert re.match(r"\n\n\*\*Goals\.\*\* Afterwards you can .+\.\n\*\*You need\*\* .+\.\n\n", first[question.end() :])


@each_notebook
def test_says_last_what_was_in_it(name):
    """
    A recap of a few sentences, right before what was not shown.
    """
    said = texts(name)
    place = next(number for number, text in enumerate(said) if text.startswith(NOT_SHOWN))

    head, empty, *lines = said[place - 1].splitlines()
    assert (SHORT, "") == (head, empty)
    assert 3 <= len(lines) <= 5
    assert all(re.fullmatch(r"- .+\.", line) for line in lines)


@pytest.mark.parametrize("word", EXPLAINED)
def test_a_word_is_explained_where_it_is_met_first(word):
    """
    The map aside, which names what is to come: nobody looks up in notebook 00 what notebook 09 explains.
    """
    met = [text for name in NOTEBOOKS for text in texts(name) if not text.startswith("## The course")]
    used = re.compile(rf"(?<![-\w/_]){word}", re.IGNORECASE)

    assert EXPLAINED[word] in next(text for text in met if used.search(text))


def shown(cell):
    """
    What a cell puts before a reader; of what is drawn, nothing.
    """
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data or "application/vnd.jupyter.widget-view+json" in data:
            continue
        # A table's style has numbers of its own.
        page = re.sub(r"<style.*?</style>", "", data.get("text/html", ""), flags=re.DOTALL)
        yield page or data.get("text/plain") or output.get("text", "")


def run_cells(name):
    asked = {"exercise", "held"}
    return [cell for cell in executed(name).cells if cell.cell_type == "code" and not asked & set(cell.metadata)]


@pytest.mark.slow
@each_notebook
def test_shows_numbers_and_things_as_a_person_writes_them(name):
    """
    No name of a class with its fields, no float to its last digit.
    """
    assert [] == [text for cell in run_cells(name) for text in shown(cell) if FOR_MACHINES.search(text)]


@pytest.mark.slow
@each_notebook
def test_no_answer_stands_right_below_its_exercise(name):
    """
    What a folded answer says, and nothing before it has said, is in no output of the two cells that follow.
    """
    cells, found = [cell for cell in executed(name).cells if not {"exercise", "held"} & set(cell.metadata)], []
    for one in exercises_of(name):
        number = {"exercise": one.number, "wrong": one.wrong}
        place = next(n for n, cell in enumerate(cells) if cell.metadata.get("otalab") == number)
        code = [cell for cell in cells[:place] if cell.cell_type == "code"]
        before = "\n".join(
            [cell.source for cell in cells[:place]] + [str(text) for cell in code for text in shown(cell)]
        )
        below = [cell for cell in cells[place + 1 :] if cell.cell_type == "code"][:2]
        told = {node.value for node in ast.walk(ast.parse(one.answer)) if isinstance(node, ast.Constant)}
        for word in {word for word in told if isinstance(word, str) and word not in before}:
            found += [(one.number, word) for cell in below for text in shown(cell) if word in str(text)]

    assert [] == found


def test_what_machines_write_is_found():
    """
    The rule above is no rubber stamp: what it looks for it finds, and a sequencer is no float.
    """
    for text in ("End(name='updated')", "<Thing at 0x7f00>", "Counter({'a': 1})", "1.145443e+00", "0.00299124954509"):
        assert FOR_MACHINES.search(text)
    for text in ("18446744073709551613", "4.7e-08", "program(0)", "2 · 10⁻⁷", "0.00299"):
        assert not FOR_MACHINES.search(text)
