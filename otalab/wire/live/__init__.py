"""Real processes for notebooks and tests, ended with whoever started them.

Open `device` first.
"""

from otalab.wire.live.broker import MISSING, LiveCloud, mosquitto
from otalab.wire.live.device import LiveDevice
from otalab.wire.live.process import LiveFolder, curl

__all__ = ["MISSING", "LiveCloud", "LiveDevice", "LiveFolder", "curl", "mosquitto"]
