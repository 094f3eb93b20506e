"""Figures, each a function that makes a table and one that draws it."""
