"""Three ways to sample the lives of devices: `chain`, `crowd`, `firmware`.

Open `engines` first.
"""

from otalab.numbers.engine_names import ENGINES
from otalab.numbers.engines.engines import crowds, sample

__all__ = ["ENGINES", "crowds", "sample"]
