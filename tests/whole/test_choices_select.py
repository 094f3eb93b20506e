"""A choice of a design selects a function by its name: no other story asks which one was chosen."""

import ast
from pathlib import Path

import pytest

from otalab.firmware.catalogue import designs
from otalab.firmware.design import bounds, choices
from otalab.formats.records.catalogue import READ_ONLY, RECORDS

PACKAGE = Path(__file__).parents[2] / "otalab"
FOLDERS = sorted({path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")})
CHOICES = choices() | dict.fromkeys(bounds(), ())
NAMES = {*designs(), *RECORDS, *READ_ONLY}
# The table of what does not go together: its rows are comparisons.
RULES = "firmware/catalogue.py"
# A number has no table: here it selects who tells of the records, once for all.
BY_NUMBER = {"firmware/explain.py": ["design.journal > 1"]}
# An exercise asks for a design with certain choices; whoever solves it has made others.
EXERCISES = ("course/first_exercises.py", "course/later_exercises.py")


def literals(node):
    """
    Every text and number that is written in an expression.
    """
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}


def sides(node):
    """
    What is compared, and with which literals.
    """
    return [node.left, *node.comparators], set().union(*map(literals, (node.left, *node.comparators)))


def of_a_design(side):
    """
    Say which choice is read: of what is called a design by its last name, or by values that only it has.
    """
    if not isinstance(side, ast.Attribute) or side.attr not in CHOICES:
        return None
    owner = side.value.attr if isinstance(side.value, ast.Attribute) else getattr(side.value, "id", "")
    return side.attr, owner in ("design", "firmware")


def asks(node):
    """
    Say whether a comparison asks which value a choice has, or what a design or a format is called.
    """
    compared, written = sides(node)
    values = [(known, sure) for known, sure in filter(None, map(of_a_design, compared))]
    asked = any((sure and written) or written & {*CHOICES[known]} for known, sure in values)
    return bool(asked or written & NAMES)


def found(source):
    """
    Every line of a module that asks for the name of a choice, a format or a design.
    """
    tree = ast.parse(source)
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            known = [constants.get(part.id, part) if isinstance(part, ast.Name) else part for part in node.comparators]
            if asks(ast.Compare(node.left, node.ops, known)):
                yield f"{node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Match) and (choice := of_a_design(node.subject)) and choice[1]:
            yield f"{node.lineno}: match {ast.unparse(node.subject)}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_story_asks_which_value_a_choice_has(folder):
    """
    Its table knows; whoever wants something else of it makes a table of their own.
    """
    for path in sorted((PACKAGE / folder).glob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name != RULES and name not in EXERCISES:
            lines = list(found(path.read_text(encoding="utf-8")))
            assert BY_NUMBER.get(name, []) == [line.partition(": ")[2] for line in lines], name


@pytest.mark.parametrize(
    "line",
    [
        'if design.image_check == "none": pass',
        'if self.design.store != "bare": pass',
        "if one.design.records == 1: pass",
        "if design.journal > 1: pass",
        "NAMED = ('rboot', 'otadata')\nif design.record in NAMED: pass",
        'if scenario.offers == "again": pass',
        'if form == "otadata": pass',
        'if one.name != "mongoose": pass',
        "match design.merge_fault:\n    case 'revert': pass",
    ],
)
def test_a_planted_question_is_seen(line):
    """
    The rule can fail.
    """
    assert 1 == len(list(found(line)))


@pytest.mark.parametrize(
    "line",
    [
        "if config.tried >= design.tries: pass",
        'if device.state == "bricked": pass',
        "WORDS[design.guard]",
        "if way.records not in (None, design.records): pass",
    ],
)
def test_what_is_no_such_question_passes(line):
    """
    Numbers are compared with numbers of the device, and other things have names too.
    """
    assert [] == list(found(line))
