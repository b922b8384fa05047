"use strict";
/** Small charts as SVG: lines over numbers, and bars. Colours come from the style sheet by class. */
globalThis.learn = globalThis.learn ?? {};

learn.chart = (() => {
  const SPACE = "http://www.w3.org/2000/svg";
  const { number, power } = learn.language;

  function part(parent, name, attributes, words = null) {
    const made = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (words !== null) made.textContent = words;
    parent.append(made);
    return made;
  }

  /** Empty a chart, and return its size on the screen, which is its unit: text keeps its size on every screen. */
  function begin(svg) {
    const width = Math.max(120, Math.round(svg.clientWidth || 200));
    const height = Math.max(70, Math.round(svg.clientHeight || 110));
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren();
    return { width, height };
  }

  /** Return the round numbers of a scale: about three of them, or whole powers of ten. */
  function ticks(low, high, logarithmic) {
    if (logarithmic) {
      const every = Math.max(1, Math.ceil((high - low) / 3));
      return Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) => Math.ceil(low) + i * every).filter(
        (power) => power <= high,
      );
    }
    const rough = (high - low) / 3;
    const size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * size).find((candidate) => candidate >= rough);
    const first = Math.ceil(low / step - 1e-9);
    return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
  }

  /**
   * Draw lines.
   *
   * @param series [{x, y, tone, dots}] with y null where nothing was measured; tone is a class: one, two, faint …
   * @param options.logarithmic the y axis shows powers of ten; values of 0 and below are left out.
   * @param options.level a value that gets a dashed line, if any.
   * @param options.cursor a place on the x axis that gets a vertical line, if any.
   * @param options.whole the numbers of the x axis are whole: layers.
   * @param options.low, options.high values that the y axis shows at least.
   * @returns {toX, toY, frame}: where numbers lie in the chart, to draw more into it.
   */
  function lines(svg, series, options = {}) {
    const { logarithmic = false, level = null, cursor = null, whole = false, low = null, high = null } = options;
    const { width, height } = begin(svg);
    const shown = (value) => value !== null && Number.isFinite(value) && (!logarithmic || value > 0);
    const height10 = (value) => (logarithmic ? Math.log10(value) : value);
    const points = series.flatMap(({ x, y }) => y.map((value, i) => [x[i], value])).filter(([, value]) => shown(value));
    if (points.length === 0) return null;
    const ys = points.map(([, value]) => height10(value));
    if (level !== null) ys.push(height10(level));
    const range = spread(Math.min(low ?? Infinity, ...ys), Math.max(high ?? -Infinity, ...ys), logarithmic ? 2 : 1e-9);
    const xs = points.map(([x]) => x);
    const across = [Math.min(...xs), Math.max(...xs, Math.min(...xs) + 1)];
    const frame = { left: 46, right: width - 8, top: 8, bottom: height - 18 };
    const toX = (x) => frame.left + ((x - across[0]) / (across[1] - across[0])) * (frame.right - frame.left);
    const toY = (y) => frame.bottom - ((y - range[0]) / (range[1] - range[0])) * (frame.bottom - frame.top);
    axes(svg, frame, { toX, toY, across, range, logarithmic, whole });
    if (level !== null) {
      const y = toY(height10(level));
      part(svg, "line", { class: "level", x1: frame.left, x2: frame.right, y1: y, y2: y });
    }
    if (cursor !== null) {
      part(svg, "line", { class: "cursor", x1: toX(cursor), x2: toX(cursor), y1: frame.top, y2: frame.bottom });
    }
    for (const { x, y, tone = "one", dots = false } of series) {
      let path = "";
      let joined = false;
      y.forEach((value, i) => {
        if (!shown(value)) {
          joined = false;
          return;
        }
        const [left, top] = [toX(x[i]).toFixed(1), toY(height10(value)).toFixed(1)];
        path += `${joined ? "L" : "M"}${left} ${top}`;
        joined = true;
        if (dots) part(svg, "circle", { class: `dot ${tone}`, cx: left, cy: top, r: 2.4 });
      });
      part(svg, "path", { class: `line ${tone}`, d: path });
    }
    return { toX, toY, frame };
  }

  function spread(low, high, least) {
    const missing = Math.max(0, least - (high - low));
    const room = 0.06 * (high - low + missing);
    return [low - missing / 2 - room, high + missing / 2 + room];
  }

  function axes(svg, frame, { toX, toY, across, range, logarithmic, whole }) {
    for (const tick of ticks(...range, logarithmic)) {
      const y = toY(tick);
      part(svg, "line", { class: "grid", x1: frame.left, x2: frame.right, y1: y, y2: y });
      const words = logarithmic ? power(tick) : number(Math.abs(tick) < 1e-12 ? 0 : tick);
      part(svg, "text", { class: "tick", x: frame.left - 5, y: y + 3.5, "text-anchor": "end" }, words);
    }
    const marks = whole ? wholes(...across) : ticks(...across, false);
    for (const tick of marks) {
      const x = toX(tick);
      const anchor = x > frame.right - 12 ? "end" : "middle";
      part(svg, "text", { class: "tick", x, y: frame.bottom + 13, "text-anchor": anchor }, count(tick));
    }
    part(svg, "line", { class: "axis", x1: frame.left, x2: frame.right, y1: frame.bottom, y2: frame.bottom });
  }

  function wholes(low, high) {
    const every = Math.ceil((high - low + 1) / 6);
    return Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) => low + i * every);
  }

  const count = (value) => (value >= 10000 ? `${number(value / 1000)}k` : number(value));

  /** Draw bars of shares over [-extent, extent]. */
  function bars(svg, shares, extent) {
    const { width, height } = begin(svg);
    const frame = { left: 8, right: width - 8, top: 8, bottom: height - 18 };
    const tallest = Math.max(...shares, 1e-9);
    const step = (frame.right - frame.left) / shares.length;
    shares.forEach((share, i) => {
      const tall = (share / tallest) * (frame.bottom - frame.top);
      part(svg, "rect", {
        class: "bar",
        x: (frame.left + i * step + 0.4).toFixed(1),
        y: (frame.bottom - tall).toFixed(1),
        width: Math.max(0.8, step - 0.8).toFixed(1),
        height: tall.toFixed(1),
      });
    });
    part(svg, "line", { class: "axis", x1: frame.left, x2: frame.right, y1: frame.bottom, y2: frame.bottom });
    const middle = (frame.left + frame.right) / 2;
    for (const [x, words, anchor] of [
      [frame.left, number(-extent), "start"],
      [middle, "0", "middle"],
      [frame.right, number(extent), "end"],
    ]) {
      part(svg, "text", { class: "tick", x, y: frame.bottom + 13, "text-anchor": anchor }, words);
    }
  }

  return { lines, bars, part, begin };
})();
