"""Chances, intervals and rates, exact and sampled, from the crash graph.

Open `study` first.
"""
