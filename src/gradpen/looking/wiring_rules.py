"""Rules about how the networks of a loop hang together: what no training would mend."""

from collections.abc import Iterator

from gradpen.language import marked, worded
from gradpen.looking.symptoms import Symptoms
from gradpen.looking.verdict import Remedy, Verdict, kind_of

PROBABILITIES = ("minimax", "non-saturating", "least-squares")
"""objectives under which a critic may end in a sigmoid"""
NAMED = 3
"""weights that are named"""
OUT_OF_REACH = 0.05
"""share of the data's numbers beyond what samples can reach, above which the ranges do not fit"""


def weights_at_rest(s: Symptoms) -> Iterator[Verdict]:
    """Layers that the optimiser does not change, or that no gradient reaches."""
    if s.wiring is None or not s.wiring.at_rest:
        return
    resting = s.wiring.at_rest
    yield Verdict(
        name=marked("weights at rest"),
        meaning=marked(
            "Some layers are as they were at the first look: no gradient reaches them, or the optimiser does not "
            "change them. If you froze them on purpose, this is no fault."
        ),
        evidence=worded(
            "{resting} of {weights} matrices and filters unchanged: {names}",
            resting=len(resting),
            weights=s.wiring.weights,
            names=", ".join(resting[:NAMED]) + (", …" if len(resting) > NAMED else ""),
        ),
        remedies=(
            Remedy(
                words=marked(
                    "look for detach(), .data and no_grad() on the way from the loss to these layers, for "
                    "requires_grad=False, and whether the optimiser was given them"
                )
            ),
        ),
    )


def batch_norm_under_penalty(s: Symptoms) -> Iterator[Verdict]:
    """A critic whose scores depend on the batch, under a penalty on the slope at each example."""
    if s.wiring is None or not s.wiring.batch_norm or kind_of(s)[1]["name"] != "gradient-penalty":
        return
    yield Verdict(
        name=marked("batch norm under a penalty"),
        meaning=marked(
            "Batch norm makes the score of an example depend on the others of its batch, and the penalty is on the "
            "slope at each example alone: it does not hold."
        ),
        evidence=worded("the critic's layer {layer} is batch norm", layer=s.wiring.batch_norm),
        remedies=(Remedy(words=marked("layer norm, torch.nn.GroupNorm(1, channels), or no norm in the critic")),),
    )


def sigmoid_in_critic(s: Symptoms) -> Iterator[Verdict]:
    """A critic that ends in a sigmoid, under a loss that wants scores without bounds."""
    objective = kind_of(s)[0]
    if s.wiring is None or not s.wiring.squashed or objective in PROBABILITIES:
        return
    yield Verdict(
        name=marked("sigmoid in the critic"),
        meaning=marked(
            "The critic's scores cannot leave 0 and 1. This loss needs scores without bounds: their gap is then no "
            "distance, and the gradient fades."
        ),
        evidence=worded("the critic ends in a sigmoid, and the objective is {objective}", objective=objective),
        remedies=(Remedy(words=marked("leave the sigmoid out")),),
    )


def out_of_reach(s: Symptoms) -> Iterator[Verdict]:
    """Data in a range that the generator's last activation cannot give."""
    if s.wiring is None or s.beyond is None or s.beyond < OUT_OF_REACH:
        return
    yield Verdict(
        name=marked("range out of reach"),
        meaning=marked(
            "The generator's last activation cannot give the numbers that the data have, so that the critic always "
            "tells them apart."
        ),
        evidence=worded(
            "samples lie between {lowest:.3g} and {highest:.3g} whatever the weights, and {share:.0%} of the data's "
            "numbers do not (above {most:.0%})",
            lowest=s.wiring.lowest,
            highest=s.wiring.highest,
            share=s.beyond,
            most=OUT_OF_REACH,
        ),
        remedies=(
            Remedy(words=marked("bring the data to the range of the activation, as images / 127.5 - 1 for tanh")),
        ),
    )
