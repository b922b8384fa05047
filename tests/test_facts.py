"""The facts hold for the product, and every known wrong form of Algorithm 1 violates at least one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import facts
from gradpen import algorithm, coupling, gan, lipschitz, objectives, penalties

PRODUCT = facts.Modules(
    objectives=objectives, penalties=penalties, lipschitz=lipschitz, coupling=coupling, algorithm=algorithm, gan=gan
)

MUTANTS = [
    # what is wrong with it (as found in public code), module, right text, wrong text
    ("norm over one axis only", "penalties", "gradient.flatten(1), dim=1)", "gradient, dim=1)"),
    ("norm over the whole batch", "penalties", "gradient.flatten(1), dim=1)", "gradient).expand(len(points))"),
    ("one epsilon per pixel", "penalties", "(len(real), *[1] * (real.dim() - 1))", "real.shape"),
    ("one epsilon per batch", "penalties", "(len(real), *[1] * (real.dim() - 1))", "[1] * real.dim()"),
    ("normal epsilon", "penalties", "torch.rand_like if epsilon ==", "torch.randn_like if epsilon =="),
    ("normal epsilon refused", "penalties", "else torch.randn_like", "else torch.rand_like"),
    ("penalty at the data only", "penalties", "torch.lerp(fake.detach(), real.detach(), shares)", "real.detach()"),
    ("fakes not detached", "penalties", "torch.lerp(fake.detach(), real", "torch.lerp(fake, real"),
    ("no create_graph", "penalties", "points, create_graph=True)", "points, retain_graph=True)"),
    (
        "square root without a guard",
        "penalties",
        "torch.linalg.vector_norm(gradient.flatten(1), dim=1)",
        "gradient.flatten(1).square().sum(1).sqrt()",
    ),
    ("slopes squared, not their distance to 1", "penalties", "excess = slopes - target", "excess = slopes"),
    ("no square", "penalties", "excess.square().mean()", "excess.abs().mean()"),
    ("sum over the batch", "penalties", "excess.square().mean()", "excess.square().sum()"),
    ("one-sided after the square", "penalties", "excess.clamp(min=0)", "excess.square().clamp(min=0)"),
    ("one-sided the wrong way round", "penalties", "excess.clamp(min=0)", "excess.clamp(max=0)"),
    ("weight twice", "penalties", "return ends * weight * slope", "return ends * weight * weight * slope"),
    ("weight forgotten", "penalties", "return ends * weight * slope", "return ends * slope"),
    ("weight fixed", "lipschitz", "weight=number(self.weight),", "weight=10,"),
    ("one batch for the generator", "algorithm", "batch.repeated(generator_batches)", "batch"),
    ("shared samples attached", "algorithm", "else fakes.detach()", "else fakes"),
    ("shared samples made anew", "algorithm", "gan.generate(part) if fakes is None else fakes)", "gan.generate(part))"),
    ("samples shared unasked", "algorithm", "gan.generate(batch) if share_samples else None", "gan.generate(batch)"),
    ("R1 and R2 averaged", "penalties", 'ends = 2 if where == "both" else 1', "ends = 1"),
    ("R1 twice", "penalties", "torch.cat([real, fake]).detach()", "torch.cat([real, real]).detach()"),
    ("both ends at once", "penalties", "points.split(len(real))", "[points]"),
    ("lazy, not made up for", "lipschitz", "weight=constraint.every * number", "weight=number"),
    ("lazy at the wrong step", "lipschitz", "if step % constraint.every:", "if not step % constraint.every:"),
    ("lazy, counted anew", "algorithm", "enumerate(batches, steps_before + 1)", "enumerate(batches, 1)"),
    ("lazy, counted from 0", "algorithm", "enumerate(batches, steps_before + 1)", "enumerate(batches, steps_before)"),
    ("target ignored", "penalties", "excess = slopes - target", "excess = slopes - 1"),
    ("penalty everywhere on the line", "penalties", 'if where == "line":', "if True:"),
    ("R1 at the samples", "penalties", 'real if where == "real" else fake', 'fake if where == "real" else real'),
    ("noise as wide as the data", "penalties", "0.5 * deviation(real)", "5 * deviation(real)"),
    ("divergence on data only", "lipschitz", "for points in (real, fake)]", "for points in (real, real)]"),
    ("divergence averaged, not summed", "lipschitz", ".pow(self.power).mean(1).sum()", ".pow(self.power).mean()"),
    ("divergence with k for k / 2", "lipschitz", "return self.k / 2 *", "return self.k *"),
    ("spectral norm on nothing", "lipschitz", "normalise_spectrum(module,", "max(1,"),
    ("batch norm accepted", "coupling", "if isinstance(module, _BatchNorm):", "if False:"),
    ("penalty without a look at coupling", "penalties", "    refuse_coupling(critic, points[: len(real)])\n", ""),
    ("divergence without a look at coupling", "lipschitz", "        refuse_coupling(score, real)\n", ""),
    ("coupling not looked for", "coupling", "    if coupling > allowed:\n", "    if False:\n"),
    ("a probe that moves the draws", "coupling", "with separate_randomness():", "if True:"),
    ("a probe with new draws in each call", "coupling", 'seed_everything(0, "coupling", 0)', "None"),
    ("a score per batch accepted", "penalties", "or scores.numel() != len(points):", "and False:"),
    ("nothing clipped", "lipschitz", "parameter.clamp_(", "parameter.clamp("),
    ("clipped to the wrong side", "lipschitz", "clamp_(-self.threshold,", "clamp_(0,"),
    ("critic loss with the wrong sign", "objectives", "fake_scores.mean() - real", "-fake_scores.mean() + real"),
    (
        "critic loss with a penalty on drift",
        "objectives",
        "return fake_scores.mean() - real_scores.mean()",
        "return fake_scores.mean() - real_scores.mean() + 1e-3 * real_scores.square().mean()",
    ),
    (
        "generator lowers its scores",
        "objectives",
        'raises the scores of its samples."""\n        return -fake',
        'raises the scores of its samples."""\n        return fake',
    ),
    (
        "hinge generator lowers its scores",
        "objectives",
        '``-mean(fake)``."""\n        return -fake',
        '``-mean(fake)``."""\n        return fake',
    ),
    ("fakes scored as data", "objectives", "softplus(fake_scores).mean())", "softplus(-fake_scores).mean())"),
    ("cross-entropies not halved", "objectives", "return 0.5 * (softplus(-real", "return (softplus(-real"),
    ("cross-entropies with targets not halved", "objectives", "return 0.5 * (entropy(", "return (entropy("),
    (
        "saturating loss sold as non-saturating",
        "objectives",
        "return softplus(-fake_scores).mean()",
        "return -softplus(fake_scores).mean()",
    ),
    (
        "logarithm of a probability",
        "objectives",
        "return softplus(-fake_scores).mean()",
        "return -fake_scores.sigmoid().log().mean()",
    ),
    (
        "non-saturating loss sold as minimax",
        "objectives",
        "return -softplus(fake_scores).mean()",
        "return softplus(-fake_scores).mean()",
    ),
    ("least squares not halved", "objectives", "0.5 * ((real_scores - 1)", "1.0 * ((real_scores - 1)"),
    ("least squares with exchanged targets", "objectives", "(real_scores - 1).square()", "real_scores.square()"),
    (
        "least-squares generator drawn to 0",
        "objectives",
        "return (fake_scores - 1).square()",
        "return fake_scores.square()",
    ),
    ("hinge without a margin for data", "objectives", "(1 - real_scores).relu()", "(-real_scores).relu()"),
    ("hinge on the wrong side for samples", "objectives", "(1 + fake_scores).relu()", "(1 - fake_scores).relu()"),
    (
        "relativistic pair exchanged",
        "objectives",
        "softplus(fake_scores - real_scores)",
        "softplus(real_scores - fake_scores)",
    ),
    (
        "average of one's own kind",
        "objectives",
        "real_scores - average(fake_scores), fake",
        "real_scores - real_scores.mean(), fake",
    ),
    ("targets beyond the bounds", "objectives", "if not self.beyond_bounds and not all", "if False and not all"),
    ("no target flipped", "objectives", "if flip > 0:", "if False:"),
    (
        "relativistic generator without data",
        "algorithm",
        "relative_generator_loss(score(part.images)",
        "relative_generator_loss(0 * score(part.images)",
    ),
    ("never clipped", "algorithm", "    constraint.project(gan.critic)\n", ""),
    (
        "clipped before the step",
        "algorithm",
        "    gan.critic_optimizer.step()\n    constraint.project(gan.critic)\n",
        "    constraint.project(gan.critic)\n    gan.critic_optimizer.step()\n",
    ),
    ("penalty left out", "algorithm", "((loss + penalty) /", "(loss /"),
    ("penalty subtracted", "algorithm", "((loss + penalty) /", "((loss - penalty) /"),
    ("penalty twice", "algorithm", "((loss + penalty) /", "((loss + penalty + penalty) /"),
    (
        "loss of the last part",
        "algorithm",
        "losses[0] if len(losses) == 1 else torch.stack(losses).mean()",
        "losses[-1]",
    ),
    ("no batch, no word", "algorithm", "if batch is None:", "if False:"),
    ("parts summed by the critic", "algorithm", "((loss + penalty) / parts)", "(loss + penalty)"),
    ("parts summed by the generator", "algorithm", "(loss / parts)", "loss"),
    ("scores exchanged", "gan", "return real_scores, fake_scores", "return fake_scores, real_scores"),
    ("batch norm over both", "gan", "if not self.one_pass or any(", "if not self.one_pass and any("),
    (
        "fakes of other labels",
        "gan",
        "partial(self.generator, labels=batch.labels)",
        "partial(self.generator, labels=batch.labels.roll(1, 0))",
    ),
    (
        "scores of other labels",
        "gan",
        "partial(self.critic, labels=batch.labels)",
        "partial(self.critic, labels=batch.labels.roll(1, 0))",
    ),
    (
        "penalty with other labels",
        "algorithm",
        "constraint.penalty(gan.score_to_penalise(part),",
        "constraint.penalty(gan.score_to_penalise(Batch(images=part.images, labels=batch.labels if batch.labels is "
        "None else batch.labels.flip(0))),",
    ),
    (
        "gap with the penalty",
        "algorithm",
        "losses.append(loss.detach())\n        pen",
        "losses.append((loss + penalty).detach())\n        pen",
    ),
    ("generator in the critic's graph", "algorithm", "with torch.no_grad():", "if True:"),
    ("critic gradients kept", "algorithm", "    gan.critic_optimizer.zero_grad()\n", ""),
    ("generator gradients kept", "algorithm", "    gan.generator_optimizer.zero_grad()\n", ""),
    ("critic trained by the generator's loss", "algorithm", "with gan.critic_held_still():", "if True:"),
    ("critic left frozen", "gan", "parameter.requires_grad_(True)", "parameter.requires_grad_(False)"),
    (
        "the same latents in every step",
        "gan",
        "draw_for_all(torch.randn_like, empty)",
        "torch.randn(empty.shape, generator=torch.Generator().manual_seed(0))",
    ),
    ("one critic step too many", "algorithm", "enumerate(batches,", "enumerate((*batches,) * 2,"),
    ("one critic step only", "algorithm", "enumerate(batches,", "enumerate(list(batches)[:1],"),
]


