"use strict";
/** With batch norm one point's score depends on where the others are. Only point A moves; the score of B is drawn. */
globalThis.learn = globalThis.learn ?? {};
learn.chapters = learn.chapters ?? {};

learn.chapters.batchnorm = (() => {
  const { chart, controls, language, network, random } = learn;
  const { say, number, write } = language;
  const NORMS = ["none", "batch", "layer"];
  const WIDTH = 16;
  const EPSILON = 1e-5;
  const B = [1, 0.5];
  const OTHERS = [[-1, 0.4], [0.2, -1.2]];
  const A_HEIGHT = -0.5;
  const PLACES = Array.from({ length: 121 }, (_, i) => 3 * (i / 60 - 1));

  /** Return the scores of a batch of points, [[x, y], …], each layer's sums normalised before ReLU. */
  function scores(net, points, norm) {
    let rows = points.map((point) => Float64Array.from(point));
    const last = net.weights.length - 1;
    net.weights.forEach((weights, l) => {
      const [inputs, outputs] = [net.sizes[l], net.sizes[l + 1]];
      const sums = rows.map((row) =>
        Float64Array.from({ length: outputs }, (_, j) =>
          row.reduce((sum, value, i) => sum + value * weights[j * inputs + i], net.biases[l][j]),
        ),
      );
      rows = l === last ? sums : normalised(sums, norm).map((row) => row.map((value) => Math.max(0, value)));
    });
    return rows.map((row) => row[0]);
  }

  /** Batch norm takes mean and deviation of a column, over the examples; layer norm those of a row, one example. */
  function normalised(sums, norm) {
    if (norm === "none") return sums;
    if (norm === "layer") return sums.map(standard);
    const columns = Array.from(sums[0], (_, j) => standard(Float64Array.from(sums, (row) => row[j])));
    return sums.map((row, i) => row.map((_, j) => columns[j][i]));
  }

  function standard(values) {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    return values.map((value) => (value - mean) / Math.sqrt(variance + EPSILON));
  }

  const batchWith = (x) => [[x, A_HEIGHT], B, ...OTHERS];

  function begin(root) {
    const net = network.create([2, WIDTH, WIDTH, 1], random.stream(5, "batch norm"));
    let norm = "batch";
    let x = 0;
    const controlled = root.querySelector(".figure-controls");
    const svg = root.querySelector("svg");
    const says = root.querySelector(".figure-says");

    function draw() {
      const scoresOfB = (name) => PLACES.map((at) => scores(net, batchWith(at), name)[1]);
      const each = Object.fromEntries(NORMS.map((name) => [name, scoresOfB(name)]));
      const all = NORMS.flatMap((name) => each[name]);
      chart.lines(svg, [{ x: PLACES, y: each[norm] }], { cursor: x, low: Math.min(...all), high: Math.max(...all) });
      const range = Math.max(...each[norm]) - Math.min(...each[norm]);
      const values = { score: number(scores(net, batchWith(x), norm)[1]), range: number(range), x: number(x) };
      write(says, say(norm === "batch" ? "batchnorm.moves" : "batchnorm.rests", values));
      svg.setAttribute("aria-label", says.textContent);
    }

    controls.choice(controlled, {
      key: "batchnorm.norm",
      names: NORMS,
      value: norm,
      change(name) {
        norm = name;
        draw();
      },
    });
    controls.slider(controlled, {
      key: "batchnorm.place",
      low: -30,
      high: 30,
      place: 0,
      valueAt: (place) => place / 10,
      change(value) {
        x = value;
        draw();
      },
    });
    language.onChange(draw);
    addEventListener("resize", draw);
    return { draw };
  }

  return { begin, scores };
})();
