"""The numbers in the prose of notebooks 06 and 07: for each sentence that has one, what it is held to.

`HELD`: a condition that is asked in the notebook's own kernel, once the cells below the sentence have run.
`GIVEN`: what is posed, cited or counted on the page itself, and needs no cell.
"""

import re

NUMBERS = """
    two three four five six seven eight nine ten eleven twelve thirteen fifteen sixteen twenty thirty forty fifty
    sixty seventy eighty ninety hundred thousand million billion half third quarter fifth tenth twentieth hundredth
    thousandth millionth twice zero dozen
""".split()  # noqa: SIM905  # a list of words is read as a text
WORD = "|".join(sorted(NUMBERS, key=len, reverse=True))
NUMBER = re.compile(rf"\d[\d,.]*\d|\d|\b(?:{WORD})s?\b", re.IGNORECASE)
FENCES, CODE, LINKS = re.compile(r"```.*?```", re.DOTALL), re.compile(r"`[^`]*`"), re.compile(r"\[[^\]]*\]\([^)]*\)")
ORDER = re.compile(r"^\d\. |^# \d\d  |about \d+ minutes$|\*\*Exercise \d\d\.\d\.\*\*", re.MULTILINE)


def unheld(text, phrases):
    """
    Return the numbers of a text that stand in none of the phrases; code is run, and links and times are tested.
    """
    text = FENCES.sub(" ", text)
    for phrase in phrases:
        text = text.replace(phrase, " ")
    for other in (CODE, LINKS, ORDER):
        text = other.sub(" ", text)
    return NUMBER.findall(text)


