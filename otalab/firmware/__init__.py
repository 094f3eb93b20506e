"""The one firmware: boot loader, record store, updater, merge, application, as generators of effects.

It knows nothing of power, chance or the network. Open `device` first.
"""
