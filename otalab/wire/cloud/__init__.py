"""The device shadow over MQTT, on the device's side and on the cloud's.

Open `shadow` first.
"""
