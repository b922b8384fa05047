"use strict";
/** What is measured of a critic. Measuring draws from streams of its own and leaves the run as it is. */
globalThis.learn = globalThis.learn ?? {};

learn.measure = (() => {
  const { network, random, train } = learn;
  const BARS = 41;

  /** Return data and samples of a run, [count, inputs] each; the same name draws the same data and latents. */
  function draw(run, count, name = `measured ${run.iteration}`) {
    const real = run.settings.source.draw(random.stream(run.settings.seed, `${name}, data`), count);
    const watching = { ...run, latents: random.stream(run.settings.seed, `${name}, latents`) };
    return { real, fake: train.sample(watching, real, count) };
  }

  /** Return, with pauses, the mean score of data less that of samples, and the mean slope on interpolates. */
  function* gapAndSlopeSlowly(run, { real, fake }) {
    const { critic, inputs, settings } = run;
    const count = real.length / inputs;
    const shares = random.stream(settings.seed, `slopes ${run.iteration}`);
    let gap = 0;
    let slope = 0;
    for (const [start, rows] of train.blocks(count, critic)) {
      for (const [points, sign] of [[real, 1], [fake, -1]]) {
        critic.memory.hidden[0].set(points.subarray(start * inputs, (start + rows) * inputs));
        for (const score of network.forward(critic.net, critic.memory, rows).subarray(0, rows)) gap += sign * score;
      }
      critic.memory.hidden[0].set(train.interpolates(shares, real, fake, start, rows, inputs));
      for (const one of network.slopes(critic.net, critic.memory, rows, settings.source.coordinates)) slope += one;
      yield;
    }
    return { gap: gap / count, slope: slope / count };
  }

  /** The same at once. */
  function gapAndSlope(run, points) {
    const steps = gapAndSlopeSlowly(run, points);
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
    }
  }

  /** Return the norm of the critic loss's derivative by each hidden layer's activations, the first layer first. */
  function layerNorms(run, { real, fake }) {
    const { critic, inputs } = run;
    const count = real.length / inputs;
    const squares = new Float64Array(critic.net.sizes.length);
    for (const [start, rows] of train.blocks(count, critic)) {
      for (const [points, share] of [[real, -1 / count], [fake, 1 / count]]) {
        critic.memory.hidden[0].set(points.subarray(start * inputs, (start + rows) * inputs));
        network.forward(critic.net, critic.memory, rows);
        critic.memory.delta.at(-1).fill(share, 0, rows);
        network.backward(critic.net, critic.memory, rows, squares);
      }
    }
    return Array.from(squares.subarray(1, -1), Math.sqrt);
  }

  /** Return how the critic's weights are spread over [-extent, extent], as shares of all, and that extent. */
  function histogram(net) {
    let extent = 0;
    let total = 0;
    for (const weights of net.weights) for (const weight of weights) extent = Math.max(extent, Math.abs(weight));
    const shares = new Float64Array(BARS);
    if (extent === 0) return { extent, shares };
    for (const weights of net.weights) {
      for (const weight of weights) {
        shares[Math.min(BARS - 1, Math.floor(((weight / extent + 1) / 2) * BARS))] += 1;
        total += 1;
      }
    }
    return { extent, shares: shares.map((count) => count / total) };
  }

  /** Return the share of the critic's weights that lie at ± a bound. */
  function shareAt(net, bound) {
    const all = net.weights.flatMap((weights) => [...weights]);
    return all.filter((weight) => Math.abs(weight) >= 0.99 * bound).length / all.length;
  }

  /** Return the scores of any points, [rows, inputs]. */
  function scores(net, memory, points) {
    const inputs = net.sizes[0];
    const count = points.length / inputs;
    const found = new Float64Array(count);
    for (const [start, rows] of train.blocks(count, { memory })) {
      memory.hidden[0].set(points.subarray(start * inputs, (start + rows) * inputs));
      found.set(network.forward(net, memory, rows).subarray(0, rows), start);
    }
    return found;
  }

  const RADIUS = Math.hypot(...learn.data.EIGHT[0]);

  /** Return the scores at eight points on a circle, the first turned by so many parts of an eighth. */
  function around(net, memory, radius, turn) {
    const points = learn.data.EIGHT.flatMap((_, i) => {
      const angle = (2 * Math.PI * (i + turn)) / 8;
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    });
    return scores(net, memory, Float64Array.from(points));
  }

  /**
   * Return on how many of the eight Gaussians the score has a summit: it is higher there than halfway to both
   * neighbours on the circle, and than on the same ray at 0.6 and 1.4 of the radius.
   */
  function summits({ critic: { net, memory } }) {
    const modes = around(net, memory, RADIUS, 0);
    const gaps = around(net, memory, RADIUS, 0.5);
    const inside = around(net, memory, 0.6 * RADIUS, 0);
    const outside = around(net, memory, 1.4 * RADIUS, 0);
    return modes.filter((score, i) => score > Math.max(gaps[i], gaps[(i + 7) % 8], inside[i], outside[i])).length;
  }

  /**
   * Return how much higher the eight Gaussians score than points halfway between them on the circle, over the largest
   * rise that the critic's steepest slope allows: `contrast` of src/gradpen/studies/surfaces.py.
   */
  function contrast(run) {
    const { net, memory } = run.critic;
    const modes = around(net, memory, RADIUS, 0);
    const gaps = around(net, memory, RADIUS, 0.5);
    const { real, fake } = draw(run, 256);
    let steepest = 0;
    for (const points of [real, fake]) {
      for (const [start, rows] of train.blocks(256, run.critic)) {
        memory.hidden[0].set(points.subarray(2 * start, 2 * (start + rows)));
        steepest = Math.max(steepest, ...network.slopes(net, memory, rows, 2));
      }
    }
    const rise = steepest * 2 * RADIUS * Math.sin(Math.PI / 8);
    return modes.reduce((sum, score, i) => sum + score - gaps[i], 0) / (8 * rise);
  }

  return { draw, gapAndSlope, gapAndSlopeSlowly, layerNorms, histogram, shareAt, scores, summits, contrast };
})();
