"use strict";
/**
 * A perceptron with ReLU, its derivatives, and the derivative of the gradient penalty, all by hand.
 *
 * The network maps h₀ = x to a score (or a point), with l = 1 … L:
 *
 *     z_l = W_l h_{l-1} + b_l        h_l = max(0, z_l) = m_l ∘ z_l        output z_L
 *
 * where the mask m_l is 1 where z_l > 0 and 0 elsewhere. Everything is done for a block of examples at once, one row
 * of a matrix each.
 *
 * First derivatives. With δ_l the derivative of the loss with respect to z_l:
 *
 *     δ_{l-1} = m_{l-1} ∘ (W_lᵀ δ_l)        ∂/∂W_l = δ_l h_{l-1}ᵀ        ∂/∂b_l = δ_l        ∂/∂x = W_1ᵀ δ_1
 *
 * The penalty's derivative. Let u_l be δ_l for the loss D(x̂) itself, so u_L = 1 and the slope's vector is
 *
 *     g = ∇D(x̂) = W_1ᵀ u_1 = W_1ᵀ m_1 ∘ (W_2ᵀ m_2 ∘ ( … W_Lᵀ))
 *
 * The penalty λ (‖g‖ - 1)² changes with g by s = 2 λ (‖g‖ - 1) g / ‖g‖, so with W_l it changes as sᵀg does, s held
 * still. Masks are constant almost everywhere: a small change of the weights moves no z across 0. Read from the other
 * side, sᵀg is what comes out when s goes forward through the same layers without offsets and with the same masks:
 *
 *     t₀ = s        t_l = m_l ∘ (W_l t_{l-1})        sᵀg = W_L t_{L-1}
 *
 * Since W_l stands in that product once, between t_{l-1} and u_l,
 *
 *     ∂ penalty / ∂W_l = u_l t_{l-1}ᵀ        ∂ penalty / ∂b_l = 0
 *
 * It is the first derivative's formula with t in place of h.
 */
globalThis.learn = globalThis.learn ?? {};

