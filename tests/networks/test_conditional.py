"""Labels in networks: each way changes what it should, counts as published, and refuses what it cannot do."""

from typing import Any

import pytest
import torch
from torch import nn

from gradpen.data.labels import LabelSpace
from gradpen.errors import UsageError
from gradpen.networks.dcgan import DcganCritic, DcganGenerator
from gradpen.networks.fused import EnlargedConvolution
from gradpen.networks.labels import ClassifyingCritic, ConditionalBatchNorm, ConditionalCritic, Embedding
from gradpen.networks.layers import TransposedConvolution
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.networks.residual import ResidualCritic, ResidualGenerator
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator

UP = (
    Stage(channels=4, kernel=4, stride=1, way="up", valid=True, norm="conditional-batch"),
    Stage(way="up", activation="tanh"),
)
GENERATORS: list[Any] = [
    MlpGenerator(widths=(8,), labels="concatenate"),
    MlpGenerator(widths=(8, 8), labels="embed", label_features=5),
    MlpGenerator(widths=(8,), labels="multiply"),
    DcganGenerator(width=4, labels="concatenate"),
    DcganGenerator(width=4, labels="embed"),
    DcganGenerator(width=4, labels="multiply", way="upsample"),
    DcganGenerator(width=4, labels="norm"),
    StagedGenerator(latent_dim=6, stages=UP, labels="norm"),
    ResidualGenerator(width=4, labels="norm"),
    ResidualGenerator(width=4, labels="concatenate"),
    StagedGenerator(latent_dim=6, stages=UP, labels="concatenate"),
]
CRITICS: list[Any] = [
    MlpCritic(widths=(8,), labels="planes"),
    MlpCritic(widths=(8, 8), labels="embed", dropout=0.4),
    DcganCritic(width=4, labels="planes"),
    DcganCritic(width=4, labels="embed"),
    StagedCritic(stages=(Stage(channels=4),), labels="planes"),
    ResidualCritic(width=4, labels="planes"),
    StagedCritic(stages=(Stage(channels=1, stride=1, kernel=8, valid=True, activation="none"),), labels="embed"),
]
CLASSIFYING: list[Any] = [
    MlpCritic(widths=(8,), labels="classify"),
    DcganCritic(width=4, labels="classify"),
    StagedCritic(stages=(Stage(channels=4),), labels="classify"),
    ResidualCritic(width=4, labels="classify"),
]
LABELS = torch.eye(3)[[0, 1, 2, 2]]


@pytest.mark.parametrize("choice", GENERATORS, ids=repr)
def test_a_sample_depends_on_its_own_label(choice: Any) -> None:
    torch.manual_seed(0)
    network = choice.build((1, 8, 8), 3)
    for module in network.modules():
        if isinstance(module, ConditionalBatchNorm):
            nn.init.normal_(module.offset)
    network.eval()
    latents = torch.randn(4, choice.latent_dim)
    before = network(latents, LABELS)
    assert before.shape == (4, 1, 8, 8)
    changed = LABELS.clone()
    changed[1] = torch.tensor([1.0, 0.0, 0.0])
    differs = (network(latents, changed) - before).abs().flatten(1).amax(1) > 1e-7
    assert differs.tolist() == [False, True, False, False]


@pytest.mark.parametrize("choice", CRITICS, ids=repr)
def test_a_score_depends_on_its_own_label(choice: Any) -> None:
    torch.manual_seed(0)
    network = choice.build((1, 8, 8), 3).eval()
    images = torch.randn(4, 1, 8, 8)
    before = network(images, LABELS)
    assert before.shape == (4,)
    differs = (network(images, LABELS.flip(1)) - before).abs() > 1e-7
    assert differs.tolist() == [True, False, True, True]


