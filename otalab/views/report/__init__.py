"""A design review in one file.

Open `page` first.
"""
