"use strict";
/** How clipping shrinks or blows up gradients from layer to layer: figure 1b, left. */
globalThis.learn = globalThis.learn ?? {};
learn.chapters = learn.chapters ?? {};

learn.chapters.clipping = (() => {
  const { chart, controls, language, loop, measure, optimiser, state, train } = learn;
  const { say, number, write } = language;
  const STEPS = 150;
  const WIDTH = 64;

  function begin(root) {
    let clip = 0.01;
    let depth = 12;
    let runs = [];
    let work = null;
    let dirty = true;
    const controlled = root.querySelector(".figure-controls");
    const svg = root.querySelector("svg");
    const says = root.querySelector(".figure-says");

    /** Two critics of the same weights; the first is clipped at once, as after one critic step. */
    function restart() {
      const common = {
        source: learn.data.source("swissroll"),
        generator: "fixed",
        clip,
        weight: 10,
        criticRate: 5e-4,
        criticSteps: 1,
        batch: 64,
        width: WIDTH,
        depth,
        seed: 1,
      };
      runs = ["clipping", "penalty"].map((constraint) => train.begin({ ...common, constraint }));
      optimiser.clip(runs[0].critic.parameters, clip);
      work = null;
      dirty = true;
    }

    function* training() {
      for (let step = 0; step < STEPS; step++) {
        for (const run of runs) yield* train.iteration(run);
        dirty = step % 10 === 9;
      }
    }

    function draw() {
      if (!dirty) return;
      dirty = false;
      const norms = runs.map((run) => measure.layerNorms(run, measure.draw(run, 128)));
      const x = norms[0].map((_, i) => i + 1);
      chart.lines(
        svg,
        norms.map((y, i) => ({ x, y, dots: true, tone: ["two", "one"][i] })),
        { logarithmic: true, whole: true },
      );
      const factors = norms.map((each) => (each[0] / each.at(-1)) ** (1 / (depth - 1)));
      const values = {
        steps: runs[0].iteration,
        clipped: number(factors[0]),
        penalised: number(factors[1]),
        expected: number(clip * Math.sqrt(WIDTH / 2)),
        total: number(norms[0][0] / norms[0].at(-1)),
      };
      write(says, say("clipping.says", values));
      svg.setAttribute("aria-label", says.textContent);
    }

    controls.slider(controlled, {
      key: "slider.clip",
      low: -40,
      high: 0,
      place: state.placeOf(clip),
      valueAt: state.valueAt,
      change(value) {
        clip = value;
        restart();
      },
    });
    controls.slider(controlled, {
      key: "slider.depth",
      low: 2,
      high: 12,
      place: depth,
      change(value) {
        depth = value;
        restart();
      },
    });
    controls.button(controlled, { key: "clipping.train", press: () => (work = training()) });
    restart();
    loop.register({
      element: root,
      work(deadline) {
        while (work !== null && performance.now() < deadline) if (work.next().done) work = null;
      },
      draw,
    });
    language.onChange(() => (dirty = true));
    addEventListener("resize", () => (dirty = true));
  }

  return { begin };
})();
