"""The device's HTTP server: who may come in, what each address does.

Open `routes` first.
"""
