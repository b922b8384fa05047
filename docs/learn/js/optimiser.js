"use strict";
/** The two optimisers of the papers. Each returns a function that moves the parameters down their gradients. */
globalThis.learn = globalThis.learn ?? {};

learn.optimiser = (() => {
  /** Adam (Kingma & Ba 2015), beta1 0.5 and beta2 0.9 as in gan_toy.py of Gulrajani et al. 2017. */
  function adam(parameters, { beta1 = 0.5, beta2 = 0.9, epsilon = 1e-8 } = {}) {
    const means = parameters.map((values) => new Float64Array(values.length));
    const squares = parameters.map((values) => new Float64Array(values.length));
    let step = 0;
    return (gradients, rate) => {
      step += 1;
      const first = 1 - beta1 ** step;
      const second = Math.sqrt(1 - beta2 ** step);
      parameters.forEach((values, index) => {
        const [gradient, mean, square] = [gradients[index], means[index], squares[index]];
        for (let i = 0; i < values.length; i++) {
          mean[i] = beta1 * mean[i] + (1 - beta1) * gradient[i];
          square[i] = beta2 * square[i] + (1 - beta2) * gradient[i] * gradient[i];
          values[i] -= ((rate / first) * mean[i]) / (Math.sqrt(square[i]) / second + epsilon);
        }
      });
    };
  }

  /**
   * RMSProp as TensorFlow has it, decay 0.9, for weight clipping: gan_toy.py uses that one.
   *
   * The running mean of squares starts at 1 and epsilon is inside the root, so that the first steps are short.
   */
  function rmsprop(parameters, { decay = 0.9, epsilon = 1e-10 } = {}) {
    const squares = parameters.map((values) => new Float64Array(values.length).fill(1));
    return (gradients, rate) => {
      parameters.forEach((values, index) => {
        const [gradient, square] = [gradients[index], squares[index]];
        for (let i = 0; i < values.length; i++) {
          square[i] = decay * square[i] + (1 - decay) * gradient[i] * gradient[i];
          values[i] -= (rate * gradient[i]) / Math.sqrt(square[i] + epsilon);
        }
      });
    };
  }

  /** Weight clipping (Arjovsky et al. 2017): every parameter goes back into [-bound, bound]. */
  function clip(parameters, bound) {
    for (const values of parameters) {
      for (let i = 0; i < values.length; i++) values[i] = Math.min(bound, Math.max(-bound, values[i]));
    }
  }

  return { adam, rmsprop, clip };
})();
