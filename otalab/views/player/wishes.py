"""What a hand may wish of a player: cuts, choices of chance, a bundle; what is none is told in one line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from otalab.bench.contents import read_bundle
from otalab.bench.scenario import Scenario
from otalab.bench.setup import design_or_code
from otalab.errors import BadInput
from otalab.graph.asked import files_of
from otalab.graph.case import OWN_BOARD, Case, digest, named
from otalab.graph.history import Leg
from otalab.graph.id_options import scenario_options
from otalab.own.page import is_page, page_in
from otalab.views.player.life import Cut

NOT_IN_AN_ID = ("files",)


def default_board(design: str) -> str:
    """Return the board that a design is played on where none is named."""
    return OWN_BOARD if design_or_code(design).board else "lab-1M"


def called(design: str) -> str:
    """Return what is played by its name: code by that of its folder, for its page has the same name everywhere."""
    return Path(design).parent.name if is_page(design) else design


def contents_of(bundle: bytes | str | Path | None) -> bytes | None:
    """Return the bytes of a bundle that may be given by the path of its file."""
    if bundle is None or isinstance(bundle, bytes):
        return bundle
    return read_bundle(bundle)


def case_of(
    scenario: Scenario, names: tuple[str, str, str, str], options: Mapping[str, Any], bundle_path: Any = None
) -> Case:
    """Return what a player shows, by design, board, faults and image, as a case that can be set up again."""
    design, board, faults, image = names
    named_board = None if board == OWN_BOARD else board
    bundle = options.get("bundle")
    case = Case.of(scenario, named(design), named_board, faults, digest(bundle) if bundle else "", options=options)
    path = os.fspath(bundle_path) if isinstance(bundle_path, str | os.PathLike) else None
    return replace(case, image=image, files=files_of(design=design, board=named_board, bundle=path))


def history_of(identity: str, bundle: bytes | None, firmware: Any = None) -> tuple[Case, tuple[Leg, ...]]:
    """Return the case and the legs of a short id; the bundle, and the folder of code, of it must be given."""
    case, legs = Case.parse(identity)
    if case.bundle != (digest(bundle) if bundle else ""):
        raise BadInput(f"the id was made with {'a' if case.bundle else 'no'} bundle: give the same with bundle=")
    if firmware is None:
        return case, legs
    if (name := named(page_in(firmware))) != case.design:
        raise BadInput(f"{firmware} holds {name}, and the id was made with {case.design}")
    return replace(case, design=page_in(firmware)), legs


def options_of(case: Case, legs: tuple[Leg, ...]) -> dict[str, Any]:
    """Return the options by which a player shows a case, but for its design and its board."""
    options = {"faults": case.faults, "image": case.image, "choices": [leg.choices for leg in legs]}
    more = {"part": case.part or None, "timing": case.timing, "used": case.used, "updates": case.updates}
    return {"offer": case.offer} | options | more | scenario_options(case.options)


def check_identity(options: Mapping[str, Any]) -> None:
    """Refuse an id to a device that a replay would set up otherwise."""
    if unfit := [name for name in NOT_IN_AN_ID if options.get(name) is not None]:
        raise BadInput(f"an id does not hold {unfit[0]}: a replay would set up another device; copy it as code")


def cuts_of(wished: list[Any]) -> list[Cut]:
    """Return cuts, each in a later run than the one before."""
    cuts = [_cut(wish) for wish in wished]
    if [cut[0] for cut in cuts] != sorted({cut[0] for cut in cuts}):
        raise BadInput(f"cuts {wished!r}: each must be in a later run than the one before")
    return cuts


def _cut(wish: Any) -> Cut:
    match wish:
        case [int(number), int(effect), str(tear)] if number >= 0 and effect >= 0:
            return number, effect, tear
    raise BadInput(f"{wish!r} is no cut: [run, effect, tear], such as [0, 12, 'before']")


def choices_of(wished: list[str]) -> list[str]:
    """Return what chance shall decide, in digits per run."""
    if wrong := [digits for digits in wished if digits and not digits.isdecimal()]:
        raise BadInput(f"choices {wrong[0]!r}: one text of digits per run, such as '01', or empty")
    return list(wished)