@pytest.mark.parametrize("choice", CLASSIFYING, ids=repr)
def test_a_classifying_critic_has_two_outputs(choice: Any) -> None:
    torch.manual_seed(0)
    network = choice.build((1, 8, 8), 3)
    assert isinstance(network, ClassifyingCritic)
    images = torch.randn(4, 1, 8, 8)
    scores, logits = network.judge(images)
    assert (scores.shape, logits.shape) == ((4,), (4, 3))
    assert torch.equal(network(images, LABELS), scores)


def test_planes_are_the_label_everywhere() -> None:
    """The published form for faces: image channels first, then one constant plane for each label."""
    seen = []

    class Remember(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return x[:, 0, 0, 0]

    images = torch.randn(4, 2, 3, 5)
    ConditionalCritic(Remember(), None, flat=False)(images, LABELS)
    assert torch.equal(seen[0][:, :2], images)
    assert torch.equal(seen[0][:, 2:], LABELS[:, :, None, None].expand(4, 3, 3, 5))


def test_an_embedding_of_a_class_is_its_row() -> None:
    embedding = Embedding(3, 5)
    table = nn.Embedding.from_pretrained(embedding.weight.detach())
    assert torch.equal(embedding(LABELS).detach(), table(LABELS.argmax(1)))


def test_conditional_batch_norm_starts_as_batch_norm_and_learns_a_row_for_each_label() -> None:
    torch.manual_seed(0)
    norm = ConditionalBatchNorm(2, 3, eps=1e-5, momentum=0.1)
    x = torch.randn(4, 2, 5, 5)
    plain = nn.functional.batch_norm(x, None, None, training=True, eps=1e-5)
    assert torch.allclose(norm(x, LABELS), plain, atol=1e-6)
    with torch.no_grad():
        norm.scale[2], norm.offset[2] = torch.tensor([2.0, 3.0]), torch.tensor([1.0, -1.0])
    found = norm(x, LABELS)
    assert torch.allclose(found[:2], plain[:2], atol=1e-6)
    scaled = plain[2:] * torch.tensor([2.0, 3.0])[:, None, None] + torch.tensor([1.0, -1.0])[:, None, None]
    assert torch.allclose(found[2:], scaled, atol=1e-5)


def test_labels_that_cannot_enter_are_refused() -> None:
    with pytest.raises(UsageError, match="norm is layer; choose norm=batch"):
        DcganGenerator(labels="norm", norm="layer").build((1, 8, 8), 3)
    for choice in (*GENERATORS, *CRITICS):
        with pytest.raises(UsageError, match="this network takes labels, but the data have none"):
            choice.build((1, 8, 8))


def test_upsampling_is_an_option_of_every_convolutional_generator() -> None:
    for choice in (
        DcganGenerator(width=4),
        StagedGenerator(latent_dim=6, stages=(Stage(channels=4, stride=1, way="up", valid=True), Stage(way="up"))),
    ):
        layers = {
            way: [type(module) for module in type(choice)(**{**vars(choice), "way": way}).build((1, 8, 8)).modules()]
            for way in ("transposed", "upsample")
        }
        transposed, upsampled = (layers[way].count(TransposedConvolution) for way in ("transposed", "upsample"))
        assert upsampled < transposed
        assert {nn.UpsamplingNearest2d, EnlargedConvolution} & set(layers["upsample"])
        assert nn.UpsamplingNearest2d not in layers["transposed"]


def test_label_size_of_a_space() -> None:
    assert LabelSpace(kind="classes", names=("a", "b"), examples=()).size == 2


def test_a_critic_that_ended_in_one_number_classifies_with_as_many_as_it_needs() -> None:
    stages = (Stage(channels=4), Stage(channels=1, kernel=4, stride=1, valid=True, activation="none"))
    critic = StagedCritic(stages=stages, labels="classify").build((1, 8, 8), 3)
    last = [module for module in critic.modules() if isinstance(module, nn.Conv2d)][-1]
    assert last.out_channels == 4
    assert not any(isinstance(module, nn.Linear) for module in critic.modules())
    assert isinstance(critic, ClassifyingCritic)
    assert critic.judge(torch.randn(2, 1, 8, 8))[1].shape == (2, 3)
