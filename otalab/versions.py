"""Which version of a package is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed(package: str) -> str:
    """Return the version of a package, or that it was never installed and runs from a checkout."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "from a checkout"
