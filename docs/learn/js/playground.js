"use strict";
/** The playground: two critics side by side on the same data, and everything that can be set. */
globalThis.learn = globalThis.learn ?? {};

learn.playground = (() => {
  const { controls, loop, panel: panels, state, surface } = learn;
  const { say, number } = learn.language;
  const SHARE_FOR_PICTURES = 0.35;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 46rem)");
  /** What a scene changes of the defaults. */
  const SCENES = {
    eight: {},
    "twenty-five": { data: "25gaussians" },
    roll: { data: "swissroll" },
    deep: { data: "swissroll", depth: 12, right: { criticRate: 5e-4 } },
    players: {
      generator: "trained",
      criticSteps: 5,
      left: { clip: 0.1 },
      right: { weight: 1, criticRate: 1e-3 },
    },
    unconstrained: { left: { constraint: "none", criticRate: 2e-3 } },
  };

  let settings = state.withDefaults();
  let playing = false;
  let training = null;
  const sides = [];
  const shared = {};
  const find = (id) => document.getElementById(id);

  const active = () => (settings.view === "both" ? sides : sides.slice(1));

  /** Iterations of all active sides by turns, for ever; it says when all have done one. */
  function* turns() {
    for (;;) {
      for (const side of active()) yield* panels.iterate(side);
      yield true;
    }
  }

  /** Do so many iterations at once. Drawing is left to the next frames. */
  function run(iterations) {
    for (let done = 0; done < iterations; ) if (training.next().value) done += 1;
  }

  function restart() {
    training = turns();
    for (const side of sides) panels.restart(side, settings);
    document.body.dataset.view = settings.view;
    find("pad-box").hidden = settings.data !== "drawn";
    find("pad-hint").hidden = settings.data !== "drawn" || settings.drawn.length > 0;
    history.replaceState(null, "", `#${state.toHash(settings)}`);
  }

  function play(wanted) {
    playing = wanted;
    const button = find("play");
    button.dataset.text = wanted ? "pause" : "play";
    button.textContent = say(button.dataset.text);
  }

  function announce(key, values) {
    find("live").textContent = say(key, values);
  }

  /** Take settings, show them in the controls and begin. */
  function use(changed) {
    settings = changed;
    for (const name of Object.keys(state.SHARED)) shared[name].show(settings[name]);
    find("seed").value = settings.seed;
    shared.pad.set(settings.drawn);
    restart();
  }

  function change(name, value) {
    settings = { ...settings, [name]: value };
    if (name === "criticSteps") return keep();
    if (name === "colours") {
      for (const side of sides) side.drawn.picture = false;
      return keep();
    }
    return restart();
  }

  /** A side's setting: the constraint needs a new beginning, the numbers act at once. */
  function changeSide(side, name, value) {
    settings = { ...settings, [side]: { ...settings[side], [name]: value } };
    if (name === "constraint") restart();
    else keep();
  }

  /** Hand numbers to the runs that go on, and to the link. */
  function keep() {
    for (const side of sides) {
      const { constraint, ...numbers } = settings[side.side];
      Object.assign(side.run.settings, numbers, { criticSteps: settings.criticSteps });
    }
    history.replaceState(null, "", `#${state.toHash(settings)}`);
  }

  function work(deadline) {
    const now = performance.now();
    const stop = playing ? now + SHARE_FOR_PICTURES * (deadline - now) : deadline;
    const looking = active().filter((side) => side.looking !== null || side.dirty);
    looking.forEach((side, i) => panels.look(side, now + ((stop - now) * (i + 1)) / looking.length));
    while (playing && performance.now() < deadline) training.next();
  }

  function draw(now) {
    const seen = active().flatMap((side) => side.seen ?? []);
    const common = { low: Math.min(...seen.map((one) => one.low)), high: Math.max(...seen.map((one) => one.high)) };
    for (const side of active()) {
      panels.draw(side, now, settings.colours === "shared" ? common : side.seen, dark.matches);
    }
    find("rate").textContent = say("frames", { n: Math.round(loop.rate()) });
  }

  function build() {
    for (const name of state.SIDES) {
      sides.push(panels.create(find("sides"), name, settings[name], (key, value) => changeSide(name, key, value)));
    }
    const place = find("shared");
    for (const name of ["data", "generator", "view", "colours"]) {
      const made = controls.choice(find(`choose-${name}`), {
        key: name,
        names: state.SHARED[name],
        value: settings[name],
        change: (value) => change(name, value),
      });
      shared[name] = { show: made.set };
    }
    for (const name of ["criticSteps", "depth", "width", "batch"]) {
      const values = state.SHARED[name];
      const made = controls.slider(place, {
        key: `slider.${name}`,
        low: 0,
        high: values.length - 1,
        place: values.indexOf(settings[name]),
        valueAt: (at) => values[at],
        change: (value) => change(name, value),
      });
      shared[name] = { show: (value) => made.set(values.indexOf(value)) };
    }
    for (const name of Object.keys(SCENES)) {
      controls.button(find("scenes"), { key: `scene.${name}`, press: () => show(name) });
    }
    shared.pad = learn.drawing.create(
      find("pad"),
      (points) => {
        find("pad-hint").hidden = points.length > 0;
        change("drawn", points);
      },
      announce,
    );
    listen();
    colour();
  }

  /** Show a scene of the paper; how many sides there are and the drawing stay as they are. */
  function show(name) {
    use({ ...state.withDefaults(SCENES[name]), view: settings.view, drawn: settings.drawn });
    announce("announce.scene", { scene: say(`scene.${name}`) });
    if (!loop.reduced.matches) play(true);
  }

  function listen() {
    find("play").addEventListener("click", () => {
      play(!playing);
      announce(playing ? "announce.playing" : "announce.paused", { n: sides[1].run.iteration });
    });
    find("step").addEventListener("click", () => {
      play(false);
      run(1);
      const { gap } = learn.measure.gapAndSlope(sides[1].run, learn.measure.draw(sides[1].run, 128));
      announce("announce.stepped", { n: sides[1].run.iteration, gap: number(gap) });
    });
    find("restart").addEventListener("click", () => {
      restart();
      announce("announce.restarted", { seed: settings.seed });
    });
    find("seed").addEventListener("change", () => {
      const seed = Number(find("seed").value);
      if (Number.isInteger(seed) && seed >= 0 && seed <= state.LARGEST_SEED) change("seed", seed);
      else find("seed").value = settings.seed;
    });
    find("chance").addEventListener("click", () => {
      find("seed").value = Math.floor(Math.random() * 10000);
      change("seed", Number(find("seed").value));
    });
    find("clear").addEventListener("click", () => shared.pad.clear());
    dark.addEventListener("change", colour);
    addEventListener("resize", redraw);
    addEventListener("hashchange", () => {
      const given = state.fromHash(location.hash);
      if (given !== null) use(given);
    });
    learn.language.onChange(redraw);
  }

  function colour() {
    for (const { parts } of sides) surface.legend(parts.bar, dark.matches);
    redraw();
  }

  function redraw() {
    for (const side of sides) side.drawn = {};
    shared.pad.draw();
  }

  function begin() {
    build();
    use(state.fromHash(location.hash) ?? state.withDefaults(narrow.matches ? { view: "one" } : {}));
    loop.register({ element: find("playground"), work, draw });
    play(!loop.reduced.matches);
  }

  return { begin, run, play, sides, use, settings: () => settings };
})();
