"use strict";
/** A pad to draw data on: by pointer, or with the arrow keys and space. */
globalThis.learn = globalThis.learn ?? {};

learn.drawing = (() => {
  const { state, surface } = learn;
  const STEP = 0.15;
  const APART = 0.12;
  const SETTLED = 350;

  /**
   * @param pad a canvas that can have the focus.
   * @param changed called with all points, [[x, y], …], a moment after the last change.
   * @param announce says a sentence to those who do not see the pad.
   */
  function create(pad, changed, announce) {
    let points = [];
    let cursor = [0, 0];
    let waiting = null;

    function tell() {
      draw();
      clearTimeout(waiting);
      waiting = setTimeout(() => changed(points), SETTLED);
    }

    function place([x, y]) {
      if (points.length >= state.MOST_DRAWN) return;
      points = [...points, [state.onCell(x), state.onCell(y)]];
      tell();
    }

    function draw() {
      const size = surface.fit(pad);
      const context = pad.getContext("2d");
      const style = getComputedStyle(pad);
      const at = (value) => ((value / surface.WINDOW + 1) / 2) * size;
      context.clearRect(0, 0, size, size);
      context.fillStyle = style.color;
      for (const [x, y] of points) {
        context.beginPath();
        context.arc(at(x), at(-y), size / 90, 0, 2 * Math.PI);
        context.fill();
      }
      if (document.activeElement !== pad) return;
      context.strokeStyle = style.outlineColor;
      context.lineWidth = size / 140;
      const [x, y] = [at(cursor[0]), at(-cursor[1])];
      context.beginPath();
      context.moveTo(x - size / 24, y);
      context.lineTo(x + size / 24, y);
      context.moveTo(x, y - size / 24);
      context.lineTo(x, y + size / 24);
      context.stroke();
    }

    const placeOf = (event) => {
      const { left, top, width, height } = pad.getBoundingClientRect();
      const inside = (share) => Math.min(1, Math.max(-1, share)) * surface.WINDOW;
      return [
        inside((2 * (event.clientX - left)) / width - 1),
        inside(1 - (2 * (event.clientY - top)) / height),
      ];
    };
    pad.addEventListener("pointerdown", (event) => {
      pad.setPointerCapture(event.pointerId);
      place(placeOf(event));
    });
    pad.addEventListener("pointermove", (event) => {
      if (!pad.hasPointerCapture(event.pointerId)) return;
      const [x, y] = placeOf(event);
      const last = points.at(-1);
      if (!last || Math.hypot(x - last[0], y - last[1]) > APART) place([x, y]);
    });

    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    pad.addEventListener("keydown", (event) => {
      if (event.key in moves) {
        const inside = (value) => Math.min(surface.WINDOW, Math.max(-surface.WINDOW, value));
        cursor = cursor.map((value, axis) => inside(value + STEP * moves[event.key][axis]));
        draw();
      } else if (event.key === " ") {
        place(cursor);
        announce("drawing.placed", { count: points.length });
      } else if (event.key === "Backspace") {
        points = points.slice(0, -1);
        announce("drawing.placed", { count: points.length });
        tell();
      } else {
        return;
      }
      event.preventDefault();
    });
    pad.addEventListener("focus", draw);
    pad.addEventListener("blur", draw);

    return {
      set(given) {
        points = given;
        draw();
      },
      clear() {
        points = [];
        tell();
      },
      draw,
    };
  }

  return { create };
})();
