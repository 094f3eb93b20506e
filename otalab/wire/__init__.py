"""The virtual device on a network: the same firmware behind HTTP, RPC and MQTT.

It does not know faults, graph or numbers.
"""
