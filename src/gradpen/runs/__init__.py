"""A run as a folder: begun, continued, measured and loaded."""
