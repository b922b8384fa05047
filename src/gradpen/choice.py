"""What every choice is: a frozen, keyword-only, validated dataclass, and a family of them.

An objective, a constraint, a network, an optimiser or a data source is described by one such class. Its
fields are its hyperparameters, its repr is its log line and its fields are its JSON. A choice's ``name``
field is a literal: it tells the members of a family apart in a configuration file.
"""

from typing import Annotated, Any, Literal, Union

from pydantic import ConfigDict, Field, GetCoreSchemaHandler

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
"""Pydantic settings of a choice: an unknown field, an infinity or a NaN is an error; docstrings describe fields."""

Size = Annotated[int, Field(ge=1, le=20_000_000)]
"""a number of features, channels or layers: positive, and no more than any machine has room for"""
Engine = Literal["lean", "reference"]
Precision = Literal["fp32", "bf16", "bf16-fp32-penalty", "auto"]


class OneOf:
    """A family of choices, as an annotation: a value is one of these classes, told apart by its ``name``.

    The type that is annotated is the family's contract, which the type checker holds; pydantic reads and writes the
    members.
    """

    def __init__(self, members: tuple[type, ...]) -> None:
        self.members = members

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Return the schema of a union of the members."""
        del source
        union: Any = Union[self.members]  # noqa: UP007
        return handler.generate_schema(Annotated[union, Field(discriminator="name")])
