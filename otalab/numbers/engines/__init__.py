"""Three ways to sample the lives of devices: `chain`, `crowd`, `firmware`; `engines` lists them."""