SIX = {
    "An erase takes 45 ms here, a program 0.4 ms.": (
        '[45.0, 0.4] == [round(1e3 * work[work.kind == kind].seconds.max(), 6) for kind in ("erase", "program")]'
    ),
    "of a thousand cuts at a random operation": '1000 == len(drawn["operation"])',
    "of a thousand at a random moment": '1000 == len(drawn["moment"])',
    "we take three from the table": "3 == len(shares)",
    "Erases are 6 % of the operations of each, and 55 to 97 % of the time.": (
        '{6} == set((100 * shares["of operations"]).round()) and '
        '[55, 97] == [round(100 * bound(shares["of time"])) for bound in (min, max)]'
    ),
    "Six in a hundred.": '6 == round(100 * (seconds["erase"] + seconds["program"]) / seconds.sum())',
    "Nine tenths of the time the lamp waits": '9 == round(10 * seconds.filter(like="wait").sum() / seconds.sum())',
    "a thousand such lamps are updated": "1000 == tally.campaign.devices",
    "no failure in a thousand": '{"updated": 1000} == dict(tally.counts)',
    "with 95 % confidence?": '"95 %" in claim(0, 1000)',
    "Zero of a thousand is not zero.": "0 < upper_bound(0, 1000)",
    "Three over the number of trials is the rule for the head (the *rule of three*), the exact bound is a hair below": (
        "3 / 1000 == rule_of_three(1000) and 0.99 < upper_bound(0, 1000) / rule_of_three(1000) < 1"
    ),
    "three thousand of a million lamps might die": "3000 == round(1e6 * upper_bound(0, 1000), -3)",
    "less than one in a million": 'check("06.1", zero_failure_runs(1 / 10**6))',
    "2,995,731: three over the probability": (
        '"2,995,731" == f"{zero_failure_runs(1e-6):,}" and 3 == round(1e-6 * zero_failure_runs(1e-6))'
    ),
    "about one in ten million updates": '10e6 == float(f"{1 / exact:.0e}")',
    "for sixty-nine *years*": "69 == round(years)",
    "Nearly all of the thousand lamps": "tally.campaign.fleet.given < 0.001",
    "a thousand of *those*": "1000 == tally.campaign.devices and tally.campaign.fleet.studies[0].given_cut",
    "so few that one campaign of a thousand says little": 'tally.counts["bricked"] < 5',
    "One update in 21,000 meets a cut.": "21_000 == round(1 / met, -3)",
    'A thousand lamps now give two bounds, of the right size, with the exact value between them, where a thousand '
    'before said "below 0.3 %"': (
        "met * found.low < exact < met * found.high < 10 * exact and 0.3 == round(100 * upper_bound(0, 1000), 1)"
    ),
    "one chunk is 50,000 lamps": "50_000 == watch.table.devices.iloc[0]",
    "After twenty chunks": "20 == len(watch.table)",
    "Four times and a half, the root of twenty": (
        "9 == round(2 * table.width.iloc[0] / table.width.iloc[-1]) == round(2 * np.sqrt(len(watch.table)))"
    ),
    "one digit more costs a hundred times the lamps": "10 == np.sqrt(100)",
    "has looked twenty times": "20 == len(watch.table)",
    "## Four engines": '4 == len({"exact", *found})',
    "a small board and 300 lamps": '300 == sizes["firmware"]',
    "so it gets a billion": '10**9 == sizes["crowd"]',
    "The crowd's, and all three hold it.": (
        '3 == len(found) and all(rows[engine]["low"] <= lost <= rows[engine]["high"] for engine in found) and '
        '"crowd" == min(found, key=lambda engine: rows[engine]["high"] - rows[engine]["low"])'
    ),
    "they tell the same 300 lives": "300 == len(lived) and (walked.head(300) == lived).all(axis=None)",
    "1 \N{MINUS SIGN} exp(\N{MINUS SIGN}rate · *d*), which for a low rate is rate · *d*": (
        "1e-6 > abs((1 - np.exp(-1e-7)) / 1e-7 - 1)"
    ),
    "By hand and solved, the two differ by less than a ten-millionth part": (
        'all(abs(row["off"]) < 1 / 10e6 for row in rows.values())'
    ),
    "that is a half on average, half of each window is harmless, and half of the risk is gone": (
        '{0.5} == {round(row["flips at half"], 6) for row in rows.values()}'
    ),
    "The probability is zero, and the verdict is still `unsafe`": (
        '(0, "unsafe") == (lambda one: (one.weighed.ends["bricked"], one.graph.verdict))'
        "(replace(lamp, flips=(1.0, 0.0)))"
    ),
    "The model `all` has six members": "6 == len(band)",
    "a factor of less than two": '1.5 < band.max() / band.min() < 2 and band.max() == band["atomic"]',
    "so there are two bounds, and with 95 % confidence the truth lies between them; the lower one is not zero": (
        "loose.weighed.sampled is not None and "
        'loose.weighed.bounds["bricked"] == loose.weighed.interval("bricked", confidence=0.95) and '
        'loose.weighed.bounds["bricked"][0] > 0'
    ),
    "50 ms is longer than any erase here": (
        "50 > 1e3 * max(one.scenario.part.erase_seconds() for one in (loose, torn))"
    ),
    "Which of the two lamps": "2 == len({design for design, _ in rows})",
    "nothing is torn any more, and the lower bound is zero": (
        '0 == rows["mongoose", 0.05][0] < rows["mongoose", 0.0][0]'
    ),
    "it fails again half of the time, after a minute": "Bounce(1 / 2, 60) == again.rates.bounce",
    "Eight per cent more, and five per cent more cuts.": (
        '[8, 5] == [round(100 * more["bricked"]), '
        'round(100 * (again.expected()["cuts"] / calm.expected()["cuts"] - 1))]'
    ),
    "A table has 942 major outages": "942 == sum(night.day.counts)",
    "between two and five in the morning": "(2, 3, 4) == night.hours",
    "More than a third, for nothing": "1 / 3 < 1 - row.begun / row.any_hour < 0.4",
    "at sixty cuts an hour": '"60/hour" == lamps["rate"]',
    "In the rollback, which is written only after a cut": (
        '"rollback" == dead.last_cut.value_counts()[lambda count: count > 0].idxmin()'
    ),
}  # fmt: skip
SEVEN = {
    "0.06 a day": "0.06 == round(24 * lamp.rates.default, 9)",
    "A hundredth of a lamp dies.": "0.01 == round(1e5 * bricked, 2)",
    "Four tenths of a lamp keep their old firmware, forty-four times as many as die.": (
        '[0.4, 44] == [round(1e5 * lamp.weighed.ends["update-lost"], 1), '
        'round(lamp.weighed.ends["update-lost"] / bricked)]'
    ),
    "Less than ten million, as about one in ten million dies.": (
        '1e6 < np.log(2) / bricked < 10e6 == float(f"{1 / bricked:.0e}")'
    ),
    "For a hundred million lamps the number has bounds: 4 to 16 with 95 % confidence": (
        "(4, 16) == (lambda lost: (lost.low, lost.high))"
        "(rollout.expected_losses(Fleet((lamp,)), 100 * 10**6, confidence=0.95))"
    ),
    "a street of fifty lamps together, so that their fates go together, at a correlation of 0.3": (
        "(4, 16) != (losses.low, losses.high) == (lambda lost: (lost.low, lost.high))"
        "(rollout.expected_losses(Fleet((lamp,)), 100 * 10**6, street=Street(50, 0.3)))"
    ),
    "the upper bound goes up to 43": "43 == losses.high and 1e8 * lamp.weighed.bad == losses.expected[0]",
    "A design that bricks once in ten million updates": '10e6 == float(f"{1 / bricked:.0e}")',
    "16 times as often as the grid of the United States does, those of developing countries 235 times": (
        '[16, 235] == [round(rates.ratio[f"bismark-{ones}"]) for ones in ("developed", "developing")]'
    ),
    "for one erase and one page program, three times": (
        '3 == round(bricked / lamp.rates.per_second("boot") / '
        "(lamp.scenario.part.erase_seconds() + lamp.scenario.part.program_seconds(84)), 3)"
    ),
    "sectors of 4 KiB": "4 * 1024 == lamp.board.geometry.sector_size",
    "Between these parts a factor of four; between typical and maximal times up to nine": (
        "[4, 9] == [round(typical.max() / typical.min()), round((most / typical).max())]"
    ),
    "Per million updates: writing over the running image costs more than half a lamp, one record a tenth, and two "
    "records none at all": (
        '10**6 == round(table["hardened"].sum()) and '
        '1 / 2 < table["in-place"]["bricked"] < 0.6 and 0 == table["hardened"]["bricked"] and '
        '0.1 == round(table["single-record"]["bricked"], 1)'
    ),
    "The best part is a factor of four better than the worst": "4 == round(typical.max() / typical.min())",
    "That zero is a proof": '0 == table["hardened"]["bricked"] and "safe" == replace(lamp, design=load_design('
    '"hardened")).graph.verdict',
    "Three writes of the record, in three phases, share the risk evenly; a fourth, the rollback": (
        "(lambda risks: 4 == len(risks) and 3 == sum(risks > 0.333 * risks.sum()) and "
        '"rollback" == risks.idxmin())(phases.set_index("phase").p_bad[lambda risks: risks > 0])'
    ),
    "the plug is pulled three times an *hour*: once in a thousand boots": (
        '3 == dict(people.rates.phases)["boot"] and '
        '0.001 == round(3 / 3600 * phases.set_index("phase").seconds["boot"], 3)'
    ),
    "Four hundred times as much, and nearly all of it in the boot.": (
        "400 == round(people.weighed.bad / bricked, -2) and "
        '0.99 < table.set_index("phase").p_bad["boot"] / table.p_bad.sum()'
    ),
    "The three an hour are made up": '3 == dict(people.rates.phases)["boot"]',
    "the record is written twice and not three times, and the risk falls to two thirds": (
        'round(2 / 3, 3) == round(replace(lamp, design=replace(lamp.design, name="mine", trial="timer")).weighed.bad / '
        "bricked, 3)"
    ),
    "one lamp in ten hangs in a place where the power fails fifteen times as often": (
        "[0.1, 15] == [fleet.shares[2], round(fleet.studies[2].rates.default / fleet.studies[0].rates.default, 6)]"
    ),
    "Two thirds of the dead are of the tenth.": "round(2 / 3, 2) == round((dead / dead.sum())[2], 2)",
    "of this fleet die if it has a billion": "10**9 == tally.campaign.devices",
    "A few hundred, in a fraction of a second": '200 <= tally.counts["bricked"] < 400',
    "A rollout goes to one per cent first, waits a day, and looks whether lamps have stopped to report; then to ten, "
    "to fifty": (
        "[1, 10, 50, 100] == [stage.percent for stage in stages] and {24 * 3600} == {stage.wait for stage in stages}"
    ),
    "at 95 % confidence, that more than one in ten thousand die": "(0.95, 1 / 10_000) == (rule.confidence, rule.bound)",
    "during its download, three times an hour": '3 == dict(impatient.phases)["download"]',
    "of 100,000 lamps it would kill 59": '59 == round(100_000 * deadly.ends["bricked"])',
    "Thirty of them tell more": '30 == often["repeats"]',
    "2.5 % for all looks together": '2.5 == round(100 * (1 - rules["every look"].confidence) / 2, 9)',
    "it kills four in 100,000": "4 == round(100_000 * people.weighed.bad)",
    "one dead lamp among the first thousand is enough": "1000 == stages[0].percent / 100 * 100_000 < 1 / rule.bound",
    "37 per cent: with no dead lamp at all, the upper end of the two-sided 95 % Clopper-Pearson interval is about 3.7 "
    "over the number of lamps, \N{MINUS SIGN}ln 0.025.": (
        "37 == next(n for n in range(1, 101) if stats.interval(0, 1000 * n, 0.95).high < 1e-4) and "
        "3.7 == round(-np.log(0.025), 1) == round(37_000 * stats.interval(0, 37_000, 0.95).high, 1)"
    ),
    "The rule of three is one-sided, \N{MINUS SIGN}ln 0.05, and would ask for `zero_failure_runs(1e-4)`, "
    "29,956 lamps.": (
        '"29,956" == f"{stats.zero_failure_runs(1e-4):,}" and 3 == round(-np.log(0.05)) == round(2.9956)'
    ),
    "saved the other 99 per cent": "99 == 100 - stages[0].percent",
    "less than a fifth of a per cent of the 100,000 erases": "0.1 < 100 * worn.erases.max() / limit < 1 / 5 and "
    "100_000 == limit",
    "it bears what two would share": "np.isclose(single.erases.max(), 2 * worn.erases.max(), rtol=1e-4)",
    "Of a hundred thousand lamps: seven with `in-place`, one with `single-record`, some hundreds if people pull plugs, "
    "none with two records.": (
        "(lambda lost: [7, 1, 0] == [round(n) for n in lost[:2] + lost[3:]] and 200 < lost[2] < 999)"
        "([1e5 * table.lost.iloc[-1] for table in lives.values()])"
    ),
    "120 updates, 120 times one of them": (
        "all(np.isclose(lives[name].lost.iloc[-1], 120 * risks[name], rtol=0.01) for name in lives)"
    ),
    "Forty days, without any power failure.": "40 == round(loop.days_until_worn(limit))",
    "A round has four resets, two of them into the new image and two back; it takes a little over two minutes.": (
        "4 == loop.resets and 2 < loop.seconds / 60 < 2.5"
    ),
    "Slot 0 runs and is spared; every sector of slot 1 is erased twice a round, and the busiest of its file system "
    "four times.": (
        "(lambda by: 0 == by.max()['slot 0 app'] == by.max()['slot 0 files'] and 4 == by.max()['slot 1 files'] and "
        "2 == by.min()['slot 1 app'] == by.max()['slot 1 app'] == by.min()['slot 1 files'])"
        "(pd.Series(loop.erases).groupby(owners))"
    ),
    "39.7 days against 5.6.": (
        '[39.7, 5.6] == [round(bad_image_loop(replace(years, image=image, offer="again")).days_until_worn(limit), 1) '
        'for image in ("hangs", "crashes")]'
    ),
}  # fmt: skip
HELD = {"06_power_loss_campaigns.ipynb": SIX, "07_fleet_risk.ipynb": SEVEN}
GIVEN = {
    "06_power_loss_campaigns.ipynb": [
        "what may a thousand lamps tell you?",
        "A test bench updates a thousand lamps",
        "of a million lamps in the field",
        "an **interval** is two bounds",
        '"Cut it at random" has two meanings',
        "The two benches",
        "## A thousand lamps",
        "Two things can: looking only",
        "Annals of Statistics 49(2), 2021",
        "how often do the two agree",
        "keep the two apart",
        "the gap between two writes",
        "a thousand lamps on one bench",
        "as in notebook 05",
        "however many zeros it has",
    ],
    "07_fleet_risk.ipynb": [
        "You have a hundred thousand lamps",
        "## One update, a hundred thousand lamps",
        "how many of the hundred thousand die",
        "Which of the three numbers",
        "notebook 05",
        "notebook 06",
        "## A billion lamps",
        "ends at some millions",
        "Robbins 1970; Howard, Ramdas and others 2021",
        "fewer than one in ten thousand die",
        "in per cent of 100,000",
        "an update a month, for ten years",
        "an update a month for ten years",
        "below 1 is later",
    ],
}
