"""Boot records, byte for byte, one module a format; `catalogue` lists them.

Open `record` first.
"""
