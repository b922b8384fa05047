"""Facts of measures and of the parts of training hold for the product, and every wrong form violates at least one."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import measure_facts
import part_facts
import set_facts
from facts import load_source
from gradpen import auxiliary, batch, optimizers
from gradpen.metrics import copies, critic, features, generator, neighbours, samples, sets
from gradpen.networks import fused, layers, norms, spectral

PRODUCT: dict[str, Any] = {
    "critic": critic,
    "samples": samples,
    "neighbours": neighbours,
    "generator": generator,
    "copies": copies,
    "auxiliary": auxiliary,
    "optimizers": optimizers,
    "layers": layers,
    "fused": fused,
    "norms": norms,
    "spectral": spectral,
    "batch": batch,
    "sets": sets,
    "features": features,
}
FACTS: dict[str, list[Callable[[Any], None]]] = measure_facts.FACTS | part_facts.FACTS | set_facts.FACTS
CASES = [pytest.param(name, fact, id=fact.__name__) for name, found in FACTS.items() for fact in found]

MUTANTS = [
    # what is wrong with it, module, right text, wrong text
    (
        "gap of samples minus data",
        "critic",
        "real_scores.mean() - fake_scores.mean()",
        "fake_scores.mean() - real_scores.mean()",
    ),
    ("deviation sold as standard error", "critic", "real_scores.var() / real_scores.numel()", "real_scores.var()"),
    ("error with the number of data for both", "critic", "fake_scores.var() / fake", "fake_scores.var() / real"),
    ("error of whole populations", "critic", "= real_scores.var()", "= real_scores.var(correction=0)"),
    ("squared error", "critic", "math.sqrt(spread.item())", "spread.item()"),
    ("one score of either kind accepted", "critic", "fake_scores.numel()) < 2", "fake_scores.numel()) < 1"),
    ("samples not counted", "critic", "if min(real_scores.numel(), fake_scores.numel()) <", "if real_scores.numel() <"),
    ("slopes at the data", "critic", "(interpolate(real, fake), real, fake)", "(real, real, fake)"),
    ("samples before data", "critic", "fake), real, fake)", "fake), fake, real)"),
    ("slopes where no gradient is taken", "critic", "with torch.enable_grad():", "if True:"),
    (
        "slopes walked back into the critic",
        "critic",
        "{place: gradient_norm(score, each).detach() for",
        "{place: (gradient_norm(score, each).sum().backward(), gradient_norm(score, each))[1].detach() for",
    ),
    ("quotients of any sign", "critic", ".flatten().abs() / apart", ".flatten() / apart"),
    ("quotients of equal points", "critic", "quotients[apart > 0].max()", "quotients.max()"),
    ("the mean quotient", "critic", "quotients[apart > 0].max()", "quotients[apart > 0].mean()"),
    ("a step without its momentum", "critic", 'kept.get("exp_avg", gradient)', "gradient"),
    ("a step along the gradient", "critic", '(root + group["eps"])', "1"),
    ("squares for roots", "critic", ".double().sqrt() for name", ".double() for name"),
    ("weights at the upper bound alone", "critic", "p.detach().abs() >=", "p.detach() >="),
    ("near the bound is at it", "critic", "(1 - 1e-6)", "0.9"),
    ("biases for layers", "critic", " and parameter.dim() > 1", ""),
    ("norms added", "critic", "torch.linalg.vector_norm(torch.stack(norms))", "torch.stack(norms).sum()"),
    ("float32 squares", "critic", "vector_norm(p.grad, dtype=torch.float64)", "vector_norm(p.grad.square()) ** 0.5"),
    ("no gradient, no number", "critic", "if norms else 0.0", "if norms else math.nan"),
    ("dropout while measuring", "critic", "    critic.eval()\n", "    critic.train()\n"),
    ("moving statistics for the batch's", "critic", "        norm.train()\n", "        norm.eval()\n"),
    ("moving statistics moved", "critic", "norm.track_running_stats = False", "norm.track_running_stats = True"),
    (
        "all statistics tracked afterwards",
        "critic",
        "norm.track_running_stats = tracked",
        "norm.track_running_stats = True",
    ),
    ("modes lost by an exception", "critic", "    try:\n        yield\n    finally:", "    yield\n    if True:"),
    ("modes of the outer modules alone", "critic", "in critic.modules()}", "in (critic, *critic.children())}"),
    ("score 0 taken for data", "critic", "(real_scores > 0)", "(real_scores >= 0)"),
    ("points paired as they come", "samples", "costs[linear_sum_assignment(costs)]", "costs.diagonal()"),
    ("distances by matrix products", "samples", "donot_use_mm_for", "use_mm_for"),
    ("directions of any length", "samples", "    along /= along.norm(dim=0)\n", ""),
    ("projections paired as they come", "samples", "(one @ along).sort(dim=0).values", "(one @ along)"),
    ("squares along directions", "samples", ".abs().mean())", ".square().mean())"),
    ("half the distance between", "samples", "2 * between(one, other)", "between(one, other)"),
    ("points paired with themselves", "samples", "torch.pdist(one).mean()", "between(one, one).mean()"),
    ("energy of one point", "samples", "if len(one) < 2:", "if len(one) < 1:"),
    ("sets of any shape", "samples", "if one.shape != other.shape:", "if False:"),
    (
        "every image paired with itself too",
        "samples",
        "torch.pdist(images.detach().flatten(1).double())",
        "torch.cdist(*[images.flatten(1).double()] * 2)",
    ),
    ("diversity of one image", "samples", "if len(images) < 2:", "if len(images) < 1:"),
    (
        "eight neighbours",
        "samples",
        "LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))",
        "LAPLACIAN = ((1.0, 1.0, 1.0), (1.0, -8.0, 1.0), (1.0, 1.0, 1.0))",
    ),
    ("sharpness of samples of pixels", "samples", "correction=0", "correction=1"),
    (
        "sharpness as a mean square",
        "samples",
        ".flatten(1).var(dim=1, correction=0)",
        ".flatten(1).square().mean(dim=1)",
    ),
    ("sharpness of the first channel", "samples", "images.mean(dim=1, keepdim=True)", "images[:, :1]"),
    ("the last of equally near images", "neighbours", "sums < best", "sums <= best"),
    ("places within a part", "neighbours", "places + start", "places"),
    ("places for rows", "neighbours", "rows=rows[found.numpy()]", "rows=found.numpy()"),
    ("rows not asked for", "neighbours", "images[rows[start : start + step]]", "images[start : start + step]"),
    ("Euclidean distance", "neighbours", "p=1", "p=2"),
    ("error summed over pixels", "neighbours", "best.double().numpy() / size", "best.double().numpy()"),
    ("always float32", "neighbours", "if 255 * size < EXACT_FLOAT32", "if True"),
    ("as many images as there are to train on", "generator", "len(source.train) // 2)", "len(source.train))"),
    ("images drawn twice", "generator", "replace=False", "replace=True"),
    ("held-out images in a training set", "generator", "choice(source.train,", "choice(len(source.images),"),
    ("the same training set every time", "generator", "key=number", "key=0"),
    (
        "training images for held-out ones",
        "generator",
        "spread_out(source.held_out, count)",
        "spread_out(source.train, count)",
    ),
    ("labels of other images", "generator", "label_vectors(source, rows)", "label_vectors(source, rows[::-1])"),
    (
        "samples with labels in turn",
        "generator",
        "seed, held_out.labels)",
        "seed, None if held_out.labels is None else held_out.labels.roll(1, 0))",
    ),
    (
        "held-out labels forgotten",
        "generator",
        "set_size(source, limit), conditional=conditional)",
        "set_size(source, limit), conditional=False)",
    ),
    ("deviation of a population", "generator", "statistics.stdev(", "statistics.pstdev("),
    ("the same latents for every set", "generator", '"evaluate", number)', '"evaluate", 0)'),
    ("floor of held-out images", "generator", "(training_set(source, len(held_out), number) for", "(held_out for"),
    (
        "samples sold as data",
        "generator",
        "((measure.name, one), (measure.real_name, other))",
        "((measure.name, other), (measure.real_name, one))",
    ),
    (
        "diversity of held-out images",
        "generator",
        "lambda made, _: diversity(made.images)",
        "lambda _, made: diversity(made.images)",
    ),
    ("mean sharpness", "generator", "sharpness(made.images).median()", "sharpness(made.images).mean()"),
    (
        "data and samples exchanged",
        "generator",
        "(held_out.features, made.features)",
        "(made.features, held_out.features)",
    ),
    ("few images for nearest neighbours", "generator", "fewest=NEIGHBOURS + 1", "fewest=2"),
    ("kernel distance as it is", "generator", "1000 * kernel_distance", "kernel_distance"),
    ("images of 3x3 left out", "generator", ">= measure.smallest_side", "> measure.smallest_side"),
    ("copies at the threshold too", "copies", "distances < COPY", "distances <= COPY"),
    ("copies of held-out images", "copies", "np.flatnonzero(self.train.", "np.flatnonzero(self.held_out."),
    ("a verdict in spite of duplicates", "copies", "if smallest == 0:", "if False:"),
    (
        "real images sought among themselves",
        "copies",
        "real=nearest_images(real, images, source.train)",
        "real=nearest_images(real, images, source.held_out)",
    ),
    ("training images drawn twice", "copies", "replace=False", "replace=True"),
    (
        "all training images for the fair comparison",
        "copies",
        "min(len(source.held_out), len(source.train))",
        "len(source.train)",
    ),
    (
        "class loss smoothed",
        "auxiliary",
        "cross_entropy(logits, labels)",
        "cross_entropy(logits, labels, label_smoothing=0.1)",
    ),
    ("the last output as score", "auxiliary", "outputs[:, 0], outputs[:, 1:]", "outputs[:, -1], outputs[:, :-1]"),
    ("labels not asked for", "auxiliary", "if batch.labels is None:", "if False:"),
    ("class loss without its weight", "auxiliary", "extra.critic_weight * classes)", "classes)"),
    ("samples not classified", "auxiliary", "if extra.on_samples:", "if False:"),
    (
        "class loss of critic returned with its weight",
        "auxiliary",
        "append(classes.detach())\n    gan.critic",
        "append(extra.critic_weight * classes.detach())\n    gan.critic",
    ),
    (
        "penalty on classes too",
        "auxiliary",
        "constraint.penalty(gan.score_to_penalise(part),",
        "constraint.penalty(lambda images: gan.critic.network(images).sum(1),",
    ),
    ("critic's parts summed", "auxiliary", "critic_weight * classes) / parts)", "critic_weight * classes))"),
    ("old gradients of the critic kept", "auxiliary", "    gan.critic_optimizer.zero_grad()\n", ""),
    ("generator in the critic's graph", "auxiliary", "with torch.no_grad():", "if True:"),
    ("generator's loss kept by the critic", "auxiliary", "with gan.critic_held_still():", "if True:"),
    (
        "clipped before the step",
        "auxiliary",
        "    gan.critic_optimizer.step()\n    constraint.project(gan.critic)\n",
        "    constraint.project(gan.critic)\n    gan.critic_optimizer.step()\n",
    ),
    ("one critic step only", "auxiliary", "enumerate(batches,", "enumerate(list(batches)[:1],"),
    (
        "decays exchanged",
        "optimizers",
        "betas=(float(self.beta1), float(number(self.beta2)))",
        "betas=(float(number(self.beta2)), float(self.beta1))",
    ),
    ("half-life as a decay", "optimizers", "0.5 ** (images /", "0.5 ** (1 /"),
    ("half-life upside down", "optimizers", "0.5 ** (images / max(half_life, 1e-8))", "0.5 ** (half_life / images)"),
    ("half-life never shorter", "optimizers", "min(half_life, self.ramp_up * seen)", "half_life"),
    ("half-life from the ramp alone", "optimizers", "min(half_life, self.ramp_up * seen)", "self.ramp_up * seen"),
    ("rate that stays", "optimizers", 'group["lr"] = number(choice.learning_rate)', "pass"),
    ("second decay that stays", "optimizers", "float(number(choice.beta2)))\n\n\n", 'group["betas"][1])\n\n\n'),
    ("AMSGrad", "optimizers", "fused=True", "amsgrad=True"),
    ("centred squares", "optimizers", "eps=self.eps, foreach=True", "eps=self.eps, centered=True"),
    ("squares from 0", "optimizers", "torch.ones_like(parameter)", "torch.zeros_like(parameter)"),
    (
        "epsilon outside the root",
        "optimizers",
        'torch._foreach_sqrt(torch._foreach_add(squares, group["eps"]))',
        'torch._foreach_add(torch._foreach_sqrt(squares), group["eps"])',
    ),
    ("average with the decays exchanged", "optimizers", "1 - decay)", "decay)"),
    ("moving statistics left behind", "optimizers", "kept.copy_(new)", "pass"),
    (
        "the network for its copy",
        "optimizers",
        "copy.deepcopy(network).requires_grad_(False)",
        "network.requires_grad_(False)",
    ),
    ("slow bias forgotten", "layers", ".add_(bias.view(-1, *[1] * (x.dim() - 2)))", ""),
    (
        "bias not learned in one call",
        "layers",
        "mask = (wants_x, wants_weight, wants_bias)",
        "mask = (wants_x, wants_weight, False)",
    ),
    (
        "input gradient blind to the weight",
        "layers",
        "apply(InputGradient, gradient, weight, x.detach()",
        "apply(InputGradient, gradient, weight.detach(), x.detach()",
    ),
    (
        "weight gradient blind to the input",
        "layers",
        "apply(WeightGradient, gradient, x, weight.detach()",
        "apply(WeightGradient, gradient, x.detach(), weight.detach()",
    ),
    (
        "penalty that teaches convolutions nothing",
        "layers",
        "weight.detach(), ctx.geometry) if ctx.needs_input_grad[1]",
        "weight.detach(), ctx.geometry) if False",
    ),
    ("padding mode ignored", "layers", 'self.padding_mode != "zeros" or ', ""),
    ("output padding ignored", "layers", " or self.output_padding != (0, 0)", ""),
    ("leaky ReLU of slope 0.2", "layers", "leaky_relu(x, slope)", "leaky_relu(x, 0.2)"),
    (
        "second gradient unbent",
        "layers",
        "gradients[0], x.detach(), ctx.slope), None, None",
        "gradients[0], x.detach(), 1.0), None, None",
    ),
    (
        "zeros sent through the network",
        "layers",
        "apply(BendGradient, gradients[0], x.detach(), ctx.slope), None\n",
        "apply(BendGradient, gradients[0], x, ctx.slope), None\n",
    ),
    (
        "penalty that teaches linear layers nothing",
        "layers",
        "apply(OuterProduct, gradient, second) if ctx.needs_input_grad[1]",
        "apply(OuterProduct, gradient, second) if False",
    ),
    ("all gradients taken anyway", "layers", "WANTED.parameters, False", "WANTED.parameters, True"),
    (
        "parameters' gradients left out for good",
        "layers",
        "    try:\n        yield\n    finally:\n        WANTED",
        "    yield\n    if True:\n        WANTED",
    ),
    ("a corner twice", "fused", "CORNERS = ((0, 1, 0, 1), (1, 0, 0, 1)", "CORNERS = ((0, 1, 0, 1), (0, 1, 0, 1)"),
    ("sums for means", "fused", "in_four_places(self.weight) / 4", "in_four_places(self.weight)"),
    ("weight not turned", "fused", "self.weight.flip(2, 3)", "self.weight"),
    (
        "pooled before the convolution",
        "fused",
        "avg_pool2d(super().forward(x), 2)",
        "super().forward(avg_pool2d(x, 2))",
    ),
    ("enlarged smoothly", "fused", 'mode="nearest"', 'mode="bilinear"'),
    ("variance of a population moved", "norms", "variance * values / (values - 1)", "variance"),
    ("no epsilon", "norms", "(variance + norm.eps)", "variance"),
    ("statistics of all processes while looking", "norms", " or not norm.track_running_stats", ""),
    (
        "transposed convolution by its inputs",
        "spectral",
        "outputs = 1 if isinstance(layer, _ConvTransposeNd) else 0",
        "outputs = 0",
    ),
    ("power iterations in evaluation", "spectral", "if self.training:", "if True:"),
    (
        "singular value without a gradient",
        "spectral",
        "torch.mv(matrix, self._v.clone())",
        "torch.mv(matrix.detach(), self._v.clone())",
    ),
    ("singular vector changed under the graph", "spectral", "self._u.clone()", "self._u"),
    ("zero over zero", "spectral", "torch.where(sigma == 0, 1.0, sigma)", "sigma"),
    (
        "direction lost at zero",
        "spectral",
        "torch.where(new.any(), normalize(new, dim=0, eps=EPSILON), mine)",
        "normalize(new, dim=0, eps=EPSILON)",
    ),
    ("labels of the first part", "batch", "self.labels[rows]", "self.labels[: len(self.images[rows])]"),
    ("parts that leave a rest", "batch", "len(self) % count or not len(self)", "not len(self)"),
    ("a batch of nothing divided", "batch", " or not len(self):", ":"),
    ("samples before data", "batch", "torch.cat([self.images, samples])", "torch.cat([samples, self.images])"),
    (
        "labels of samples turned round",
        "batch",
        "torch.cat([self.labels, self.labels])",
        "torch.cat([self.labels, self.labels.flip(0)])",
    ),
    (
        "distance of means, not its square",
        "sets",
        "(one.mean(0) - other.mean(0)).square().sum()",
        "(one.mean(0) - other.mean(0)).norm()",
    ),
    ("covariances divided by n", "sets", "(len(points) - 1) ** 0.5", "len(points) ** 0.5"),
    ("spread about zero", "sets", "[(points - points.mean(0)) /", "[points /"),
    ("spreads without their overlap", "sets", "means + spreads - 2 * shared", "means + spreads"),
    ("overlap of one spread", "sets", "first @ second.T", "first @ first.T"),
    ("overlap of few vectors, one kind", "sets", "roots[0] @ roots[1].T", "roots[0] @ roots[0].T"),
    (
        "trace for the nuclear norm",
        "sets",
        'matrix_norm(first @ second.T, "nuc")',
        'matrix_norm(first @ second.T, "fro")',
    ),
    (
        "vectors paired with themselves",
        "sets",
        "(products.sum() - products.diagonal().sum()) / (len(points) * (len(points) - 1))",
        "products.mean()",
    ),
    ("kernel without its dimension", "sets", "a @ b.T / a.shape[1] + 1", "a @ b.T + 1"),
    ("square kernel", "sets", ".pow(3)", ".pow(2)"),
    ("between counted once", "sets", "- 2 * kernel(one, other)", "- kernel(one, other)"),
    ("a vector its own neighbour", "sets", "kthvalue(k + 1)", "kthvalue(k)"),
    ("precision by the samples' reach", "sets", "between <= reach_of_real[:, None]", "between <= reach_of_real.max()"),
    ("recall by the data's reach", "sets", "(between <= reach_of_fake[None]).any(1)", "within_real.any(1)"),
    ("density not over k", "sets", "mean().item() / k", "mean().item()"),
    ("coverage of samples", "sets", "coverage=within_real.any(1)", "coverage=within_real.any(0)"),
    ("vectors of other lengths", "sets", "one.shape[1] != other.shape[1]", "False"),
    ("too few vectors", "sets", "if min(len(one), len(other)) < fewest:", "if False:"),
    ("features by the caller's randomness", "features", ", generator=generator)", ")"),
    ("one set of filters for all layers", "features", '"random features", number', '"random features", 0'),
    ("filters that see brightness", "features", "    filters -= filters.mean((1, 2, 3), keepdim=True)\n", ""),
    ("filters of any length", "features", "filters / filters.flatten(1).norm(dim=1)[:, None, None, None]", "filters"),
    (
        "features of the last part",
        "features",
        "return torch.cat([features_of_part(part.float())",
        "return torch.stack([features_of_part(part.float()).mean(0)",
    ),
    (
        "layout averaged away",
        "features",
        "adaptive_avg_pool2d(maps, GRID).flatten(1)",
        "maps.mean((2, 3)).repeat(1, GRID * GRID)",
    ),
    ("scales smaller than they may be", "features", "< 2 * SMALLEST_SCALE", "< 1"),
]


@cache
def mutant(module: str, old: str, new: str) -> ModuleType:
    """Return the module with its one place of that text changed."""
    source = Path(PRODUCT[module].__file__).read_text()
    assert source.count(old) == 1, f"{module}.py reads {old!r} in {source.count(old)} places"
    return load_source(f"mutant_{module}", source.replace(old, new))


def violated(fact: Callable[[Any], None], module: ModuleType) -> bool:
    """Return whether the fact does not hold of a wrong form; a misspelt one is no wrong form and raises."""
    try:
        fact(module)
    except NameError:
        raise
    except (Exception, pytest.fail.Exception):
        return True
    return False


@pytest.mark.parametrize(("module", "fact"), CASES)
def test_fact_holds(module: str, fact: Callable[[Any], None]) -> None:
    fact(PRODUCT[module])


@pytest.mark.parametrize(("wrong", "module", "old", "new"), MUTANTS, ids=[m[0].replace(" ", "-") for m in MUTANTS])
def test_wrong_form_is_noticed(wrong: str, module: str, old: str, new: str) -> None:
    changed = mutant(module, old, new)
    assert any(violated(fact, changed) for fact in FACTS[module]), f"no fact notices: {wrong}"


@pytest.mark.parametrize(("module", "fact"), CASES)
def test_fact_is_violated_by_some_wrong_form(module: str, fact: Callable[[Any], None]) -> None:
    mutants = (mutant(name, old, new) for _, name, old, new in MUTANTS if name == module)
    assert any(violated(fact, changed) for changed in mutants)
