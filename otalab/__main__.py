"""`python -m otalab` is the command `otalab`, from its first moment on: it can be interrupted while it is loaded."""

import sys


def main() -> int:
    """Load the command line and run it; return the exit status."""
    try:
        from otalab.cli.main import main as run  # noqa: PLC0415  # what is interrupted here has said nothing yet
    except KeyboardInterrupt:
        print("otalab: interrupted", file=sys.stderr)
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