learn.network = (() => {
  const { multiply, transpose } = learn.matrix;
  const MOST_ROWS = 64;
  const FEWEST_ROWS = 8;
  const PRODUCTS = 600_000;

  /** Return a network of the sizes [inputs, hidden …, outputs] whose weights and offsets are all 0. */
  function zeros(sizes) {
    const layers = sizes.length - 1;
    return {
      sizes,
      weights: Array.from({ length: layers }, (_, l) => new Float64Array(sizes[l + 1] * sizes[l])),
      biases: Array.from({ length: layers }, (_, l) => new Float64Array(sizes[l + 1])),
    };
  }

  /** Return a network with weights uniform in ± √(6 / inputs of the layer) (He et al. 2015) and offsets 0. */
  function create(sizes, random) {
    const network = zeros(sizes);
    network.weights.forEach((weights, l) => {
      const bound = Math.sqrt(6 / sizes[l]);
      for (let i = 0; i < weights.length; i++) weights[i] = bound * (2 * random.uniform() - 1);
    });
    return network;
  }

  /** Return all parameters, an array for each weight matrix and each vector of offsets. */
  const parameters = (network) => network.weights.flatMap((weights, l) => [weights, network.biases[l]]);

  /** Give one network the parameters of another of the same sizes. */
  function copy(to, from) {
    parameters(from).forEach((values, index) => parameters(to)[index].set(values));
  }

  /** Return how many examples a pass takes: fewer through a large network, so that none keeps the page waiting. */
  function rowsOf(sizes) {
    const products = sizes.slice(1).reduce((sum, size, l) => sum + size * sizes[l], 0);
    return Math.max(FEWEST_ROWS, Math.min(MOST_ROWS, 4 * Math.floor(PRODUCTS / products / 4)));
  }

  /** Return the memory that passes through a network of these sizes need. */
  function space(sizes) {
    const rows = rowsOf(sizes);
    const block = (size) => new Float64Array(rows * size);
    const widest = Math.max(...sizes);
    return {
      rows,
      hidden: sizes.map(block),
      delta: sizes.map(block),
      tangent: sizes.map(block),
      turned: [block(widest), block(widest)],
      matrix: new Float64Array(Math.max(...sizes.slice(1).map((size, l) => size * sizes[l]))),
    };
  }

  /** Carry `memory.hidden[0]`, [rows, inputs], through the network; the output is left in the last `hidden`. */
  function forward(network, memory, rows) {
    const { sizes, weights, biases } = network;
    const last = sizes.length - 1;
    for (let l = 1; l <= last; l++) {
      const out = memory.hidden[l];
      const size = sizes[l];
      multiply(out, memory.hidden[l - 1], weights[l - 1], rows, size, sizes[l - 1]);
      const offsets = biases[l - 1];
      for (let row = 0, i = 0; row < rows; row++) {
        for (let j = 0; j < size; j++, i++) {
          const z = out[i] + offsets[j];
          out[i] = z > 0 || l === last ? z : 0;
        }
      }
    }
    return memory.hidden[last];
  }

  /**
   * Carry the derivative with respect to the output, in the last `delta`, back to the input, in `delta[0]`.
   *
   * @param squares if given, squares[l] grows by the squared norm of the derivative with respect to h_l.
   */
  function backward(network, memory, rows, squares = null) {
    const { sizes, weights } = network;
    for (let l = sizes.length - 1; l >= 1; l--) {
      const out = memory.delta[l - 1];
      transpose(memory.matrix, weights[l - 1], sizes[l], sizes[l - 1]);
      multiply(out, memory.delta[l], memory.matrix, rows, sizes[l - 1], sizes[l]);
      if (squares !== null) {
        for (let i = 0; i < rows * sizes[l - 1]; i++) squares[l - 1] += out[i] * out[i];
      }
      if (l > 1) mask(out, memory.hidden[l - 1], rows * sizes[l - 1]);
    }
    return memory.delta[0];
  }

  /** Carry directions in `tangent[0]`, [rows, inputs], forward with the masks of the last forward pass: t above. */
  function forwardTangent(network, memory, rows) {
    const { sizes, weights } = network;
    for (let l = 1; l < sizes.length - 1; l++) {
      multiply(memory.tangent[l], memory.tangent[l - 1], weights[l - 1], rows, sizes[l], sizes[l - 1]);
      mask(memory.tangent[l], memory.hidden[l], rows * sizes[l]);
    }
  }

  /** Set to 0 what belongs to a unit that is off. */
  function mask(values, hidden, count) {
    for (let i = 0; i < count; i++) if (hidden[i] <= 0) values[i] = 0;
  }

  /** Add the derivatives δ_l inputs_{l-1}ᵀ to `gradients`: of the loss with h as inputs, of the penalty with t. */
  function addGradients(gradients, memory, inputs, rows, offsets) {
    const { sizes } = gradients;
    const [left, right] = memory.turned;
    for (let l = 1; l < sizes.length; l++) {
      transpose(left, memory.delta[l], rows, sizes[l]);
      transpose(right, inputs[l - 1], rows, sizes[l - 1]);
      multiply(gradients.weights[l - 1], left, right, sizes[l], sizes[l - 1], rows, true);
      if (!offsets) continue;
      const sums = gradients.biases[l - 1];
      for (let row = 0, i = 0; row < rows; row++) {
        for (let j = 0; j < sizes[l]; j++, i++) sums[j] += memory.delta[l][i];
      }
    }
  }

  /** Add the derivative of the output's sum, each row's times `share`, to `gradients`; the output must be in memory. */
  function addScoreGradients(network, memory, gradients, rows, share) {
    memory.delta.at(-1).fill(share, 0, rows);
    backward(network, memory, rows);
    addGradients(gradients, memory, memory.hidden, rows, true);
  }

  /** Leave ∇D at the points of `memory.hidden[0]` in `delta[0]`, and return their slopes over the first coordinates. */
  function slopes(network, memory, rows, coordinates) {
    forward(network, memory, rows);
    memory.delta.at(-1).fill(1, 0, rows);
    const vectors = backward(network, memory, rows);
    const inputs = network.sizes[0];
    return Float64Array.from({ length: rows }, (_, row) => {
      let square = 0;
      for (let j = 0; j < coordinates; j++) square += vectors[row * inputs + j] ** 2;
      return Math.sqrt(square);
    });
  }

  /**
   * Add the derivative of weight · Σ (‖∇D(x̂)‖ - 1)², over the rows of `memory.hidden[0]`, to `gradients`.
   *
   * @param coordinates inputs that are a point's; the others are its label, of which no slope is taken.
   * @returns the penalty's value and the slopes.
   */
  function addPenaltyGradients(network, memory, gradients, rows, weight, coordinates) {
    const found = slopes(network, memory, rows, coordinates);
    const inputs = network.sizes[0];
    const directions = memory.tangent[0].fill(0, 0, rows * inputs);
    let penalty = 0;
    for (let row = 0; row < rows; row++) {
      const excess = found[row] - 1;
      penalty += weight * excess * excess;
      // A norm has no derivative at 0; 0 is one of its subgradients, and the one that PyTorch takes.
      const share = found[row] > 0 ? (2 * weight * excess) / found[row] : 0;
      for (let j = 0; j < coordinates; j++) {
        directions[row * inputs + j] = share * memory.delta[0][row * inputs + j];
      }
    }
    forwardTangent(network, memory, rows);
    addGradients(gradients, memory, memory.tangent, rows, false);
    return { penalty, slopes: found };
  }

  return {
    zeros, create, parameters, copy, space, forward, backward, addGradients, addScoreGradients, slopes,
    addPenaltyGradients,
  };
})();
