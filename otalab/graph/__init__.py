"""The crash graph: everything that power cuts can lead to, closed, checked, and read as proof or shortest history.

Open `check` first.
"""