@pytest.mark.parametrize("fact", facts.FACTS, ids=lambda fact: fact.__name__)
def test_fact_holds(fact: Callable[[facts.Modules], None]) -> None:
    fact(PRODUCT)


@pytest.mark.parametrize(("wrong", "module", "old", "new"), MUTANTS, ids=[m[0].replace(" ", "-") for m in MUTANTS])
def test_wrong_form_is_noticed(wrong: str, module: str, old: str, new: str) -> None:
    original = getattr(PRODUCT, module)
    source = Path(original.__file__).read_text()
    assert source.count(old) == 1, f"{module}.py reads {old!r} in {source.count(old)} places"
    changed = facts.load_source(f"mutant_{module}", source.replace(old, new))
    modules = facts.Modules(**{**vars(PRODUCT), module: changed})
    if module == "penalties":
        # What constraints make of the changed penalties is looked at as well.
        around = Path(lipschitz.__file__).read_text().replace("from gradpen.penalties", "from mutant_penalties")
        modules = replace(modules, lipschitz=facts.load_source("mutant_lipschitz", around))
    assert any(violated(fact, modules) for fact in facts.FACTS), f"no fact notices: {wrong}"


def violated(fact: Callable[[facts.Modules], None], modules: facts.Modules) -> bool:
    """Return whether the fact does not hold of a wrong form; a misspelt one is no wrong form and raises."""
    try:
        fact(modules)
    except NameError:
        raise
    except (Exception, pytest.fail.Exception):
        return True
    return False
