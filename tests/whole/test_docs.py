"""What the README and the documents show at a Python prompt is what happens."""

import doctest
import re
from pathlib import Path

import pytest

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
    assert 0 == runner.run(session).failed
