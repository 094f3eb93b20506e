"""`python -m otalab` is the command `otalab`, and can be interrupted from its first moment to its last."""

import sys


def main() -> int:
    """Load the command line and run it; return the exit status, with which the process is to end."""
    try:
        from otalab.cli.main import ended  # noqa: PLC0415  # what is interrupted here has said nothing yet

        return ended()
    except KeyboardInterrupt:
        print("otalab: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
