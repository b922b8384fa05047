"""The commands of the command line; nothing heavy is imported before it is needed."""
