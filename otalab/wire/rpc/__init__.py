"""RPC frames and the methods behind them.

Open `service` first.
"""
