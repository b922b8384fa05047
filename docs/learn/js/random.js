"use strict";
/** Random numbers that a seed decides, so that a link shows everyone the same run. */
globalThis.learn = globalThis.learn ?? {};

learn.random = (() => {
  /**
   * Return a stream of numbers for a seed (a whole number) and a name; streams of different names are independent.
   *
   * The generator is xoshiro128** (Blackman & Vigna 2018), its state filled by splitmix32 as its authors advise.
   */
  function stream(seed, name) {
    let mixed = hash(name) ^ Math.imul(seed >>> 0, 0x9e3779b9);
    const state = Uint32Array.from({ length: 4 }, () => {
      mixed = (mixed + 0x9e3779b9) | 0;
      let word = mixed ^ (mixed >>> 16);
      word = Math.imul(word, 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
      return word ^ (word >>> 15);
    });
    let spare = null;

    function word() {
      const middle = Math.imul(state[1], 5);
      const result = Math.imul((middle << 7) | (middle >>> 25), 9) >>> 0;
      const shifted = state[1] << 9;
      state[2] ^= state[0];
      state[3] ^= state[1];
      state[1] ^= state[2];
      state[0] ^= state[3];
      state[2] ^= shifted;
      state[3] = (state[3] << 11) | (state[3] >>> 21);
      return result;
    }

    /** A number in [0, 1) with 53 random bits. */
    const uniform = () => ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992;

    /** A number from N(0, 1), by Box and Muller, who give two at a time. */
    function normal() {
      if (spare !== null) {
        const kept = spare;
        spare = null;
        return kept;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    }

    const below = (count) => Math.floor(uniform() * count);
    return { uniform, normal, below };
  }

  /** FNV-1a, 32 bits. */
  function hash(text) {
    let value = 0x811c9dc5;
    for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 0x01000193);
    return value;
  }

  return { stream };
})();
