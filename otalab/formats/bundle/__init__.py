"""Update bundles (`fw.zip`): read forward only, built, signed, verified.

Open `reader` first.
"""
