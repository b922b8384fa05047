"""What the page claims to show: clipped critics are simple, penalised ones see eight modes, labels are obeyed."""

import re
from typing import Any

import numpy as np
import pytest


def test_clipped_critic_is_simple_and_penalised_one_shows_eight_modes(page: Any) -> None:
    """Figure 1a with the settings that the page begins with; the contrast is that of ``gradpen study surfaces``."""
    clipped, penalised = page.evaluate(
        """() => learn.state.SIDES.map((side) => {
          const run = learn.train.begin(learn.state.settingsOf(learn.state.withDefaults(), side));
          learn.train.advance(run, 600);
          const { gap, slope } = learn.measure.gapAndSlope(run, learn.measure.draw(run, 1024));
          return { gap, slope, summits: learn.measure.summits(run), contrast: learn.measure.contrast(run),
            bound: learn.measure.shareAt(run.critic.net, run.settings.clip) };
        })"""
    )
    assert penalised["summits"] == 8
    assert penalised["contrast"] > 0.15
    assert 0.5 < penalised["gap"] < 1.3, "the exact distance is about 0.8, and the penalty is soft"
    assert penalised["slope"] == pytest.approx(1.1, abs=0.2)
    assert clipped["summits"] == 0
    assert clipped["contrast"] < 0.1
    assert 0 < clipped["gap"] < 0.01
    assert clipped["bound"] > 0.5


def test_clipping_shrinks_gradients_by_what_the_chapter_says(page: Any) -> None:
    factor = page.evaluate(
        """() => {
          const run = learn.train.begin({ ...learn.state.settingsOf(learn.state.withDefaults(), "left"), depth: 12 });
          learn.optimiser.clip(run.critic.parameters, 0.01);
          const norms = learn.measure.layerNorms(run, learn.measure.draw(run, 256));
          return (norms[0] / norms.at(-1)) ** (1 / 11); }"""
    )
    assert factor == pytest.approx(0.01 * np.sqrt(32), rel=0.15)


def test_labels_are_obeyed(page: Any) -> None:
    before, after = page.evaluate(
        """() => { const { settings, obedience } = learn.chapters.conditional, run = learn.train.begin(settings());
          const before = obedience(run); learn.train.advance(run, 150); return [before, obedience(run)]; }"""
    )
    assert before < 0.1
    assert after > 0.85


def test_estimate_of_the_chapter_follows_the_distance(opened: Any) -> None:
    page, _ = opened()
    gaps = page.evaluate(
        """() => { const { run } = learn.chapters.loss.begin(document.getElementById("figure-loss"));
          learn.train.advance(run, 400);
          return learn.measure.gapAndSlope(run, learn.measure.draw(run, 1024)).gap; }"""
    )
    # With the penalty the best slope for a distance d is 1 + d / (2 lambda).
    assert gaps == pytest.approx(1.5 * (1 + 1.5 / 20), rel=0.06)


@pytest.mark.parametrize(
    "fragment",
    [
        "#data=swissroll&generator=trained&view=both&colours=shared&width=32&depth=2&batch=32&criticSteps=3&seed=77"
        "&left=none,0.1,0.5,0.0004,0.0002&right=penalty,0.01,0.1,0.001,0.0005",
        "#data=drawn&width=32&seed=3&drawn=0000izizrrrr",
    ],
)
def test_a_link_restores_a_run_bit_for_bit(opened: Any, fragment: str) -> None:
    def weights(page: Any) -> str:
        page.evaluate("learn.playground.run(6)")
        found: str = page.evaluate(
            "JSON.stringify(learn.playground.sides.flatMap(({ run }) => [run.critic, run.generator].filter(Boolean))"
            ".map((player) => player.parameters.map((values) => [...values])))"
        )
        return found

    first, _ = opened(fragment=fragment)
    link = first.evaluate("location.hash")
    second, _ = opened(fragment=link)
    assert second.evaluate("location.hash") == link
    assert weights(first) == weights(second)
    assert first.evaluate("learn.playground.settings().seed") == int(re.findall(r"seed=(\d+)", fragment)[0])
    other, _ = opened(fragment=link.replace("seed=", "seed=1"))
    assert weights(other) != weights(first)


def test_a_damaged_link_gives_what_can_be_read(opened: Any) -> None:
    page, seen = opened(
        fragment="#width=63&depth=x&seed=-4&left=nothing,5&right=clipping,9e9,1,0.001&drawn=%%%&data=25gaussians"
    )
    settings = page.evaluate("learn.playground.settings()")
    defaults = page.evaluate("learn.state.withDefaults()")
    assert settings["data"] == "25gaussians"
    assert settings["right"] == {**defaults["right"], "constraint": "clipping", "weight": 1, "criticRate": 0.001}
    assert {**settings, "data": 0, "right": 0} == {**defaults, "data": 0, "right": 0}
    assert seen.errors == []
