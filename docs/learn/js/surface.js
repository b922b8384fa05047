"use strict";
/** The picture of a critic in the plane: filled contours of its score, its gradient's arrows, data and samples. */
globalThis.learn = globalThis.learn ?? {};

learn.surface = (() => {
  const { network, measure } = learn;
  const WINDOW = learn.state.WINDOW;
  const CELLS = 48;
  const ARROWS = 13;
  const PIXELS = 336;
  const BANDS = 14;
  const POINTS = 192;

  /** Return the places of a square lattice over the window, row by row from the top left, [count², 2]. */
  function lattice(count, inset = 0) {
    const places = new Float64Array(2 * count * count);
    const reach = WINDOW * (1 - inset);
    for (let row = 0, i = 0; row < count; row++) {
      for (let column = 0; column < count; column++) {
        places[i++] = reach * ((2 * column) / (count - 1) - 1);
        places[i++] = reach * (1 - (2 * row) / (count - 1));
      }
    }
    return places;
  }

  const GRID = lattice(CELLS);
  const ROOTS = lattice(ARROWS, 0.06);

  /** Compute, with pauses, what a picture shows: of the weights as they are at the beginning. */
  function* look(run) {
    const { sizes } = run.critic.net;
    const net = network.zeros(sizes);
    network.copy(net, run.critic.net);
    const memory = network.space(sizes);
    const seen = { iteration: run.iteration, heights: new Float64Array(CELLS * CELLS), ...shownPoints(run) };
    for (const [start, rows] of learn.train.blocks(CELLS * CELLS, { memory })) {
      memory.hidden[0].set(GRID.subarray(2 * start, 2 * (start + rows)));
      seen.heights.set(network.forward(net, memory, rows).subarray(0, rows), start);
      yield;
    }
    seen.arrows = new Float64Array(ROOTS.length);
    for (const [start, rows] of learn.train.blocks(ARROWS * ARROWS, { memory })) {
      memory.hidden[0].set(ROOTS.subarray(2 * start, 2 * (start + rows)));
      network.slopes(net, memory, rows, 2);
      seen.arrows.set(memory.delta[0].subarray(0, 2 * rows), 2 * start);
      yield;
    }
    seen.low = Math.min(...seen.heights);
    seen.high = Math.max(...seen.heights);
    return seen;
  }

  /** Return data and samples to draw: always of the same latents, so that samples move and do not flicker. */
  const shownPoints = (run) => measure.draw(run, POINTS, "shown");

  /** Return the colours of the bands, low to high, [red, green, blue] each: even steps of lightness in OKLCH. */
  function palette(dark) {
    return Array.from({ length: BANDS }, (_, band) => {
      const share = band / (BANDS - 1);
      const lightness = dark ? 0.24 + 0.6 * share : 0.965 - 0.56 * share;
      const chroma = dark ? 0.055 + 0.05 * Math.sin(Math.PI * share) : 0.015 + 0.105 * share;
      return fromOklch(lightness, chroma, ((dark ? 285 - 85 * share : 205 + 65 * share) * Math.PI) / 180);
    });
  }

  /** OKLCH to sRGB (Ottosson 2020). */
  function fromOklch(lightness, chroma, hue) {
    const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
    const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
    return [
      4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
      -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
      -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short,
    ].map((light) => {
      const inside = Math.min(1, Math.max(0, light));
      return Math.round(255 * (inside <= 0.0031308 ? 12.92 * inside : 1.055 * inside ** (1 / 2.4) - 0.055));
    });
  }

  /**
   * Draw what `look` saw.
   *
   * @param scale {low, high}: the scores of the lowest and the highest colour.
   */
  function draw(canvas, seen, scale, { dark, arrows }) {
    const size = fit(canvas);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(contours(seen.heights, scale, dark), 0, 0, size, size);
    const at = (x, y) => [((x / WINDOW + 1) / 2) * size, ((1 - y / WINDOW) / 2) * size];
    const unit = size / 400;
    if (arrows) drawArrows(context, seen.arrows, at, unit, size, dark);
    drawPoints(context, seen.fake, at, unit, { fill: "#f4fff9", edge: "#0b3b2c", radius: 2.7 });
    drawPoints(context, seen.real, at, unit, { fill: "#ff8a1f", edge: "#5a2400", radius: 2.7 });
  }

  /** Give a canvas the pixels of its place on the screen; return its side. */
  function fit(canvas) {
    const size = Math.max(64, Math.round(canvas.clientWidth * Math.min(2, globalThis.devicePixelRatio || 1)));
    if (canvas.width !== size) canvas.width = canvas.height = size;
    return size;
  }

  let sheet = null;

  /** Return a canvas with the filled contours: heights between grid points by bilinear interpolation. */
  function contours(heights, { low, high }, dark) {
    if (sheet === null) {
      sheet = document.createElement("canvas");
      sheet.width = sheet.height = PIXELS;
    }
    const context = sheet.getContext("2d");
    const image = context.createImageData(PIXELS, PIXELS);
    const colours = palette(dark);
    const factor = high > low ? BANDS / (high - low) : 0;
    let above = new Int8Array(PIXELS);
    for (let row = 0, i = 0; row < PIXELS; row++) {
      const y = (row / (PIXELS - 1)) * (CELLS - 1);
      const top = Math.min(CELLS - 2, Math.floor(y));
      const down = y - top;
      const bands = new Int8Array(PIXELS);
      for (let column = 0; column < PIXELS; column++, i += 4) {
        const x = (column / (PIXELS - 1)) * (CELLS - 1);
        const left = Math.min(CELLS - 2, Math.floor(x));
        const right = x - left;
        const start = top * CELLS + left;
        const upper = heights[start] + right * (heights[start + 1] - heights[start]);
        const lower = heights[start + CELLS] + right * (heights[start + CELLS + 1] - heights[start + CELLS]);
        const height = upper + down * (lower - upper);
        const band = Math.min(BANDS - 1, Math.max(0, Math.floor((height - low) * factor)));
        bands[column] = band;
        const edge = (column > 0 && bands[column - 1] !== band) || (row > 0 && above[column] !== band);
        const shade = edge ? (dark ? 1.28 : 0.82) : 1;
        image.data[i] = colours[band][0] * shade;
        image.data[i + 1] = colours[band][1] * shade;
        image.data[i + 2] = colours[band][2] * shade;
        image.data[i + 3] = 255;
      }
      above = bands;
    }
    context.putImageData(image, 0, 0);
    return sheet;
  }

  /** Arrows uphill; the steepest has the length of a cell, the others in proportion. */
  function drawArrows(context, vectors, at, unit, size, dark) {
    let steepest = 0;
    for (let i = 0; i < vectors.length; i += 2) steepest = Math.max(steepest, Math.hypot(vectors[i], vectors[i + 1]));
    if (steepest === 0) return;
    context.strokeStyle = dark ? "rgba(255, 255, 255, 0.62)" : "rgba(16, 20, 38, 0.58)";
    context.lineWidth = 1.15 * unit;
    context.beginPath();
    for (let i = 0; i < vectors.length; i += 2) {
      const slope = Math.hypot(vectors[i], vectors[i + 1]);
      const length = (0.92 * size * slope) / steepest / ARROWS;
      if (length < 2 * unit) continue;
      const [x, y] = at(ROOTS[i], ROOTS[i + 1]);
      const angle = Math.atan2(-vectors[i + 1], vectors[i]);
      const [across, down] = [(Math.cos(angle) * length) / 2, (Math.sin(angle) * length) / 2];
      context.moveTo(x - across, y - down);
      context.lineTo(x + across, y + down);
      for (const turn of [2.6, -2.6]) {
        context.moveTo(x + across, y + down);
        context.lineTo(
          x + across + 0.34 * length * Math.cos(angle + turn),
          y + down + 0.34 * length * Math.sin(angle + turn),
        );
      }
    }
    context.stroke();
  }

  function drawPoints(context, points, at, unit, { fill, edge, radius }) {
    context.fillStyle = fill;
    context.strokeStyle = edge;
    context.lineWidth = 0.8 * unit;
    const inputs = points.length / POINTS;
    for (let i = 0; i < points.length; i += inputs) {
      const [x, y] = at(points[i], points[i + 1]);
      context.beginPath();
      context.arc(x, y, radius * unit, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }

  /** Fill a bar with the bands' colours, low to high. */
  function legend(bar, dark) {
    const colours = palette(dark).map((colour) => `rgb(${colour.join(" ")})`);
    const stops = colours.map((colour, i) => `${colour} ${(100 * i) / BANDS}% ${(100 * (i + 1)) / BANDS}%`);
    bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  }

  return { WINDOW, look, draw, legend, fit };
})();
