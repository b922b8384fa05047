r"""The character-level language model of Gulrajani et al. 2017 (arXiv 1704.00028, table 4).

After ``gan_language.py`` of their release (github.com/igul222/improved_wgan_training): residual blocks of two
convolutions over 5 characters, and no norm anywhere. The generator gives each symbol of each place a probability, and
the critic takes those as they are, beside real lines of zeros and ones; nothing is drawn at random in between.

.. math:: h \mapsto h + 0.3\, (c_2 \circ \text{ReLU} \circ c_1 \circ \text{ReLU})(h)
"""

from typing import Literal

from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from gradpen.choice import STRICT, Size
from gradpen.errors import UsageError
from gradpen.networks.blocks import Scores, Shape, initialise
from gradpen.networks.layers import Convolution, LeakyReLU, Linear

BRANCH, REACH = 0.3, 5
"""share of a branch in the sum, and characters that a convolution sees"""


class Block(nn.Module):
    """ReLU and a convolution over 5 characters, twice, times 0.3, beside the input itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (Convolution(width, width, (1, REACH), padding=(0, REACH // 2)) for _ in range(2))
        self.bend = LeakyReLU(0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the same size."""
        branch: Tensor = self.second(self.bend(self.first(self.bend(x))))
        return x + BRANCH * branch


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LanguageGenerator:
    """A linear layer to all places of a line, residual blocks, a number for each symbol, softmax over the symbols.

    >>> import torch
    >>> LanguageGenerator(width=4).build((26, 1, 32))(torch.zeros(2, 128)).sum(1).round().unique()
    tensor([1.], grad_fn=<Unique2Backward0>)
    """

    name: Literal["language"] = "language"
    latent_dim: Size = 128
    width: Size = 512
    """channels of every block"""
    blocks: Size = 5
    labels: Literal["none"] = "none"

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the generator of lines; raise :class:`UsageError` if the shape is none of text."""
        del labels
        symbols, length = symbols_and_length(shape)
        network = nn.Sequential(
            Linear(self.latent_dim, self.width * length),
            nn.Unflatten(1, (self.width, 1, length)),
            *[Block(self.width) for _ in range(self.blocks)],
            Convolution(self.width, symbols, 1),
            nn.Softmax(dim=1),
        )
        initialise_language(network)
        return network


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LanguageCritic:
    """A convolution of each character alone, residual blocks, a linear layer from all places to one score.

    >>> import torch
    >>> LanguageCritic(width=4).build((26, 1, 32))(torch.zeros(2, 26, 1, 32)).shape
    torch.Size([2])
    """

    name: Literal["language"] = "language"
    width: Size = 512
    """channels of every block"""
    blocks: Size = 5
    labels: Literal["none"] = "none"

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the critic of lines; raise :class:`UsageError` if the shape is none of text."""
        del labels
        symbols, length = symbols_and_length(shape)
        network = nn.Sequential(
            Convolution(symbols, self.width, 1),
            *[Block(self.width) for _ in range(self.blocks)],
            nn.Flatten(),
            Linear(self.width * length, 1),
            Scores(),
        )
        initialise_language(network)
        return network


def symbols_and_length(shape: Shape) -> tuple[int, int]:
    """Return the symbols and the characters of a line.

    Raises:
        UsageError: the shape has rows.
    """
    symbols, rows, length = shape
    if rows > 1:
        raise UsageError(
            f"language networks make lines of text, and the data are {rows}x{length}; choose another `preset`, or give "
            f"a .txt file"
        )
    return symbols, length


def initialise_language(network: nn.Module) -> None:
    """Initialise as the release does: convolutions by He, linear layers by Glorot, biases 0."""
    initialise(network, "he-uniform")
    for layer in network.modules():
        if isinstance(layer, Linear):
            nn.init.xavier_uniform_(layer.weight)
