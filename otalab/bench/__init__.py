"""A device set up on the bench, a world that answers it, a trace of what it does, and an observer who judges it.

Open `setup` first.
"""
