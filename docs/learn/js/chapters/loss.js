"use strict";
/** A critic on a line: data at 0, samples where the reader puts them, the estimate beside the exact distance. */
globalThis.learn = globalThis.learn ?? {};
learn.chapters = learn.chapters ?? {};

learn.chapters.loss = (() => {
  const { chart, controls, language, loop, measure, train } = learn;
  const { say, number } = language;
  const SPREAD = 0.25;
  const REACH = 3;
  const PLACES = Float64Array.from({ length: 121 }, (_, i) => REACH * (i / 60 - 1));
  const SHOWN = 40;
  const DRAW_EVERY = 100;
  const STEPS = 800;

  function begin(root) {
    const source = learn.data.line(SPREAD);
    let shift = 1.5;
    let left = STEPS;
    const run = train.begin({
      source,
      generator: "fixed",
      samples: (random, real) => source.draw(random, real.length).map((value) => value + shift),
      constraint: "penalty",
      weight: 10,
      criticRate: 2e-2,
      criticSteps: 1,
      batch: 64,
      width: 64,
      depth: 1,
      seed: 2,
    });
    const svg = root.querySelector("svg");
    const numbers = root.querySelector("dl");
    let drawn = -Infinity;
    controls.slider(root.querySelector(".figure-controls"), {
      key: "loss.shift",
      low: -25,
      high: 25,
      place: 10 * shift,
      valueAt: (place) => place / 10,
      change(value) {
        shift = value;
        left = STEPS;
      },
    });

    function draw(now) {
      if (now - drawn < DRAW_EVERY) return;
      drawn = now;
      const scores = measure.scores(run.critic.net, run.critic.memory, PLACES);
      const middle = scores[(PLACES.length - 1) / 2];
      const y = Array.from(scores, (score) => score - middle);
      const plot = chart.lines(svg, [{ x: [...PLACES], y }], { low: -2.5, high: 2.5 });
      const { real, fake } = measure.draw(run, SHOWN, "shown");
      for (const [points, name, up] of [[real, "real", 12], [fake, "fake", 24]]) {
        for (const point of points) {
          chart.part(svg, "circle", { class: `point ${name}`, cx: plot.toX(point), cy: plot.frame.bottom - up, r: 3 });
        }
      }
      const { gap } = measure.gapAndSlope(run, measure.draw(run, 256));
      const rows = [["loss.distance", Math.abs(shift)], ["loss.gap", gap], ["loss.loss", -gap]];
      numbers.replaceChildren();
      for (const [key, value] of rows) {
        controls.element("dt", "", numbers).textContent = say(key);
        controls.element("dd", "", numbers).textContent = number(Number(value.toFixed(2)));
      }
      svg.setAttribute("aria-label", say("loss.alternative", { shift: number(shift), gap: number(gap) }));
    }

    loop.register({
      element: root,
      work(deadline) {
        for (; left > 0 && performance.now() < deadline; left -= 1) train.advance(run, 1);
      },
      draw,
    });
    return { run };
  }

  return { begin };
})();
