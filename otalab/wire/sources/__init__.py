"""Where an update can come from: an address, a form that is pushed, a timer that asks."""
