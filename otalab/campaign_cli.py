"""`otalab campaign`: devices by the thousand or the billion, sampled, counted, stored."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from otalab.campaign import Campaign, progress, run_campaign
from otalab.risk_cli import explore
from otalab.study import Fleet
from otalab.study_cli import chosen_study
from otalab.text import table


def run(chosen: argparse.Namespace) -> int:
    """Run the campaign, or what is missing of it, and print what was found; 0 whatever that is."""
    one = chosen_study(chosen)
    fleet = Fleet.read(one, chosen.fleet) if chosen.fleet else Fleet((one,))
    campaign = Campaign(fleet, chosen.devices, chosen.seed, chosen.engine)
    cores = os.cpu_count() or 1
    workers = chosen.workers if chosen.workers is not None else cores if chosen.engine == "firmware" else 1
    for kind in fleet.studies:
        explore(kind)
    with progress(campaign) as on_chunk:
        tally = run_campaign(
            campaign, chosen.out, workers=workers, scheduler=chosen.scheduler, on_chunk=on_chunk, command=sys.argv[1:]
        )
    told = tally.as_object()
    if chosen.json:
        print(json.dumps(told))
    else:
        show(told)
    return 0


def show(told: dict[str, Any]) -> None:
    """Print the result for people."""
    print(
        f"{told['design']}: {told['devices']:,} devices by {told['engine']}, seed {told['seed']}, {told['seconds']} s"
    )
    if told["given"] != 1:
        print(f"given that a power cut comes during the update, which has probability {told['given']:.6g}")
    exact = told["exact"]
    rows = [
        (end, f"{one['count']:,}", f"{one['estimate']:.4e}", f"{one['low']:.4e} to {one['high']:.4e}",
         f"{exact[end]:.4e}" if exact and end in exact else "")
        for end, one in told["ends"].items()
    ]  # fmt: skip
    print("\n" + "\n".join(table(("end", "devices", "share", "95 % interval", "exact"), rows, right="devices")))
    print(f"\n{told['out']}")
