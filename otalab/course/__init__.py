"""The exercises of the notebooks and their check."""
