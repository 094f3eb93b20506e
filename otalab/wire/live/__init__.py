"""Real processes for notebooks and tests, ended with whoever started them.

Open `device` first.
"""
