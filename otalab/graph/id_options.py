"""What an id says of a scenario besides its names: sizes and times that are not as the design has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from math import isnan
from typing import Any

from otalab.bench.options import ScenarioOptions
from otalab.errors import BadInput

# The option, by the word that stands for it in an id; user files are there by a digest, and play where they are.
WORDS = {
    "app": "app_size",
    "health": "health_seconds",
    "timeout": "commit_timeout",
    "hand": "operator_commits_after",
    "files": "files",
    "near": "sequencer_near",
}
COUNTS = ("app_size", "commit_timeout")
OptionsWritten = tuple[tuple[str, str], ...]


def id_options(options: Mapping[str, Any]) -> OptionsWritten:
    """Return the words of an id for what these options of a scenario set, each with its value."""
    values = ((word, options.get(name)) for word, name in WORDS.items())
    return tuple((word, _written(value)) for word, value in values if value is not None)


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return sha256(repr(sorted(value.items())).encode()).hexdigest()[:12]
    return value if isinstance(value, str) else repr(value).removesuffix(".0")


def parsed(words: Iterable[str]) -> OptionsWritten:
    """Return the options that stand in an id, as `word=value`; one that is none is `BadInput`."""
    pairs = [word.partition("=")[::2] for word in words]
    for word, value in pairs:
        if word not in WORDS:
            raise BadInput(f"{word}={value}: of a scenario an id says {', '.join(WORDS)} and nothing else")
    return tuple((word, value) for word, value in pairs)


def scenario_options(options: OptionsWritten) -> dict[str, Any]:
    """Return them as the options of a scenario; files that only a digest names cannot be set up."""
    options_of_it: dict[str, Any] = {}
    for word, value in options:
        name = WORDS[word]
        if name == "files":
            what = f"the id was made with user files of one's own (files={value})"
            raise BadInput(f"{what}: play it in the Python that has them")
        options_of_it[name] = value if name == "sequencer_near" else _number(word, value, whole=name in COUNTS)
    assert ScenarioOptions.of(options_of_it)  # what is out of bounds is refused there
    return options_of_it


def _number(word: str, value: str, *, whole: bool) -> float:
    try:
        number = int(value) if whole else float(value)
    except ValueError as error:
        raise BadInput(f"{word}={value}: a {'whole ' if whole else ''}number is needed") from error
    if isnan(number):
        raise BadInput(f"{word}={value}: a number is needed")
    return number
