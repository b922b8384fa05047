"""The machine a run is on: device, randomness, signals, and the processes that share a batch."""
