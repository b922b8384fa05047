"use strict";
/** One side of the playground: a run, the picture of its critic, its curves and its own sliders. */
globalThis.learn = globalThis.learn ?? {};

learn.panel = (() => {
  const { controls, measure, chart, surface, state, train } = learn;
  const { say, number, write } = learn.language;
  const MEASURED = 128;
  const LAYERS_MEASURED = 32;
  const EVERY = 10;
  const MOST_MARKS = 300;
  const CHARTS_EVERY = 250;
  const WORDS_EVERY = 1000;

  /**
   * Build a side into a parent.
   *
   * @param side "left" or "right".
   * @param changed called with a changed setting's name and value.
   */
  function create(parent, side, settings, changed) {
    const root = document.getElementById("panel").content.firstElementChild.cloneNode(true);
    parent.append(root);
    learn.language.apply(root);
    const find = (name) => root.querySelector(`.${name}`);
    const panel = { side, root, run: null, marks: [], every: EVERY, looking: null, seen: null, dirty: true, drawn: {} };
    panel.parts = {
      canvas: root.querySelector("canvas"),
      charts: Object.fromEntries([...root.querySelectorAll("svg")].map((svg) => [svg.dataset.chart, svg])),
      ...Object.fromEntries(["low", "high", "bar", "says", "counter", "bound"].map((name) => [name, find(name)])),
    };
    panel.constraint = controls.choice(find("head"), {
      key: "constraint",
      names: state.CONSTRAINTS,
      value: settings.constraint,
      change: (name) => changed("constraint", name),
    });
    find("head").prepend(panel.constraint.label);
    panel.sliders = Object.fromEntries(
      Object.entries(state.RANGES).map(([name, [low, high]]) => [
        name,
        controls.slider(find("sliders"), {
          key: `slider.${name}`,
          low: 10 * low,
          high: 10 * high,
          place: state.placeOf(settings[name]),
          valueAt: state.valueAt,
          change: (value) => changed(name, value),
        }),
      ]),
    );
    return panel;
  }

  /** Begin anew with the settings of this side. */
  function restart(panel, settings) {
    const own = settings[panel.side];
    panel.eight = settings.data === "8gaussians";
    panel.run = train.begin(state.settingsOf(settings, panel.side));
    Object.assign(panel, { marks: [], every: EVERY, looking: null, seen: null, dirty: true, drawn: {} });
    panel.constraint.set(own.constraint);
    for (const [name, slider] of Object.entries(panel.sliders)) slider.set(state.placeOf(own[name]));
    panel.sliders.clip.label.hidden = own.constraint !== "clipping";
    panel.sliders.weight.label.hidden = own.constraint !== "penalty";
    panel.sliders.generatorRate.label.hidden = settings.generator === "fixed";
    panel.root.dataset.constraint = own.constraint;
    keep(panel, measure.gapAndSlope(panel.run, measure.draw(panel.run, MEASURED)));
  }

  /** One iteration, with pauses, and what is measured after it. */
  function* iterate(panel) {
    yield* train.iteration(panel.run);
    panel.dirty = true;
    if (panel.run.iteration % panel.every !== 0) return;
    keep(panel, yield* measure.gapAndSlopeSlowly(panel.run, measure.draw(panel.run, MEASURED)));
  }

  /** Keep what was measured for the curves; of a long run every second mark is forgotten. */
  function keep(panel, found) {
    panel.marks.push({ iteration: panel.run.iteration, ...found });
    if (panel.marks.length > MOST_MARKS) {
      panel.marks = panel.marks.filter((_, index) => index % 2 === 0);
      panel.every *= 2;
    }
  }

  /** Go on with the picture of the critic until the deadline. */
  function look(panel, deadline) {
    if (panel.looking === null) {
      if (!panel.dirty) return;
      panel.dirty = false;
      panel.looking = surface.look(panel.run);
    }
    while (performance.now() < deadline) {
      const step = panel.looking.next();
      if (!step.done) continue;
      panel.looking = null;
      panel.seen = step.value;
      panel.drawn.picture = false;
      return;
    }
  }

  /** Draw what is new. `scale` is the scores of the lowest and the highest colour. */
  function draw(panel, now, scale, dark) {
    if (panel.seen === null) return;
    const { parts, drawn } = panel;
    if (!drawn.picture) {
      drawn.picture = true;
      surface.draw(parts.canvas, panel.seen, scale, { dark, arrows: true });
      parts.low.textContent = number(scale.low);
      parts.high.textContent = number(scale.high);
      parts.counter.textContent = say("iteration", { n: panel.seen.iteration.toLocaleString("en") });
    }
    if (panel.run.iteration !== drawn.iteration && now - (drawn.charts ?? -Infinity) > CHARTS_EVERY) {
      drawn.charts = now;
      drawn.iteration = panel.run.iteration;
      drawCharts(panel);
    }
    if (now - (drawn.words ?? -Infinity) > WORDS_EVERY) {
      drawn.words = now;
      speak(panel);
    }
  }

  function drawCharts(panel) {
    const { charts, bound } = panel.parts;
    // Untrained weights have scores of another size, which would press the curves flat.
    const marks = panel.marks.length > 2 ? panel.marks.slice(1) : panel.marks;
    const x = marks.map((one) => one.iteration);
    chart.lines(charts.gap, [{ x, y: marks.map((one) => one.gap) }], { level: 0 });
    const slopes = marks.map((one) => one.slope);
    const far = Math.min(...slopes) < 0.2 || Math.max(...slopes) > 5;
    const scale = far ? { logarithmic: true } : { low: 0.5, high: 1.5 };
    chart.lines(charts.slope, [{ x, y: slopes }], { level: 1, ...scale });
    panel.norms = measure.layerNorms(panel.run, measure.draw(panel.run, LAYERS_MEASURED));
    const layers = [{ x: panel.norms.map((_, i) => i + 1), y: panel.norms, dots: true }];
    chart.lines(charts.layers, layers, { logarithmic: true, whole: true });
    const { extent, shares } = measure.histogram(panel.run.critic.net);
    chart.bars(charts.weights, shares, extent);
    const { constraint, clip } = panel.run.settings;
    const clipped = constraint === "clipping" ? measure.shareAt(panel.run.critic.net, clip) : 0;
    bound.textContent = constraint === "clipping" ? say("at-bound", { share: Math.round(100 * clipped) }) : "";
  }

  /** Say the numbers: in the sentence below the picture, and as the picture's text for those who do not see it. */
  function speak(panel) {
    const { canvas, says } = panel.parts;
    const { gap, slope, iteration } = panel.marks.at(-1);
    const values = { gap: number(gap), loss: number(-gap), slope: number(slope) };
    const { constraint } = panel.run.settings;
    const sentences = [say(iteration === 0 ? "says.untrained" : gap > 0 ? "says.above" : "says.below", values)];
    if (iteration > 0 && gap > 0) sentences.push(say(`says.scale.${constraint}`, values));
    if (iteration > 0 && panel.eight) sentences.push(say("says.summits", { n: measure.summits(panel.run) }));
    write(says, sentences.join(" "));
    canvas.setAttribute(
      "aria-label",
      say("surface.alternative", {
        constraint: say(`constraint.${constraint}`),
        iteration,
        low: number(panel.seen.low),
        high: number(panel.seen.high),
        first: number(panel.norms[0]),
        last: number(panel.norms.at(-1)),
        ...values,
      }),
    );
  }

  return { create, restart, iterate, look, draw };
})();
