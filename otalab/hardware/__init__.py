"""What flash is and does.

A part with its times, a board with its slots, contents as a value, the effects that change them.
Open `flash` first.
"""
