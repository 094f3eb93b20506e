"""Boot records, byte for byte, one module a format.

Open `record` first; `catalogue` lists the formats.
"""

from otalab.formats.records.catalogue import GUARDS, KEEPERS, RECORDS

__all__ = ["GUARDS", "KEEPERS", "RECORDS"]
