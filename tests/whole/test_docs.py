"""What the README and the documents show at a Python prompt is what happens."""

import doctest
import re
from pathlib import Path

import pytest

from otalab.firmware.design import OWN
from otalab.firmware.own_part import without_part

ROOT = Path(__file__).parents[2]
DOCUMENTS = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("**/*.md"))]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_examples_do_what_they_say(name):
    """
    All prompts of one document are one session.
    """
    # The closing fence would be read as expected output.
    text = re.sub(r"^```.*$", "", (ROOT / name).read_text(), flags=re.MULTILINE)
    session = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)

    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    known = {choice: {*parts} for choice, parts in OWN.items()}
    failed = runner.run(session).failed
    for choice, parts in OWN.items():
        for part in parts - known.get(choice, set()):
            without_part(choice, part)  # a part of one's own is of this document alone
    assert 0 == failed
