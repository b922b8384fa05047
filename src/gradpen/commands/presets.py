"""``gradpen presets``."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Presets:
    """List the published configurations by name."""

    json: bool = False
    """Print JSON, with the parameters of generator and critic."""
    markdown: bool = False
    """Print the page docs/presets.md: sources, deviations, hyperparameters."""

    def run(self) -> int:
        """Print the list."""
        from gradpen.presets.catalogue import PRESETS, page, parameter_counts

        if self.markdown:
            print(page(), end="")
            return 0
        listed: list[dict[str, Any]] = []
        for preset in PRESETS:
            generator, critic = parameter_counts(preset)
            listed.append(
                {
                    "name": preset.name,
                    "summary": preset.summary,
                    "source": preset.source,
                    "data": preset.data,
                    "counted_at_shape": list(preset.shape),
                    "generator_parameters": generator,
                    "critic_parameters": critic,
                }
            )
        if self.json:
            print(json.dumps(listed, indent=2))
            return 0
        for entry in listed:
            shape = "x".join(str(n) for n in entry["counted_at_shape"])
            print(
                f"{entry['name']}\n    {entry['summary']}\n    source      {entry['source']}\n"
                f"    data        {entry['data']}\n    parameters  generator {entry['generator_parameters']:,}, "
                f"critic {entry['critic_parameters']:,} at {shape}"
            )
        return 0
