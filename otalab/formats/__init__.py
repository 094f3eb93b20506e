"""What lies in flash and comes in files: update bundles, boot records, file systems.

Bytes in, values out; no firmware.
"""
