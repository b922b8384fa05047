"""What every choice is: a frozen, keyword-only, validated dataclass.

An objective, a constraint, a network, an optimiser or a data source is described by one such class. Its
fields are its hyperparameters, its repr is its log line and its fields are its JSON. A choice's ``name``
field is a literal: it tells the members of a family apart in a configuration file.
"""

from pydantic import ConfigDict

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
"""Pydantic settings of a choice: an unknown field, an infinity or a NaN is an error."""
