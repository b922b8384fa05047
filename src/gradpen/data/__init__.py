"""Data: from files to uint8 arrays and endless, addressable batches."""
