"use strict";
/**
 * The clock of the page: everything that computes gets a share of each frame, so that the page stays smooth.
 *
 * A task has `element`, whose place on the screen decides whether it runs; `work(deadline)`, which computes until then;
 * and `draw(now)`.
 */
globalThis.learn = globalThis.learn ?? {};

learn.loop = (() => {
  const BUDGET = 12;
  const REDUCED_EVERY = 500;
  const reduced = matchMedia("(prefers-reduced-motion: reduce)");
  const tasks = [];
  const frames = [];
  let drawn = -Infinity;

  function register(task) {
    task.visible = true;
    tasks.push(task);
    new IntersectionObserver(([entry]) => (task.visible = entry.isIntersecting), { rootMargin: "80px" }).observe(
      task.element,
    );
  }

  function frame(now) {
    requestAnimationFrame(frame);
    frames.push(now);
    if (frames.length > 40) frames.shift();
    const active = tasks.filter((task) => task.visible);
    const start = performance.now();
    // Someone who asked for less motion sees at most two pictures a second.
    if (!reduced.matches || now - drawn >= REDUCED_EVERY) {
      drawn = now;
      for (const task of active) task.draw(now);
    }
    // What drawing took is not there for computing.
    const left = BUDGET - (performance.now() - start);
    active.forEach((task, index) => task.work(start + BUDGET - left * (1 - (index + 1) / active.length)));
  }

  /** Return frames a second over the last forty. */
  const rate = () => (frames.length < 2 ? 0 : (1000 * (frames.length - 1)) / (frames.at(-1) - frames[0]));

  return { register, start: () => requestAnimationFrame(frame), rate, reduced };
})();
