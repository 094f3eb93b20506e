"""The absorbing chains of `otalab.numbers.markov`, under the name that other people's scripts rely on."""

from otalab.numbers.markov import absorption, expected_steps

__all__ = ["absorption", "expected_steps"]
