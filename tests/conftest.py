"""What all tests share: chance has a seed, and no test is a stop-watch."""

from hypothesis import settings

settings.register_profile("otalab", deadline=None, derandomize=True)
settings.load_profile("otalab")
