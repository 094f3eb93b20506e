"""The arguments of each method as `RPC.Describe` tells them: the formats that the real device reads them with.

Those of `RPC` and `Sys` are from `mongoose-os-libs/rpc-common` at 9f25f59, those of `OTA` from
`mongoose-os-libs/rpc-service-ota` at b65fb94 (`src/mgos_rpc_service_ota.c`); what is younger than its public source
(`timeout`, the pushed update) is written in the same way, and is the lab's.
A method that is not here takes none.
"""

from __future__ import annotations

FORMATS = {
    "RPC.Describe": "{name: %T}",
    "Sys.Reboot": "{delay_ms: %d}",
    "OTA.Update": "{url: %T, commit_timeout: %d, timeout: %d}",
    "OTA.CreateSnapshot": "{set_as_revert: %B, commit_timeout: %d}",
    "OTA.SetBootState": "{active_slot: %d, is_committed: %B, revert_slot: %d, commit_timeout: %d}",
    "OTA.Begin": "{timeout: %d, commit_timeout: %d, size: %d}",
    "OTA.Write": "{offset: %d, data: %T}",
}
MOST_DIGITS = 4000  # Python makes no number of more


def digits(text: str) -> bool:
    """Say whether text is a whole number, of a length that Python makes a number of."""
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
