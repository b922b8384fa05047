"""A local page to watch runs, to explore models, and to hand both on as files."""
