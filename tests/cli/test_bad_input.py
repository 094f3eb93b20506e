"""Bad input by bad input, command by command: one line and status 2 before any search, and nothing is left behind."""

import pytest

from otalab import set_up
from otalab.cli import main as cli
from otalab.graph.explorer import Explorer

SEARCH = {
    "check": ("check", "{design}"),
    "trace": ("trace", "{design}"),
    "repair": ("repair", "{design}"),
    "report": ("report", "{design}", "-o", "page.html"),
    "risk": ("risk", "{design}", "--rate", "1"),
    "campaign": ("campaign", "{design}", "--rate", "1", "--devices", "10", "--out", "out"),
    "rollout": ("rollout", "{design}", "--rate", "1", "--devices", "10"),
}
DESIGNS = ("", "nix", "./nix", "nix.toml", "/", ".", "folder.toml", "empty.toml", "binary.toml", "latin.toml",
           "x" * 300 + ".toml", "a\nb", "wrong.toml", "list.toml")  # fmt: skip
OPTIONS = {
    "--board": ("nix", "./nix", "nix.toml", "folder.toml", "empty.toml", "binary.toml", "wrong.toml"),
    "--part": ("nix", "GD25"),
    "--timing": ("fast",),
    "--bundle": ("nix.zip", "folder.toml", "empty.zip", "cut.zip", "binary.toml", "/dev/null"),
    "--image": ("", "ill", "flaky:2", "flaky:nan", "flaky:x", "hangs:1", "healthy,ill"),
    "--faults": ("", "nix", "atomic,,", "atomic,nix"),
    "--budget": ("0", "-1", "x", "1.5", "1e9"),
    "--seconds": ("0", "-1", "x", "nan"),
    "--offer": ("never",),
    "--updates": ("0", "-1", "x", "1.5"),
    "--nonsense": ("1",),
}
ONE_OF_MANY = ("--image healthy,ill", "--faults atomic,nix")
CASES = [(name, (), design) for name in SEARCH for design in DESIGNS]
CASES += [
    (name, (option, value), "hardened")
    for name in SEARCH
    for option, values in OPTIONS.items()
    for value in values
    if not (name == "trace" and option == "--budget" and value)
]
OTHERS = {
    "inspect": ("nix", "folder.toml", "empty.zip", "--format nix cut.zip", "--board nix cut.zip",
                "cut.zip cut.zip cut.zip",
                "--board lab-1M list.toml list.toml", "--offset 0 list.toml list.toml"),
    "replay": ("nix", "folder.toml", "binary.toml", "empty.zip", "a/b/c/d/e", "a/b/c/d/e/f", "list.toml"),
    "designs": ("--show nix", "--board tiny", "--show nix.toml", "--show mongoose --board nix"),
    "bundle inspect": ("nix", "folder.toml"),
    "bundle verify": ("nix", "cut.zip --key 9=x", "cut.zip --key x", "cut.zip --key 0=nix", "cut.zip --sig-req-mask x"),
    "bundle sign": ("nix -o out.zip --key 0=nix", "cut.zip -o out.zip --key 0=binary.toml"),
    "bundle build": (
        "out.zip --app nix --fs folder.toml --version 1",
        "out.zip --app binary.toml --fs nix --version 1",
        "out.zip --app empty.zip --fs folder.toml --version 1",
        "out.zip --app binary.toml --fs folder.toml --version 1 --board nix",
    ),
    "serve --flash new.bin": (
        "--board nix", "--design nix", "--part nix", "--image ill", "--commit me", "--time-scale -1", "--port -1",
        "--port 99999", "--port x", "--host nowhere.invalid", "--host 0.0.0.0", "--sig-req-mask x", "--key 9=x",
        "--update-interval 5", "--update-url nonsense", "--mqtt x:y:z", "--device-id /", "--commit cloud",
        "--password-file nix", "--update-commit-timeout -1", "--update-timeout nan", "--json",
        "--insecure", "--shadow-commit-timeout 600", "--auth-domain x", "--auth-algorithm MD5",
    ),
    "fleet serve --flash-dir new --broker 127.0.0.1:1 --devices": (
        "0", "-1", "x", "99999999", "1 --board nix", "1 --design nix", "1 --image ill", "1 --key 9=x", "1 --prefix /",
    ),
    "shadow-service --broker": ("x:y:z", "127.0.0.1:1 --things x", "127.0.0.1:1 --set-desired {", "127.0.0.1:1 --json"),
    "risk hardened --rate": ("-1", "x", "nan", "1/fortnight", "us-2023", "1 --phase-rate x", "1 --phase-rate nix=1",
                             "1 --network 0", "1 --weights x", "1 --weights nix=1", "1 --erase-flip 2",
                             "1 --erase-flip 0", "1 --program-flip 1 --faults all",
                             "1 --faults atomic --weights atomic=1", "1 --years 10", "1 --force",
                             "1 --format csv --sensitivity", "1 --format csv --updates-per-year 1"),
    "risk hardened mongoose --rate 1": ("--sensitivity", "--updates-per-year 1"),
    "check": ("hardened --memory 0", "hardened --memory x", "hardened --memory nan",
              "--explain-faults --json", "--explain-faults --budget 5", "hardened --force"),
    "trace": ("hardened --force", "hardened --json --summary"),
    "repair": ("hardened --force",),
    "report": ("hardened -o page.html --repair 0 --limit 5",),
    "files": ("list list.toml --folder x", "list list.toml --size 1", "list.toml --kind littlefs", "list.toml --force",
              "extract list.toml --folder x --size 1"),
    "campaign hardened --rate 1 --out out --devices": ("0", "-1", "x", "1.5", "1e99", "5 --engine steam", "5 --seed x",
                                                       "5 --workers 0", "5 --workers 2 --scheduler tcp://127.0.0.1:1",
                                                       "5 --engine crowd --workers 2",
                                                       "5 --engine crowd --scheduler tcp://127.0.0.1:1",
                                                       "5 --fleet nix.csv",
                                                       "5 --fleet binary.toml"),
    "explore-recording": ("nix --design hardened", "binary.toml --design hardened", "empty.zip --design hardened",
                          "list.toml --design nix", "list.toml --design hardened --board nix",
                          "list.toml --design hardened --faults nix"),
    "new": ("x.json", "x.toml --like nix", "nowhere/x.toml", "folder.toml", "x.toml --board nix"),
    "boards": ("nix", "--format xml", "--json --format csv"),
    "parts": ("nix", "--format xml", "--json --format csv", "--board tiny"),
    "faults": ("nix", "--format xml", "--json --format csv", "--explain-faults"),
    "rates": ("nix", "--format xml", "--json --format csv", "--rate us-2022"),
    "course": ("", "nix", "progress", "progress nix", "progress folder.toml", "progress binary.toml",
               "progress full --format x"),
    "lab": ("binary.toml --no-open", "binary.toml/course --no-open", "a b --no-open", "--board tiny"),
    "rollout hardened --rate 1 --devices": (
        "0", "-1", "x", "1.5", "1e99", "nan", "10 --stages x", "10 --stages ,", "10 --stages 10:1y",
        "10 --stages 50,10", "10 --stages 200", "10 --stages -5", "10 --stop x", "10 --stop 2", "10 --stop -1",
        "10 --stop nan", "10 --by low", "10 --stop 0.1 --by mean", "10 --repeats 0", "10 --repeats -1",
        "10 --repeats x", "10 --seed x", "10 --seed -1",
        "10 --fleet nix.csv", "10 --fleet binary.toml", "10 --fleet empty.toml", "10 --fleet folder.toml", "10 --force",
        "10 --json --format csv", "10 --out x",
    ),
    "board": ("", "nix", "export list.toml"),
    "board import": (
        "", "nix", "folder.toml", "empty.toml", "binary.toml", "latin.toml", "list.toml", "wrong.toml", "cut.zip",
        "empty.zip", "/dev/null", "list.toml -o x.json", "list.toml -o nowhere/x.toml", "list.toml -o folder.toml",
        "list.toml --force", "list.toml list.toml", "list.toml --kind csv",
    ),
    "firmware": ("", "nix", "make x"),
    "firmware new": ("", "binary.toml", "binary.toml/x", "full", "a b", "new --board tiny", "x" * 300),
    "firmware build": ("", "nix", "folder.toml", "binary.toml", "full", "nocode", "nopage --board nix",
                       "nocode --board nix"),
    "check --firmware": ("nix", "folder.toml", "binary.toml", "full", "nocode", "nocode hardened",
                         "nocode --board nix"),
    "completion": ("", "nix", "ksh", "bash zsh", "bash --json"),
    "designs --format": ("xml", "csv --json", "csv --show mongoose", "csv --schema", "csv --choices"),
    "help": ("nix", "check trace", "--json"),
}  # fmt: skip
CASES += [(name, tuple(words.split()), None) for name, many in OTHERS.items() for words in many]


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Files of every kind that are not what is asked for."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "folder.toml").mkdir()
    (folder / "empty.toml").write_bytes(b"")
    (folder / "empty.zip").write_bytes(b"")
    (folder / "binary.toml").write_bytes(bytes(range(256)))
    (folder / "latin.toml").write_bytes('name = "é"'.encode("latin-1"))
    (folder / "wrong.toml").write_text('name = "mine"\nsummary = "mine"\n[records]\ncuont = 1\n')
    for name, page in {"full": "", "nocode": 'name = "mine"\nsources = ["gone.c"]\n'}.items():
        (folder / name).mkdir()
        (folder / name / "firmware.toml").write_text(page)
    (folder / "list.toml").write_text("[1, 2, 3]\n")
    (folder / "cut.zip").write_bytes(set_up("hardened", "tiny").bundle[:3000])
    return folder


def told(case):
    name, words, design = case
    return f"{name} {' '.join(words)} {'' if design is None else design}"[:80].encode("unicode_escape").decode()


@pytest.mark.parametrize("case", CASES, ids=told)
def test_bad_input_is_one_line_and_leaves_nothing(case, given, capsys, monkeypatch):
    """Whatever it is; no search, no device and no folder is begun for it."""
    name, words, design = case
    before = sorted(given.iterdir())
    monkeypatch.chdir(given)

    def search(_explorer):
        raise AssertionError("the search has begun")

    monkeypatch.setattr(Explorer, "explore", search)
    start = [one.format(design=design) for one in SEARCH[name]] if design is not None else name.split()
    try:
        status = cli.main([*start, *words])
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr()

    # A warning may stand before it: that every user may read a key.
    assert (2, "", 1) == (status, said.out, sum(line.startswith("otalab") for line in said.err.splitlines())), said
    assert "Traceback" not in said.err
    assert " value: " not in said.err  # that is how argparse says which function could not read it
    assert before == sorted(given.iterdir())


def test_the_table_is_as_long_as_it_is_meant_to_be():
    """What is left out is tried by nobody."""
    assert len(CASES) >= 150
