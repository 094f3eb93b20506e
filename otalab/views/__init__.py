"""Figures, widgets, the player and the report: pictures of what the floors below have found."""
