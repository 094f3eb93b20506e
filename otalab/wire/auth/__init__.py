"""Digest authentication, as the real device has it.

Open `digest` first.
"""
