"use strict";
/**
 * The distributions to learn, at the scale of gan_toy.py of Gulrajani et al. 2017 (and src/gradpen/data/toys.py).
 *
 * A source has `coordinates` of a point, `labels` (how many classes are told to both players; 0: none) and
 * `draw(random, count)`, which returns rows of the coordinates and, if there are labels, a 1 in the label's column.
 */
globalThis.learn = globalThis.learn ?? {};

learn.data = (() => {
  const SQRT_2 = 1.414;
  const SQRT_8 = 2.828;
  const NAMES = ["8gaussians", "25gaussians", "swissroll", "drawn"];
  const EIGHT = Array.from({ length: 8 }, (_, i) => {
    const angle = (2 * Math.PI * i) / 8;
    return [(2 / SQRT_2) * Math.cos(angle), (2 / SQRT_2) * Math.sin(angle)];
  });
  const TWENTY_FIVE = Array.from({ length: 25 }, (_, i) => [
    (2 / SQRT_8) * (Math.floor(i / 5) - 2),
    (2 / SQRT_8) * ((i % 5) - 2),
  ]);
  const DRAWN_SPREAD = 0.05;

  /** Gaussians of one spread and equal weight. */
  function mixture(centres, spread, labelled = false) {
    const labels = labelled ? centres.length : 0;
    return {
      coordinates: 2,
      labels,
      draw(random, count) {
        const rows = new Float64Array(count * (2 + labels));
        for (let row = 0; row < count; row++) {
          const chosen = random.below(centres.length);
          const start = row * (2 + labels);
          rows[start] = centres[chosen][0] + spread * random.normal();
          rows[start + 1] = centres[chosen][1] + spread * random.normal();
          if (labelled) rows[start + 2 + chosen] = 1;
        }
        return rows;
      },
    };
  }

  /** scikit-learn's Swiss roll with noise 0.25, seen from the side, divided by 7.5. */
  const swissroll = {
    coordinates: 2,
    labels: 0,
    draw(random, count) {
      const rows = new Float64Array(count * 2);
      for (let row = 0; row < count; row++) {
        const turn = 1.5 * Math.PI * (1 + 2 * random.uniform());
        rows[2 * row] = (turn * Math.cos(turn) + 0.25 * random.normal()) / 7.5;
        rows[2 * row + 1] = (turn * Math.sin(turn) + 0.25 * random.normal()) / 7.5;
      }
      return rows;
    },
  };

  /** One Gaussian on a line, for the chapter on the loss. */
  const line = (spread) => ({
    coordinates: 1,
    labels: 0,
    draw: (random, count) => Float64Array.from({ length: count }, () => spread * random.normal()),
  });

  /** Return the source of a name; `drawn` are the points of a drawing, [[x, y], …], each a little Gaussian. */
  function source(name, drawn = []) {
    if (name === "8gaussians") return mixture(EIGHT, 0.02 / SQRT_2);
    if (name === "25gaussians") return mixture(TWENTY_FIVE, 0.05 / SQRT_8);
    if (name === "swissroll") return swissroll;
    return mixture(drawn.length > 0 ? drawn : [[0, 0]], DRAWN_SPREAD);
  }

  /** The eight Gaussians, each with its number as a label. */
  const labelled = () => mixture(EIGHT, 0.02 / SQRT_2, true);

  return { NAMES, EIGHT, source, labelled, line };
})();
