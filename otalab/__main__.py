"""`python -m otalab` is the command `otalab`."""

import sys

from otalab.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
