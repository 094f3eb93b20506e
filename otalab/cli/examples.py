"""What is typed: examples for the help of each command; a test parses every one."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

EXAMPLES = {
    "lab": ("otalab lab", "otalab lab my-course --no-open"),
    "course": ("otalab course progress class --guesses", "otalab course handout pages --pdf course.pdf"),
    "designs": ("otalab designs", "otalab designs --show single-record --board lab-1M"),
    "new": ("otalab new mine.toml --like mongoose --board esp8266-4M",),
    "trace": ("otalab trace mongoose --summary", "otalab trace mine.toml --bundle fw.zip --plot update.svg"),
    "check": (
        "otalab check hardened single-record --faults each --image all --jobs 2",
        "otalab check mine.toml --save found.json",
    ),
    "replay": ("otalab replay found.json", "otalab replay single-record/tiny/atomic/healthy/until-taken/-.5.before,-"),
    "explore-recording": ("otalab explore-recording update.csv --design mongoose --faults atomic",),
    "repair": ("otalab repair single-record --faults atomic --save mended.toml",),
    "report": ("otalab report mine.toml hardened -o review.html --pdf review.pdf",),
    "risk": (
        "otalab risk single-record hardened --rate us-2022",
        "otalab risk mine.toml --rate 0.9/day --plot a.svg",
    ),
    "campaign": ("otalab campaign single-record --rate 0.9/day --devices 1e6 --out lamps",),
    "rollout": (
        "otalab rollout single-record --rate 0.9/day --devices 1e5 --stages 1:1d,10:1d,100:7d --stop 0.001",
        "otalab rollout single-record --rate 0.9/day --devices 1e5 --stop 0.001 --by high --repeats 100",
    ),
    "serve": (
        "otalab serve --flash lamp.bin --board esp8266-4M",
        "otalab serve --flash lamp.bin --mqtt 127.0.0.1:1883 --device-id lamp",
    ),
    "fleet": ("otalab fleet serve --devices 200 --broker 127.0.0.1:1883 --flash-dir fleet",),
    "shadow-service": (
        "otalab shadow-service --broker 127.0.0.1:1883 --state shadows.json",
        """otalab shadow-service --broker 127.0.0.1:1883 --things 'lamp-0*' --set-desired '{"ota": null}'""",
    ),
    "bundle": (
        "otalab bundle build fw.zip --app lamp.bin --fs files --board esp8266-4M --version 2.0",
        "otalab bundle inspect fw.zip",
    ),
    "inspect": ("otalab inspect mg-boot.cfg.0 mg-boot.cfg.1", "otalab inspect dump.bin --board esp32-4M"),
    "firmware": ("otalab firmware new mine", "otalab firmware build mine"),
    "files": (
        "otalab files spiffs.bin",
        "otalab files extract spiffs.bin --folder mine",
        "otalab files make spiffs.bin --folder mine --size 0x40000",
    ),
    "site": ("otalab site public", "otalab site public --runtime node_modules/pyodide"),
    "board": (
        "otalab board import partitions.csv -o mine.toml",
        "otalab board import dump.bin",
    ),
    "boards": ("otalab boards --format csv",),
    "parts": ("otalab parts",),
    "faults": ("otalab faults",),
    "rates": ("otalab rates",),
    "completion": ("otalab completion bash",),
    "help": ("otalab help check",),
}


def add_examples(commands: Mapping[str, argparse.ArgumentParser]) -> None:
    """Put its examples below the help of each command, line by line as they are typed."""
    for name in commands:
        lines = EXAMPLES[name]
        commands[name].epilog = "\n".join(("examples:", *(f"  {line.replace('%', '%%')}" for line in lines)))
        commands[name].formatter_class = argparse.RawDescriptionHelpFormatter
