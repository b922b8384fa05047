"use strict";
/** A conditional WGAN-GP on the eight Gaussians: the label says which. */
globalThis.learn = globalThis.learn ?? {};
learn.chapters = learn.chapters ?? {};

learn.chapters.conditional = (() => {
  const { controls, data, language, loop, random, surface, train } = learn;
  const { say, number, write } = language;
  const COUNT = 64;
  const LABELS = data.EIGHT.length;
  const NEAR = 0.3;
  const WINDOW = 2.3;
  const WORDS_EVERY = 500;
  const NAMES = ["all", ...data.EIGHT.map((_, label) => String(label + 1))];

  const settings = () => ({
    source: data.labelled(),
    generator: "trained",
    constraint: "penalty",
    weight: 0.1,
    criticRate: 1e-3,
    generatorRate: 1e-3,
    criticSteps: 2,
    batch: 64,
    width: 64,
    depth: 3,
    seed: 4,
  });

  /** Return samples of one label, always of the same latents: [[x, y], …]. */
  function samplesOf(run, label) {
    const inputs = run.inputs;
    const asked = new Float64Array(COUNT * inputs);
    for (let row = 0; row < COUNT; row++) asked[row * inputs + 2 + label] = 1;
    const points = train.generate({ ...run, latents: random.stream(4, "shown") }, asked, 0, COUNT);
    return Array.from({ length: COUNT }, (_, row) => [points[row * inputs], points[row * inputs + 1]]);
  }

  /** Return the share of samples, of all labels, that lie within 0.3 of the Gaussian that was asked for. */
  function obedience(run) {
    let near = 0;
    data.EIGHT.forEach(([x, y], label) => {
      for (const point of samplesOf(run, label)) if (Math.hypot(point[0] - x, point[1] - y) < NEAR) near += 1;
    });
    return near / (COUNT * LABELS);
  }

  function begin(root) {
    let run = train.begin(settings());
    let playing = false;
    let work = null;
    let wanted = "all";
    let said = -Infinity;
    let dirty = true;
    const canvas = root.querySelector("canvas");
    const controlled = root.querySelector(".figure-controls");

    function draw(now) {
      if (now - said >= WORDS_EVERY) speak(now);
      if (!dirty) return;
      dirty = false;
      const size = surface.fit(canvas);
      const context = canvas.getContext("2d");
      const style = getComputedStyle(canvas);
      const unit = size / 400;
      const at = ([x, y]) => [((x / WINDOW + 1) / 2) * size, ((1 - y / WINDOW) / 2) * size];
      context.clearRect(0, 0, size, size);
      context.font = `${13 * unit}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      data.EIGHT.forEach((centre, label) => {
        const asked = wanted === "all" || wanted === String(label + 1);
        const [x, y] = at(centre);
        context.fillStyle = style.color;
        context.globalAlpha = asked ? 1 : 0.45;
        context.fillText(label + 1, ...at(centre.map((value) => 1.3 * value)));
        context.strokeStyle = style.outlineColor;
        context.lineWidth = 1.5 * unit;
        context.beginPath();
        context.arc(x, y, (NEAR / WINDOW) * (size / 2), 0, 2 * Math.PI);
        context.stroke();
        context.globalAlpha = asked ? 0.85 : 0.12;
        context.fillStyle = `hsl(${45 * label} 70% 50%)`;
        for (const point of samplesOf(run, label)) {
          context.beginPath();
          context.arc(...at(point), 2.8 * unit, 0, 2 * Math.PI);
          context.fill();
        }
      });
      context.globalAlpha = 1;
    }

    function speak(now) {
      said = now;
      const values = { n: run.iteration.toLocaleString("en"), share: number(Math.round(100 * obedience(run))) };
      write(root.querySelector(".figure-says"), say("conditional.says", values));
      canvas.setAttribute("aria-label", root.querySelector(".figure-says").textContent);
    }

    function refresh() {
      dirty = true;
      said = -Infinity;
    }

    const button = controls.button(controlled, {
      key: "play",
      className: "main",
      press() {
        playing = !playing;
        button.dataset.text = playing ? "pause" : "play";
        button.textContent = say(button.dataset.text);
      },
    });
    controls.button(controlled, {
      key: "restart",
      press() {
        run = train.begin(settings());
        work = null;
        refresh();
      },
    });
    controls.choice(controlled, {
      key: "label",
      names: NAMES,
      value: wanted,
      change(name) {
        wanted = name;
        refresh();
      },
    });
    loop.register({
      element: root,
      work(deadline) {
        while (playing && performance.now() < deadline) {
          work ??= train.iteration(run);
          if (!work.next().done) continue;
          work = null;
          dirty = true;
        }
      },
      draw,
    });
    language.onChange(refresh);
    addEventListener("resize", refresh);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  }

  return { begin, settings, obedience };
})();
