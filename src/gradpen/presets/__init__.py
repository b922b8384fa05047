"""Published runs by name, each a function that returns its configuration."""
