"""Nothing that code does harms the lab: each is how a run ends, in words."""

import signal

import pytest
from own_code import SLOT_0, code, needs_cc

from otalab import set_up
from otalab.bench.observer import judge
from otalab.bench.trace import life
from otalab.errors import BadInput, Unrepeatable
from otalab.own.code import running

pytestmark = needs_cc

BOOTS = {
    "halts": ("return 0;", "the boot loader halts"),
    "nowhere": ("return OTA_SLOT_0 + 4;", "0x3004 was started, where no slot begins"),
    "not whole": ("return OTA_SLOT_1;", "slot 1 was started, and what lies there is not a whole image"),
    "crashes": (
        "volatile int *none = 0; return (uint32_t)*none;",
        "the boot loader crashed: loader.c:2: load of null pointer of type 'volatile int', in ota_boot",
    ),
    "overruns": (
        "char room[8]; ota_read(0, room, 9); return (uint32_t)room[0];",
        "the boot loader crashed: loader.c:2: ota_boot: stack-buffer-overflow, in ota_boot",
    ),
    "overflows": (
        "volatile int many = 2147483647; many++; return (uint32_t)many;",
        "the boot loader crashed: loader.c:2: signed integer overflow: 2147483647 + 1 cannot be represented in type",
    ),
    "ends": ("exit(3);", "the boot loader crashed: ota_boot ended the program, with status 3"),
    "aborts": ("abort();", "the boot loader crashed: SIGABRT in ota_boot"),
    "reads beyond": (
        "char room[4]; ota_read(0x1cffe, room, 4); return 0;",
        "the boot loader crashed: ota_read: 4 bytes at 0x1cffe cannot be asked of this part, in ota_boot",
    ),
    "erases beyond": (
        "ota_erase(0x1d000, OTA_SECTOR_SIZE); return 0;",
        "the boot loader crashed: ota_erase: 4096 bytes at 0x1d000 cannot be asked of this part, in ota_boot",
    ),
    "erases askew": (
        "ota_erase(0x1001, OTA_SECTOR_SIZE); return 0;",
        "the boot loader crashed: ota_erase of no whole sectors: 4096 bytes at 0x1001 cannot be asked of this part",
    ),
    "never returns": (
        "for (volatile int n = 0;; n = !n) {}",
        "the boot loader hangs: ota_boot does not come back: it took 0.1 s of processor time",
    ),
    "never ends": (
        'for (;;) ota_wait(1, "for good");',
        "the boot loader hangs: ota_boot does not end: it did more than 1856 things",
    ),
}


@pytest.mark.parametrize("what", BOOTS)
def test_a_loader_that_dies_is_bricked(tmp_path, what):
    """
    It says why, with file and line where they are known.
    """
    body, reason = BOOTS[what]
    own = code(tmp_path, f"#include <stdlib.h>\nuint32_t ota_boot(void) {{ {body} }}", "seconds = 0.1\n")
    scenario = set_up(own, app_size=500)
    end = judge(scenario, life(scenario))

    reason = reason.replace("loader.c:2", "loader.c:3")
    assert ("bricked", reason) == (end.name, end.reason[: len(reason)])


UPDATES = {
    "crash": ("int *none = 0; return *none;", "stuck", "it reboots for ever: crash: loader.c:3: load of null pointer"),
    "hang": ("for (volatile int n = 0;; n = !n) {}", "not-updatable", "version 1 in slot 0 hangs, and nothing will"),
    "refusal": ("return 1;", "update-lost", "version 1 runs from slot 0, the update was not taken"),
}


@pytest.mark.parametrize("what", UPDATES)
def test_an_updater_that_dies_is_reset(tmp_path, what):
    """
    As the image would be by a processor's exception; one that hangs stays, for no timer runs.
    """
    body, name, reason = UPDATES[what]
    scenario = set_up(code(tmp_path, f"{SLOT_0}\nint ota_update(void) {{ {body} }}", "seconds = 0.1\n"), app_size=500)
    end = judge(scenario, life(scenario))

    assert (name, reason) == (end.name, end.reason[: len(reason)])


def test_ram_dies_with_the_power(tmp_path):
    """
    A global is what it was compiled to be, at each power-on; within one it is kept, from the loader to the image.
    """
    source = """
    static int times;
    uint32_t ota_boot(void) { times++; return times == 1 ? OTA_SLOT_0 : 0; }
    int ota_update(void) { times++; ota_log(times == 2 ? "twice" : "otherwise"); return 0; }
    """
    lived = life(set_up(code(tmp_path, source), app_size=500))

    assert lived.endless
    assert {"twice"} == {line for run in lived.runs for _, line in run.log if "Starting" not in line}


@pytest.mark.parametrize(
    ("more", "commits"),
    [
        ("", 0),
        ('int ota_confirm(void) { ota_log("confirmed"); return 0; }', 1),
        ('int ota_confirm(void) { ota_log("confirmed"); return 0; } int ota_committed(void) { return 1; }', 0),
    ],
)
def test_an_image_that_can_be_confirmed_is(tmp_path, more, commits):
    """
    Where nobody says that it is to stay already; once in each run, timer or not.
    """
    lived = life(set_up(code(tmp_path, f"{SLOT_0}\n{more}", "sanitize = false\n"), app_size=500))

    assert commits == [line for _, line in lived.last.log].count("confirmed")
    assert lived.last.outcome.committed


RANDOM = {
    "the clock": "struct timespec now; clock_gettime(CLOCK_MONOTONIC, &now); return now.tv_nsec;",
    "memory that nobody wrote": "volatile uint32_t room[64]; return room[7];",
}


