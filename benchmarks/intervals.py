"""How often the printed 95 % interval of a campaign of 10,000 holds the exact probability: 300 campaigns each.

    python benchmarks/intervals.py [CAMPAIGNS] [--cell NAME] [--first SEED] [--nodes N]

`--cell` measures one of the three fleets alone, `--first` goes on where another run ended: parts add up.

Three fleets: one kind; a mixture of three rates; and a mixture of which one kind was searched no further than 60 nodes
(`--nodes`), so that what is ahead of it is sampled, afresh for each campaign.
The exact values are those of the closed graphs.
Clopper-Pearson covers at least 95 %, and more where few of an end are expected; an end of which fewer than 20 are
expected is left out.
"""

import argparse
from collections import Counter
from dataclasses import replace
from math import fsum

from otalab.bench.ends import ENDS
from otalab.numbers import explored
from otalab.numbers import study as studies
from otalab.numbers.campaigns.campaign import Campaign, Tally
from otalab.numbers.engines.engines import sample
from otalab.numbers.explored import Search
from otalab.numbers.fleet import Fleet
from otalab.numbers.rates import Rates
from otalab.numbers.study import Study, study

DEVICES = 10_000
CELLS = ("one kind", "mixture", "mixture, sampled")


def searched(one: Study, seed: int, nodes: int) -> Study:
    """Return a study of which so little is followed, with lives of this seed."""
    # A budget of its own, or it would be taken for the study that closes.
    other = replace(one, budget=nodes + seed)
    explored.SEED = 1000 + seed
    search = Search(one.scenario, one.model, one.rates, one.model.shares, nodes, absolute=1e-12, relative=1e-6)
    studies._keep(other, search.explored())  # what its search would have found
    return other


def covered(fleet: Fleet, exact: dict[str, float], seed: int) -> Counter[str]:
    """Say of each end whether the interval of one campaign holds its exact probability."""
    table = sample(fleet, "chain", seed, 0, DEVICES)
    tally = Tally(Campaign(fleet, DEVICES, seed), Counter(table.end.value_counts()[lambda n: n > 0].to_dict()))
    found = {end: tally.interval(end) for end in exact}
    return Counter({end: int(found[end].low <= exact[end] <= found[end].high) for end in exact})


def asked() -> argparse.Namespace:
    """Return which campaigns of which fleets are asked for."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("campaigns", nargs="?", type=int, default=300)
    parser.add_argument("--cell", choices=CELLS, action="append", help="one of the fleets alone; repeatable")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first campaign's seed (0)")
    parser.add_argument("--nodes", type=int, default=60, metavar="N", help="so far the sampled kind is searched (60)")
    return parser.parse_args()


def main() -> None:
    """Print a row for each fleet and end."""
    arguments = asked()
    seeds = range(arguments.first, arguments.first + arguments.campaigns)
    base = study("hardened", 600.0, board="tiny", app_size=500)
    kinds = (base, replace(base, rates=Rates(60.0)), replace(base, rates=Rates(1800.0)))
    shares = (0.5, 0.3, 0.2)
    mixed = {end: fsum(s * one.weighed.ends[end] for s, one in zip(shares, kinds, strict=True)) for end in ENDS}
    for name in arguments.cell or CELLS:
        exact = base.weighed.ends if name == "one kind" else mixed
        exact = {end: chance for end, chance in exact.items() if DEVICES * min(chance, 1 - chance) > 20}
        held: Counter[str] = Counter()
        for seed in seeds:
            if name == "one kind":
                fleet = Fleet((base,))
            elif name == "mixture":
                fleet = Fleet(kinds, shares)
            else:
                fleet = Fleet((searched(base, seed, arguments.nodes), *kinds[1:]), shares)
            held += covered(fleet, exact, seed)
        for end, chance in exact.items():
            print(f"{name:18} {end:12} {chance:.6f}  covered {held[end] / len(seeds):.3f} of {len(seeds)}", flush=True)


if __name__ == "__main__":
    main()
