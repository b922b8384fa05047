"""Networks: each choice is one frozen dataclass that builds a module for a given image shape."""
