"use strict";
/**
 * One iteration of a Wasserstein GAN, line by line as Algorithm 1 of Arjovsky et al. 2017 (weight clipping) and
 * Algorithm 1 of Gulrajani et al. 2017 (gradient penalty).
 *
 * A step is a generator function that pauses after each block of examples, so that the page can draw in between. What
 * is computed does not depend on the pauses.
 */
globalThis.learn = globalThis.learn ?? {};

learn.train = (() => {
  const { network, optimiser, random } = learn;
  const LATENTS = 2;

  /**
   * Return a run that has not begun.
   *
   * @param settings source, generator ("trained", or "fixed": the data plus noise N(0, I)), constraint ("none",
   *   "clipping" or "penalty"), clip, weight, criticRate, generatorRate, criticSteps, batch, width, depth, seed. The
   *   rates, clip, weight and criticSteps may be changed while it runs. In the place of the data plus noise,
   *   `samples(random, real)` may say what a fixed generator gives.
   */
  function begin(settings) {
    const { source, width, depth, seed } = settings;
    const inputs = source.coordinates + source.labels;
    const hidden = Array.from({ length: depth }, () => width);
    const critic = network.create([inputs, ...hidden, 1], random.stream(seed, "critic"));
    const generator =
      settings.generator === "fixed"
        ? null
        : network.create(
            [LATENTS + source.labels, width, width, width, source.coordinates],
            random.stream(seed, "generator"),
          );
    return {
      settings,
      inputs,
      critic: player(critic, settings.constraint),
      generator: generator && player(generator, settings.constraint),
      points: random.stream(seed, "points"),
      latents: random.stream(seed, "latents"),
      shares: random.stream(seed, "interpolates"),
      iteration: 0,
      last: null,
    };
  }

  /** A network with all that its training needs: RMSProp goes with clipping, Adam with the rest, as in the papers. */
  function player(net, constraint) {
    const gradients = network.zeros(net.sizes);
    const parameters = network.parameters(net);
    return {
      net,
      gradients,
      memory: network.space(net.sizes),
      parameters,
      step: constraint === "clipping" ? optimiser.rmsprop(parameters) : optimiser.adam(parameters),
    };
  }

  /** Lines 2 to 12: n_critic critic steps, then a generator step. */
  function* iteration(run) {
    let measures = null;
    for (let step = 0; step < run.settings.criticSteps; step++) measures = yield* criticStep(run);
    if (run.generator) yield* generatorStep(run);
    run.iteration += 1;
    run.last = measures;
  }

  /** One critic step, on new data and new samples. Returns gap, penalty and, with the penalty, the mean slope. */
  function* criticStep(run) {
    const { settings, critic, inputs } = run;
    const { batch, source } = settings;
    const real = source.draw(run.points, batch);
    const fake = sample(run, real, batch);
    network.parameters(critic.gradients).forEach((values) => values.fill(0));
    const measures = { gap: 0, penalty: 0, slope: null };
    let slopes = 0;
    for (const [start, rows] of blocks(batch, critic)) {
      const block = (points) => critic.memory.hidden[0].set(points.subarray(start * inputs, (start + rows) * inputs));
      // The loss is the mean score of samples less the mean score of data.
      for (const [points, share] of [[real, -1 / batch], [fake, 1 / batch]]) {
        block(points);
        const scores = network.forward(critic.net, critic.memory, rows);
        for (let row = 0; row < rows; row++) measures.gap -= share * scores[row];
        network.addScoreGradients(critic.net, critic.memory, critic.gradients, rows, share);
        yield;
      }
      if (settings.constraint === "penalty") {
        critic.memory.hidden[0].set(interpolates(run.shares, real, fake, start, rows, inputs));
        const { net, memory, gradients } = critic;
        const share = settings.weight / batch;
        const found = network.addPenaltyGradients(net, memory, gradients, rows, share, source.coordinates);
        measures.penalty += found.penalty;
        for (const slope of found.slopes) slopes += slope;
        yield;
      }
    }
    critic.step(network.parameters(critic.gradients), settings.criticRate);
    if (settings.constraint === "clipping") optimiser.clip(critic.parameters, settings.clip);
    if (settings.constraint === "penalty") measures.slope = slopes / batch;
    return measures;
  }

  /** One generator step on new latents: its loss is minus the mean score of samples, the critic held still. */
  function* generatorStep(run) {
    const { settings, critic, generator, inputs } = run;
    const { batch, source } = settings;
    const labels = source.labels > 0 ? source.draw(run.points, batch) : null;
    network.parameters(generator.gradients).forEach((values) => values.fill(0));
    for (const [start, rows] of blocks(batch, critic, generator)) {
      const points = generate(run, labels, start, rows);
      critic.memory.hidden[0].set(points);
      network.forward(critic.net, critic.memory, rows);
      critic.memory.delta.at(-1).fill(-1 / batch, 0, rows);
      const pulls = network.backward(critic.net, critic.memory, rows);
      const delta = generator.memory.delta.at(-1);
      for (let row = 0; row < rows; row++) {
        for (let j = 0; j < source.coordinates; j++) {
          delta[row * source.coordinates + j] = pulls[row * inputs + j];
        }
      }
      network.backward(generator.net, generator.memory, rows);
      network.addGradients(generator.gradients, generator.memory, generator.memory.hidden, rows, true);
      yield;
    }
    generator.step(network.parameters(generator.gradients), settings.generatorRate);
  }

  /** Return as many samples as rows of data, with the labels of the data. */
  function sample(run, real, count) {
    const { inputs, settings } = run;
    if (!run.generator) return (settings.samples ?? disturbed)(run.latents, real);
    const fake = new Float64Array(count * inputs);
    for (const [start, rows] of blocks(count, run.generator)) {
      fake.set(generate(run, real, start, rows), start * inputs);
    }
    return fake;
  }

  /** Return the data plus noise N(0, I), the fixed generator of figure 1a. */
  const disturbed = (latents, real) => real.map((value) => value + latents.normal());

  /** Return `rows` samples with their labels, those of `labelled` from row `start` on; activations stay in memory. */
  function generate(run, labelled, start, rows) {
    const { generator, inputs, latents, settings } = run;
    const { coordinates, labels } = settings.source;
    const into = generator.memory.hidden[0];
    const points = new Float64Array(rows * inputs);
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < LATENTS; j++) into[row * (LATENTS + labels) + j] = latents.normal();
      for (let j = 0; j < labels; j++) {
        const label = labelled[(start + row) * inputs + coordinates + j];
        into[row * (LATENTS + labels) + LATENTS + j] = label;
        points[row * inputs + coordinates + j] = label;
      }
    }
    const out = network.forward(generator.net, generator.memory, rows);
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < coordinates; j++) points[row * inputs + j] = out[row * coordinates + j];
    }
    return points;
  }

  /** Return x̂ = ε x + (1 - ε) x̃ with one ε from U[0, 1] for each example. */
  function interpolates(shares, real, fake, start, rows, inputs) {
    const points = new Float64Array(rows * inputs);
    for (let row = 0; row < rows; row++) {
      const share = shares.uniform();
      for (let j = 0; j < inputs; j++) {
        const at = (start + row) * inputs + j;
        points[row * inputs + j] = share * real[at] + (1 - share) * fake[at];
      }
    }
    return points;
  }

  /** Yield [first row, rows] of each block of a batch that the memories of some players take. */
  function* blocks(count, ...players) {
    const most = Math.min(...players.map((one) => one.memory.rows));
    for (let start = 0; start < count; start += most) yield [start, Math.min(most, count - start)];
  }

  /** Do so many iterations at once, without a pause. */
  function advance(run, iterations) {
    for (let i = 0; i < iterations; i++) for (const pause of iteration(run)) void pause;
  }

  return { LATENTS, begin, iteration, criticStep, generatorStep, advance, sample, generate, interpolates, blocks };
})();
