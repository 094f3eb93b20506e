"""What a failing supply leaves of one unfinished effect.

Open `models` first.
"""
