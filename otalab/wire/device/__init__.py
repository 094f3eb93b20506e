"""A device whose flash is a file: switched on, updated, asked how it is.

Open `virtual` first.
"""
