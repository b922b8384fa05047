"""Labels: vectors, names and back, for classes, attributes and numbers."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradpen.data.choice import DataChoice, LabelledArray
from gradpen.data.drawn import ATTRIBUTES, HAIR, bricks, faces
from gradpen.data.labels import Labels, class_labels, space_from_json
from gradpen.data.recognise import open_source
from gradpen.data.source import label_vectors
from gradpen.errors import DataError, UsageError

CLASSES = class_labels(np.array([2, 0, 1, 1]), ("cat", "dog", "eel"))
ATTRIBUTE = Labels(
    kind="attributes", names=("hat", "beard"), values=np.array([[1, 0], [0, 0], [1, 1], [1, 0]], dtype=np.float32)
)
VALUES = Labels(kind="values", names=("x", "y"), values=np.array([[0, 5], [2, 5], [4, 5]], dtype=np.float32))


def test_vectors() -> None:
    assert CLASSES.space().vectors(CLASSES.values).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert ATTRIBUTE.space().vectors(ATTRIBUTE.values).tolist() == ATTRIBUTE.values.tolist()
    assert VALUES.space().vectors(VALUES.values).tolist() == [[-1, -1], [0, -1], [1, -1]]


def test_counts() -> None:
    assert CLASSES.counts() == {"cat": 1, "dog": 2, "eel": 1}
    assert ATTRIBUTE.counts() == {"hat": 3, "beard": 1}
    assert VALUES.counts() == {}


def test_examples_are_every_class_or_the_frequent_combinations() -> None:
    assert CLASSES.space().example_names() == ["cat", "dog", "eel"]
    assert ATTRIBUTE.space().example_names() == ["hat", "none", "hat+beard"]
    names = VALUES.space().example_names()
    assert (names[0], names[-1]) == ("x=0,y=5", "x=4,y=5")


@pytest.mark.parametrize("labels", [CLASSES, ATTRIBUTE, VALUES], ids=lambda labels: labels.kind)
def test_examples_in_words_are_read_back(labels: Labels) -> None:
    space = space_from_json(json.loads(json.dumps(labels.space().to_json())))
    assert space == labels.space()
    for name, vector in zip(space.example_names(), space.example_vectors(), strict=True):
        assert np.allclose(space.parse(name), vector)


@given(st.text(max_size=20))
def test_any_other_word_is_refused(text: str) -> None:
    for labels in (CLASSES, ATTRIBUTE, VALUES):
        space = labels.space()
        try:
            vector = space.parse(text)
        except UsageError:
            continue
        assert vector.shape == (space.size,)


def test_misspelt_labels_are_answered() -> None:
    with pytest.raises(UsageError, match="no label 'dgo' among cat, dog, eel; did you mean 'dog'"):
        CLASSES.space().parse("dgo")
    with pytest.raises(UsageError, match="no label 'cat\\+dog'"):
        CLASSES.space().parse("cat+dog")
    with pytest.raises(UsageError, match="no label 'bread' among hat, beard; did you mean 'beard'"):
        ATTRIBUTE.space().parse("hat+bread")
    for wrong in ("x=1", "x=1,y=", "x=1,y=2,z=3", "1,2"):
        with pytest.raises(UsageError, match="is not of the form x=NUMBER,y=NUMBER"):
            VALUES.space().parse(wrong)


def test_one_attribute_becomes_two_classes() -> None:
    one = ATTRIBUTE.only(("beard",))
    assert (one.kind, one.names, one.values.tolist()) == ("classes", ("not beard", "beard"), [0, 0, 1, 0])
    two = ATTRIBUTE.only(("beard", "hat"))
    assert (two.kind, two.names, two.values[2].tolist(), two.values[0].tolist()) == (
        "attributes",
        ("beard", "hat"),
        [1, 1],
        [0, 1],
    )
    with pytest.raises(UsageError, match="no column 'hta' among the labels \\(hat, beard\\); did you mean 'hat'"):
        ATTRIBUTE.only(("hta",))
    with pytest.raises(UsageError, match="no column 'cat' among the labels \\(no columns\\)"):
        CLASSES.only(("cat",))


def test_drawn_bricks_and_faces_are_the_same_every_time() -> None:
    for draw, shape in ((bricks, (2000, 1, 64, 64)), (faces, (2000, 3, 64, 64))):
        (images, labels), (again, _) = draw(), draw()
        assert images.shape == shape
        assert np.array_equal(images, again)
        assert len({image.tobytes() for image in images}) == 2000
        assert len(labels.values) == 2000
        assert min(labels.counts().values()) > 200


def test_the_hair_of_drawn_faces_says_its_colour() -> None:
    images, labels = faces()
    green = images[:, 1, HAIR[0], HAIR[1]].mean((1, 2))
    blond = labels.values[:, ATTRIBUTES.index("Blond_Hair")] > 0
    assert green[blond].min() > 150
    assert green[~blond].max() < 90


def test_embedded_data_by_name() -> None:
    source = open_source(DataChoice(path="embedded:faces", columns=("Smiling",), size=(16, 16)))
    assert source.shape == (3, 16, 16)
    assert source.labels is not None
    assert source.labels.names == ("not Smiling", "Smiling")
    assert label_vectors(source, source.train[:5]).shape == (5, 2)
    both = open_source(DataChoice(path="embedded:faces", only=("Blond_Hair", "Smiling")))
    assert both.labels is not None
    assert both.labels.values[:, [0, 2]].all()
    assert 50 < both.report.used < 330
    with pytest.raises(DataError, match="no embedded data 'facse'; choose one of embedded:digits"):
        open_source(DataChoice(path="embedded:facse"))
    unlabelled = LabelledArray(images=np.zeros((30, 4, 4), np.uint8))
    with pytest.raises(DataError, match="has no labels to condition on"):
        label_vectors(open_source(DataChoice(), array=unlabelled), np.arange(3))
