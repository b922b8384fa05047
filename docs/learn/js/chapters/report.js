"use strict";
/** The curves of gradpen's report, one at a time, and what they say at a mark of a recorded run. */
globalThis.learn = globalThis.learn ?? {};
learn.chapters = learn.chapters ?? {};

learn.chapters.report = (() => {
  const { chart, controls, language, recordings } = learn;
  const { say, number, write } = language;
  /** The lines of each panel, as columns of a recording. */
  const PANELS = {
    gap: ["gap", "held_out"],
    slope: ["slope"],
    nearness: ["nearness"],
    norms: ["critic_norm", "generator_norm"],
  };

  function begin(root) {
    const run = recordings.healthy;
    let shown = "gap";
    let mark = run.iterations.length - 1;
    const controlled = root.querySelector(".figure-controls");
    const svg = root.querySelector("svg");
    const says = root.querySelector(".figure-says");

    function draw() {
      const series = PANELS[shown].map((column, i) => ({ x: run.iterations, y: run[column], tone: ["one", "two"][i] }));
      chart.lines(svg, series, {
        logarithmic: shown === "norms" || shown === "nearness",
        level: shown === "slope" ? 1 : null,
        cursor: run.iterations[mark],
      });
      const [first, second] = PANELS[shown].map((column) => run[column][mark]);
      const values = { n: run.iterations[mark], first: number(first), second: number(second), loss: number(-first) };
      write(says, say(`report.says.${shown}`, values));
      svg.setAttribute("aria-label", says.textContent);
    }

    controls.choice(controlled, {
      key: "report.panel",
      names: Object.keys(PANELS),
      value: shown,
      change(name) {
        shown = name;
        draw();
      },
    });
    controls.slider(controlled, {
      key: "report.mark",
      low: 1,
      high: run.iterations.length - 1,
      place: mark,
      valueAt: (place) => run.iterations[place],
      change(value) {
        mark = run.iterations.indexOf(value);
        draw();
      },
    });
    language.onChange(draw);
    addEventListener("resize", draw);
    return { draw };
  }

  return { begin };
})();
