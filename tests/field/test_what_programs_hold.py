"""gradpen.train takes what a Python program has at hand, and says what it does with it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import gradpen
from gradpen.data.choice import DataChoice
from gradpen.data.held import as_array
from gradpen.data.recognise import open_source
from gradpen.errors import DataError, GradpenError, UsageError
from gradpen.runs.audience import Audience

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
TENSOR = torch.from_numpy(PIXELS).permute(0, 3, 1, 2)
CLASSES = torch.arange(40) % 3
SHORT: dict[str, Any] = {"iterations": 1, "batch_size": 8, "preset": "wgan-gp-digits"}


class Pictures(Dataset[Any]):
    """A data set of a program's own."""

    def __init__(self, labels: bool = True, noise: float = 0.0) -> None:
        self.labels, self.noise = labels, noise

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> Any:
        image = TENSOR[index] / 255 + self.noise * torch.rand(())
        return (image.clamp(0, 1), int(CLASSES[index])) if self.labels else image


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Any:
        while True:
            yield TENSOR[0]


HELD: dict[str, Any] = {
    "a tensor": TENSOR,
    "a tensor of floats": TENSOR / 255,
    "a tensor with a gradient": (TENSOR / 255).requires_grad_(),
    "a list of arrays": list(PIXELS),
    "a tuple of tensors": tuple(TENSOR),
    "a list of lists": PIXELS.tolist(),
    "Pillow images": [Image.fromarray(image) for image in PIXELS],
    "a data set": Pictures(),
    "a data set without labels": Pictures(labels=False),
    "a TensorDataset": TensorDataset(TENSOR, CLASSES),
    "a loader": DataLoader(Pictures(), batch_size=7, shuffle=True, drop_last=True),
}


def heard(said: list[str]) -> Audience:
    return Audience(publish=lambda _: None, say=said.append)


@pytest.mark.parametrize("held", HELD)
def test_what_is_held_is_the_same_data(held: str, tmp_path: Path) -> None:
    said: list[str] = []
    run = gradpen.train(HELD[held], out=tmp_path / "run", audience=heard(said), **SHORT)
    array = gradpen.train(PIXELS, out=tmp_path / "array", audience=heard([]), **SHORT)
    for name, weight in array.generator.state_dict().items():
        assert torch.equal(run.generator.state_dict()[name], weight), name
    assert any("batches are gradpen's own" in sentence for sentence in said) == (held == "a loader")
    assert not any("augments" in sentence for sentence in said)
    longer = gradpen.train(HELD[held], resume=run.path, iterations=2, audience=heard([]))
    assert longer.iteration == 2


def test_labels_of_a_data_set(tmp_path: Path) -> None:
    run = gradpen.train(Pictures(), conditional=True, out=tmp_path / "run", audience=heard([]), **SHORT)
    assert run.labels is not None
    assert run.labels.names == ("0", "1", "2")


def test_a_data_set_that_augments_is_said_to(tmp_path: Path) -> None:
    said: list[str] = []
    gradpen.train(Pictures(noise=0.1), out=tmp_path / "run", audience=heard(said), **SHORT)
    assert any("it augments; what was read once is trained on" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (Endless(), DataError, "Endless does not say how many examples it has and may have no end"),
        (DataLoader(Endless()), DataError, "may have no end"),
        ([], DataError, "there are no examples"),
        ([PIXELS[0], PIXELS[1][:5]], DataError, r"examples differ in shape \(\[5, 8, 3\] and \[8, 8, 3\]\)"),
        (["a.png", "b.png"], DataError, r"a.png is unreadable \(cannot be read: No such file"),
        (["a.png", np.zeros((8, 8))], DataError, "names of files .* among other things"),
        ({"images": PIXELS}, UsageError, "data of type builtins.dict are not known; give a path, an array"),
        (3, UsageError, "data of type builtins.int are not known"),
        (iter(PIXELS), UsageError, "are not known"),
        ([object()] * 40, DataError, "an example is of type object"),
    ],
    ids=[
        "endless",
        "endless loader",
        "nothing",
        "sizes",
        "no such file",
        "names among arrays",
        "dict",
        "number",
        "iterator",
        "objects",
    ],
)
def test_anything_else_is_refused_in_a_line(data: Any, kind: type[GradpenError], message: str, tmp_path: Path) -> None:
    with pytest.raises(kind, match=message) as error:
        gradpen.train(data, out=tmp_path / "run", **SHORT)
    assert len(str(error.value)) < 300
    assert not (tmp_path / "run").exists()


def test_evaluating_a_tensor_against_a_list() -> None:
    found = gradpen.evaluate(TENSOR, list(PIXELS), count=4, sets=2)
    assert found["samples"].n == 4


def test_a_list_of_files_is_read_as_their_folder_is(images: Path, tmp_path: Path) -> None:
    files = sorted(images.iterdir())
    folder = open_source(DataChoice(path=str(images)))
    held, _ = as_array([*files[:20], *map(str, files[20:])], print)
    assert np.array_equal(held.transpose(0, 3, 1, 2), folder.images)
    deep = np.random.default_rng(0).integers(0, 4000, (5, 8, 8)).astype(np.uint16)
    for number, image in enumerate(deep):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    held, _ = as_array([tmp_path / f"{number}.png" for number in range(5)], print)
    assert np.array_equal(held[..., 0], deep)
    heard: list[str] = []
    as_array(files[:2], heard.append)
    assert heard == []
    as_array([files[0], tmp_path / "0.png"], heard.append)
    assert len(heard) == 1
    assert "1 × 16-bit values from" in heard.pop()
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "large.png")
    held, _ = as_array([files[0], tmp_path / "large.png"], heard.append)
    assert held.shape == (2, 64, 64, 1)
    assert heard == ["the files of the list differ in size and are brought to 64x64"]
