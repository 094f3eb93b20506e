"""Many devices in a folder that can be gone on with, and staged rollouts.

Open `campaign` first.
"""
