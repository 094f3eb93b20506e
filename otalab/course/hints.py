"""A second hint for each exercise: shown to whoever asks for it, below the reason why an answer is not right yet."""

from __future__ import annotations

HINTS = {
    "00.1": "`isinstance` takes several classes at once, joined by `|`.",
    "00.2": "Byte 8 of the record is the slot to start; how many bytes must be there for it to be read?",
    "01.1": "Write both bytes one below the other, in bits: in which column may nothing but a one stand above a one?",
    "01.2": "The time runs from the moment at which the old record can no longer be read to that at which the new can.",
    "02.1": "Take the program of the switch, effect 160, and let the tear leave as few bytes as possible.",
    "02.2": "Look at run 1, between the write of *tried* and the end of the commit.",
    "03.1": "Byte 8 is the slot.",
    "03.2": "The button is called *Wrapped*; `lab.wrapped()` does the same.",
    "03.3": "The image needs 1 s to start, the commit 45 ms, and the timer is due 60 s after the image was started.",
    "04.1": "It is the same loop, over `second.steps`, with `lived_after(tear)` judged each time.",
    "04.2": "Run `check_design` for both under `atomic` on `tiny`, and compare `graph.nodes` and `graph.ends`.",
    "05.1": "Which effect can leave bytes that nobody has ever written?",
    "05.2": "Two choices: one ends a trial without a timer, the other makes room in the record for what it notes.",
    "06.1": "With 95 % confidence, n trials without a failure show less than 3/n.",
    "06.2": "At what point of its course must the erase flip, so that the old record is there as long as possible?",
    "07.1": "One value of `boot.trial` leaves the way back to the timer alone, and has nothing noted.",
    "07.2": "The upper end is that of a two-sided interval: with no dead lamp some 3.7 over the number of lamps.",
    "07.3": "`bad_image_loop` tells the rounds of both images; from one of them a wait of a minute is missing.",
    "08.1": "What decides is one program, the last of its phase; a kill at the begin of a phase comes before it.",
    "08.2": "`changed[-2000] ^= 1`, then `mine = posted(bytes(changed))`; an archive has a check of each file.",
    "08.3": "While `ota.refusal()` is not `None`, `await asyncio.sleep(0.05)`.",
    "09.1": "Compare `a < b` where a equals b.",
    "09.2": "Begin with `record` and `guard`: the format of the CC3200 has no room for a check.",
    "10.1": "With two records a cut does no harm; what is left is an image that crashes before its timer is due.",
    "10.2": "`print(load_design('hardened').toml())` is a page to begin with: change its name and one choice.",
    "11.1": "As long as the note is there, the copy is made again from its beginning.",
    "11.2": "The third argument of `check_design` is how the image behaves.",
}
