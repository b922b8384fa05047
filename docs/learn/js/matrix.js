"use strict";
/** The one kernel that all networks of the page are made of. A matrix is a Float64Array, row by row. */
globalThis.learn = globalThis.learn ?? {};

learn.matrix = (() => {
  /**
   * out = a bᵀ, or out += a bᵀ, with a of m × k, b of n × k and out of m × n.
   *
   * Blocks of 4 × 4 keep sixteen sums in registers, which is three times as fast as one sum after the other.
   */
  function multiply(out, a, b, m, n, k, add = false) {
    const rows = m - (m % 4);
    const columns = n - (n % 4);
    for (let i = 0; i < rows; i += 4) {
      const r0 = i * k;
      const r1 = r0 + k;
      const r2 = r1 + k;
      const r3 = r2 + k;
      for (let j = 0; j < columns; j += 4) {
        const c0 = j * k;
        const c1 = c0 + k;
        const c2 = c1 + k;
        const c3 = c2 + k;
        let s00 = 0, s01 = 0, s02 = 0, s03 = 0;
        let s10 = 0, s11 = 0, s12 = 0, s13 = 0;
        let s20 = 0, s21 = 0, s22 = 0, s23 = 0;
        let s30 = 0, s31 = 0, s32 = 0, s33 = 0;
        for (let t = 0; t < k; t++) {
          const w0 = b[c0 + t], w1 = b[c1 + t], w2 = b[c2 + t], w3 = b[c3 + t];
          let x = a[r0 + t];
          s00 += x * w0; s01 += x * w1; s02 += x * w2; s03 += x * w3;
          x = a[r1 + t];
          s10 += x * w0; s11 += x * w1; s12 += x * w2; s13 += x * w3;
          x = a[r2 + t];
          s20 += x * w0; s21 += x * w1; s22 += x * w2; s23 += x * w3;
          x = a[r3 + t];
          s30 += x * w0; s31 += x * w1; s32 += x * w2; s33 += x * w3;
        }
        const o0 = i * n + j;
        const o1 = o0 + n;
        const o2 = o1 + n;
        const o3 = o2 + n;
        if (add) {
          out[o0] += s00; out[o0 + 1] += s01; out[o0 + 2] += s02; out[o0 + 3] += s03;
          out[o1] += s10; out[o1 + 1] += s11; out[o1 + 2] += s12; out[o1 + 3] += s13;
          out[o2] += s20; out[o2 + 1] += s21; out[o2 + 2] += s22; out[o2 + 3] += s23;
          out[o3] += s30; out[o3 + 1] += s31; out[o3 + 2] += s32; out[o3 + 3] += s33;
        } else {
          out[o0] = s00; out[o0 + 1] = s01; out[o0 + 2] = s02; out[o0 + 3] = s03;
          out[o1] = s10; out[o1 + 1] = s11; out[o1 + 2] = s12; out[o1 + 3] = s13;
          out[o2] = s20; out[o2 + 1] = s21; out[o2 + 2] = s22; out[o2 + 3] = s23;
          out[o3] = s30; out[o3 + 1] = s31; out[o3 + 2] = s32; out[o3 + 3] = s33;
        }
      }
    }
    edges(out, a, b, 0, rows, columns, n, k, add);
    edges(out, a, b, rows, m, 0, n, k, add);
  }

  /** The entries that fill no block of four: rows from top to bottom, columns from left to n. */
  function edges(out, a, b, top, bottom, left, n, k, add) {
    for (let i = top; i < bottom; i++) {
      for (let j = left; j < n; j++) {
        let sum = 0;
        for (let t = 0; t < k; t++) sum += a[i * k + t] * b[j * k + t];
        out[i * n + j] = add ? out[i * n + j] + sum : sum;
      }
    }
  }

  /** out = aᵀ, with a of m × n. */
  function transpose(out, a, m, n) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) out[j * m + i] = a[i * n + j];
    }
  }

  return { multiply, transpose };
})();
