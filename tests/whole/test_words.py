"""One word, one thing: a name means the same in every room, and the words of names are those of the glossary."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in ROOT.glob("otalab/**/*.py")}

# What others have named: products, protocols, formats, and what programs are made of.
NAMES = (
    "algorithm args auth byte bytes cc3200 cloud code command config dashboard data door error folder http littlefs "
    "json late lfs line link lock memory message method mongoose mqtt ota otadata otalab output parser power process "
    "public private python rboot service settings spiffs tab table tables tree url user view web"
)
# Plain English that a reader needs no glossary for.
PLAIN = (
    "answer applied asked bad bar bare begin begins begun believed body branch brief broken caller care change chapter "
    "checked chooses committed comparison complete convergence copied count covered crossing decide delay designed "
    "died download exercise explored explorer failed fetched finding fork grade grader group guarded handler held "
    "incoming input inspected inspection internal item judged keep known lab lasting leave left leftover loop lost no "
    "on onward opened options out pair partial pieces played player poller progress provided publish pushed question "
    "quick reader received recorded refused remembered reviewed rolled same sampled sampler scene search seat shared "
    "shown silent solution spent standing story suggestion summary target teller unknown unreviewed unsure upload "
    "walked wanted weighed weigher witness worn worst write written"
)


def glossary():
    """
    Every word of every entry.
    """
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    entries = [line.split("|")[1].strip() for line in lines if line.startswith("| ") and "---" not in line][1:]
    return entries, {word.lower() for entry in entries for word in re.findall(r"[A-Za-z]+", entry)}


def named(source):
    """
    The classes of a module, and what it gives a name like one.
    """
    for node in ast.parse(source).body:
        match node:
            case ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                if re.fullmatch(r"_?[A-Z][a-z]\w*", name):
                    yield name


def words(name):
    """
    `BundleEvent` is `bundle` and `event`.
    """
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", name)]


WHERE = defaultdict(list)
for path, text in sorted(SOURCES.items()):
    for name in named(text):
        WHERE[name].append(path)


def test_no_two_classes_share_a_name():
    """
    Nor does a class share one with what is only called like a class.
    """
    assert {} == {name: paths for name, paths in WHERE.items() if len(paths) > 1}


@pytest.mark.parametrize("name", sorted(name for name in WHERE if not name.startswith("_")))
def test_the_words_of_a_name_are_those_of_the_field(name):
    """
    Each is in the glossary, or one that needs none; a plural is its singular.
    """
    known = glossary()[1] | set(NAMES.split()) | set(PLAIN.split())
    strange = [word for word in words(name) if not {word, word.removesuffix("s"), word.removesuffix("es")} & known]

    assert [] == strange, f"{name} in {WHERE[name][0]}: explain in docs/glossary.md, or call it otherwise"


def test_the_glossary_has_each_word_once_and_in_order():
    """
    Whoever looks a word up finds it where it belongs.
    """
    entries, _ = glossary()

    assert sorted(set(entries), key=str.lower) == entries


def test_a_plain_word_is_needed_and_not_explained_twice():
    """
    A word that no name uses, or that the glossary has, leaves the lists.
    """
    used = {form for name in WHERE for word in words(name) for form in (word, word.removesuffix("s"))}
    lists = [*NAMES.split(), *PLAIN.split()]

    assert [] == [word for word in lists if word not in used]
    assert [] == sorted(set(lists) & glossary()[1])
    assert len(lists) == len(set(lists))


def test_a_planted_stranger_is_seen():
    """
    The rules can fail.
    """
    assert ["Zebra", "_Zebra"] == list(named("class Zebra: ...\n_Zebra = dict[str, int]\nZEBRAS = 3\nzebra = 2"))
    assert ["rpc", "zebra"] == words("RPCZebra")
    assert "zebra" not in glossary()[1] | set(PLAIN.split())


# Public names, of parameters and fields that others use, and the words of a guard that is told of processes.
KEPT_PARTICIPLES = {
    "otalab/bench/inspected.py": {"found"},
    "otalab/firmware/explain.py": {"found"},
    "otalab/numbers/ahead.py": {"told"},
    "otalab/numbers/by_weight.py": {"told"},
    "otalab/numbers/campaigns/paced.py": {"told"},
    "otalab/numbers/campaigns/stop_rule.py": {"seen"},
    "otalab/views/figures/risk.py": {"seen"},
    "otalab/views/widgets/dashboard.py": {"asked"},
    "otalab/wire/auth/digest.py": {"one"},
    "otalab/wire/live/guard.py": {"told"},
}
PARTICIPLES = {"one", "found", "told", "asked", "seen", "chosen"}


def bound(tree):
    """
    Yield every name that a module gives to something.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


@pytest.mark.parametrize("name", SOURCES)
def test_a_name_says_what_a_thing_is(name):
    """
    A record, a tear, a study: not one, found or told, which hide what it is.
    """
    assert KEPT_PARTICIPLES.get(name, set()) == PARTICIPLES & set(bound(ast.parse(SOURCES[name])))
