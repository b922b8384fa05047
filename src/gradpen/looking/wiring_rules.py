"""Rules about how the networks of a loop hang together: what no training would mend."""

from collections.abc import Iterator

from gradpen.language import marked, worded
from gradpen.looking.critic_rules import critic_too_strong
from gradpen.looking.symptoms import Symptoms
from gradpen.looking.verdict import Remedy, Verdict, far, kind_of, left_of_first, slower

PROBABILITIES = ("minimax", "non-saturating", "least-squares")
"""objectives under which a critic may end in a sigmoid"""
LONG = 200
"""iterations in which every network moves that learns"""
HARDLY, AS_FAR = 0.05, 0.5
"""parts of their size by which weights move where a network learns; parts of the distance of untrained samples, above
which it has not learned much"""
UNSEEN = 0.2
"""share of an example's numbers that a critic may leave out"""
ANEW = 0.3
"""cosine of weights now and a look or two before, below which nothing is left of them"""
SHRUNK = 0.2
"""parts of the size that they had, below which weights are nearly gone"""
DROPPED = 0.8
"""share that a layer of dropout leaves out, from which it is too much"""
NAMED = 3
"""weights that are named"""
OUT_OF_REACH = 0.05
"""share of the data's numbers beyond what samples can reach, above which the ranges do not fit"""


def weights_at_rest(s: Symptoms) -> Iterator[Verdict]:
    """Layers that the optimiser does not change, or that no gradient reaches."""
    if s.wiring is not None and s.wiring.at_rest:
        yield resting(
            s.wiring.at_rest,
            s.wiring.weights,
            marked(
                "Some layers are as they were at the first look: no gradient reaches them, or the optimiser does not "
                "change them. If you froze them on purpose, this is no fault."
            ),
        )


def hardly_moving(s: Symptoms) -> Iterator[Verdict]:
    """A network of a loop that is nearly as it was."""
    if s.wiring is None or any(critic_too_strong(s)):
        return
    left = left_of_first(s)
    role, moved = min(s.wiring.moved.items(), key=lambda one: one[1], default=("", 1.0))
    if left is not None and left > AS_FAR and far(s) and moved < HARDLY and s.iteration >= LONG:
        yield Verdict(
            name=marked("weights at rest"),
            meaning=marked("A network is nearly as it was at the first look, and samples are far from the data."),
            evidence=worded(
                "the weights of the {network} have moved by {moved:.2g} of their size (below {least:.0%})",
                network=role,
                moved=moved,
                least=HARDLY,
            ),
            remedies=(
                Remedy(words=marked("a larger learning rate, or gradients that are not cut off so far")),
                Remedy(
                    words=marked(
                        "hand over the networks that are trained, or an average of them after enough iterations"
                    )
                ),
            ),
        )


def weights_stopped(s: Symptoms) -> Iterator[Verdict]:
    """Layers that have moved, and no longer do."""
    if s.wiring is not None and s.wiring.stopped and s.measures and far(s):
        yield resting(
            s.wiring.stopped,
            s.wiring.weights,
            marked(
                "Some layers no longer move: their learning rate has become 0, or no gradient reaches them any more, "
                "while samples are far from the data."
            ),
        )


def made_anew(s: Symptoms) -> Iterator[Verdict]:
    """A network that does not go on from where it was."""
    if s.wiring is None:
        return
    role, likeness = min(s.wiring.likeness.items(), key=lambda one: one[1], default=("", 1.0))
    if likeness < ANEW and far(s):
        yield Verdict(
            name=marked("weights made anew"),
            meaning=marked(
                "A network has nothing left of what it was a few looks ago: it is made or loaded anew, or its steps "
                "are far too large."
            ),
            evidence=worded(
                "cosine {likeness:.2f} of the weights of the {network} and those at either of the two looks before "
                "(below {least:g})",
                likeness=likeness,
                network=role,
                least=ANEW,
            ),
            remedies=(
                Remedy(words=marked("make the networks once, before the loop")),
                Remedy(words=marked("lower both learning rates tenfold"), settings=slower(s, 0.1)),
            ),
        )


def resting(names: tuple[str, ...], weights: int, meaning: str) -> Verdict:
    """Return that weights do not move."""
    return Verdict(
        name=marked("weights at rest"),
        meaning=meaning,
        evidence=worded(
            "{resting} of {weights} matrices and filters unchanged: {names}",
            resting=len(names),
            weights=weights,
            names=", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else ""),
        ),
        remedies=(
            Remedy(
                words=marked(
                    "look for detach(), .data and no_grad() on the way from the loss to these layers, for "
                    "requires_grad=False, and whether the optimiser was given them"
                )
            ),
            Remedy(words=marked("look whether a schedule has made a learning rate 0")),
        ),
    )


def weights_shrinking(s: Symptoms) -> Iterator[Verdict]:
    """Weights that something other than the loss draws to 0."""
    if s.wiring is None:
        return
    role, size = min(s.wiring.size.items(), key=lambda one: one[1], default=("", 1.0))
    # Clipping makes a critic's weights small, and is meant to.
    if size < SHRUNK and not (role == "critic" and kind_of(s)[1]["name"] == "weight-clipping"):
        yield Verdict(
            name=marked("weights shrinking"),
            meaning=marked("A network's weights are nearly gone: something draws them to 0, as weight decay does."),
            evidence=worded(
                "the weights of the {network} have {size:.2g} of the size that they had (below {least:.0%})",
                network=role,
                size=size,
                least=SHRUNK,
            ),
            remedies=(Remedy(words=marked("no weight decay, or far less: weight_decay=0")),),
        )


def blind_to_parts(s: Symptoms) -> Iterator[Verdict]:
    """A critic that does not look at all of an example."""
    if s.wiring is not None and s.wiring.unseen > UNSEEN:
        yield Verdict(
            name=marked("critic sees a part"),
            meaning=marked("No score depends on some of an example's numbers: there samples may be anything."),
            evidence=worded(
                "{share:.0%} of the numbers of an example have no gradient at all (at most {most:.0%})",
                share=s.wiring.unseen,
                most=UNSEEN,
            ),
            remedies=(Remedy(words=marked("look what of an example the critic cuts off, by slices or strides")),),
        )


def dropped(s: Symptoms) -> Iterator[Verdict]:
    """Dropout that leaves hardly anything."""
    if s.wiring is not None and s.wiring.dropout >= DROPPED:
        yield Verdict(
            name=marked("too much dropout"),
            meaning=marked("A layer of dropout leaves out most of what it is given, so that little can be learned."),
            evidence=worded("a share of {share:g} (below {most:g})", share=s.wiring.dropout, most=DROPPED),
            remedies=(Remedy(words=marked("dropout of 0.3 or less, in the critic alone")),),
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
            Remedy(words=marked("or end the generator with what gives the data's range: tanh for -1 to 1")),
        ),
    )