@pytest.mark.parametrize("what", RANDOM)
def test_two_equal_runs_that_differ_are_a_finding(tmp_path, what):
    """
    It is said at once, and nothing is proved of such code.
    """
    own = code(tmp_path, f"#include <time.h>\nuint32_t ota_boot(void) {{ {RANDOM[what]} }}")

    with pytest.raises(Unrepeatable, match="mine: two equal runs differ before ota_boot"):
        set_up(own, app_size=500)


def test_a_runner_that_was_killed_is_started_again(tmp_path):
    """
    In the middle of a life: the result is the same.
    """
    own = code(tmp_path)
    scenario = set_up(own, app_size=500)
    before = life(scenario)
    running(own.page, scenario.device.board)._process.send_signal(signal.SIGKILL)

    assert before == life(scenario)


PAGES = {
    "no page": (None, "has no firmware.toml; otalab firmware new FOLDER writes one"),
    "no sources": ('name = "mine"\n', "firmware.toml:1: sources: a list of C files is needed"),
    "a source that is not there": ('sources = ["other.c"]\n', "firmware.toml:1: sources: other.c is not in"),
    "an unknown key": ('sources = ["loader.c"]\nsource = 1\n', "firmware.toml:2: source: unknown key"),
    "a name for no id": ('name = "a/b"\nsources = ["loader.c"]\n', "'a/b': letters, digits and - _ . are needed"),
    "no time": ('sources = ["loader.c"]\nseconds = 0\n', "firmware.toml:2: seconds: 0: processor time"),
    "no flag": ('sources = ["loader.c"]\nsanitize = 1\n', "firmware.toml:2: sanitize: true or false is needed"),
    "no such format": ('sources = ["loader.c"]\n[records]\nformat = "x"\n', "firmware.toml:3: records.format: 'x' is"),
    "no key of a record": ('sources = ["loader.c"]\n[records]\nverify = "x"\n', "records.verify: unknown key"),
}


CRC = '{ name = "crc", bytes = 4, is = "check" }'
FIELDS = '{ name = "count", bytes = 4, is = "sequencer" }, { name = "slot", bytes = 1, is = "slot" }'
RECORDS = {
    "no slot": (f"fields = [{CRC}]", "0 of them are 'slot', and one is needed"),
    "no sequencer": ('fields = [{ name = "slot", bytes = 1, is = "slot" }]', "of two records a sequencer says"),
    "two of a kind": (f"fields = [{FIELDS}, {FIELDS}]", "2 of them are 'sequencer'"),
    "two of a name": (f'fields = [{FIELDS}, {{ name = "slot", bytes = 1 }}]', "2 of them are 'slot'"),
    "no place for the guard": (f'guard = "crc32"\nfields = [{FIELDS}]', "0 of them are 'check'"),
    "no guard for the place": (f"fields = [{FIELDS}, {CRC}]", "the page names no guard that stands there"),
    "too much room for the guard": (f'guard = "crc16"\nfields = [{FIELDS}, {CRC}]', "a crc16 has 2 bytes, not 4"),
    "a magic without its value": (
        f'fields = [{FIELDS}, {{ name = "m", bytes = 4, is = "magic" }}]',
        "a magic has a value",
    ),
    "a meaning that nobody knows": ('fields = [{ name = "a", bytes = 4, is = "slt" }]', "'slt' is not allowed"),
    "an unknown key of a field": ('fields = [{ name = "a", size = 4 }]', "fields.0.size: unknown key"),
    "an unknown key beside them": (f'format = "complete"\nfields = [{FIELDS}]', "records.format: unknown key"),
    "what it cannot cover": (
        f'covers = ["crc"]\nguard = "crc32"\nfields = [{FIELDS}, {CRC}]',
        "a list of fields is needed",
    ),
}
PAGES |= {what: (f'sources = ["loader.c"]\n[records]\n{page}\n', said) for what, (page, said) in RECORDS.items()}


@pytest.mark.parametrize("what", PAGES)
def test_a_page_that_is_wrong_is_refused(tmp_path, what):
    """
    With its line, and the way out.
    """
    page, said = PAGES[what]
    (tmp_path / "loader.c").write_text(SLOT_0)
    if page is not None:
        (tmp_path / "firmware.toml").write_text(page)

    with pytest.raises(BadInput) as error:
        set_up(str(tmp_path / "firmware.toml"))
    assert said in str(error.value)


SOURCES = {
    "does not compile": ("uint32_t ota_boot(void) { return slot; }", "loader.c:2: 'slot' undeclared"),
    "lacks a header": ('#include "driver.h"', "loader.c:2: driver.h: No such file or directory"),
    "has no loader": ("int other;", "no file of its sources defines ota_boot"),
    "calls what is nowhere": (
        "uint32_t spi(void); uint32_t ota_boot(void) { return spi(); }",
        "spi is called and defined nowhere: name its file in sources, or write a stub",
    ),
}


@pytest.mark.parametrize("what", SOURCES)
def test_code_that_cannot_be_built_is_refused(tmp_path, what):
    """
    With the compiler's first complaint, its file and its line.
    """
    source, said = SOURCES[what]

    with pytest.raises(BadInput) as error:
        set_up(code(tmp_path, source), app_size=500)
    assert said in str(error.value)


def test_a_folder_that_takes_no_file_is_refused(tmp_path):
    """
    And what stands in the way is named.
    """
    own = code(tmp_path)
    (tmp_path / "build").write_text("a file")

    with pytest.raises(BadInput, match=r"build/tiny-.*/runner: cannot be written: Not a directory"):
        set_up(own, app_size=500)


def test_a_system_without_a_compiler_says_so(tmp_path, monkeypatch):
    """
    With the way out.
    """
    own = code(tmp_path)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(BadInput, match="cc is not on this system, and code in C needs it: install a C compiler"):
        set_up(own, app_size=500)
