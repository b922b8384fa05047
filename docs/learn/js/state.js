"use strict";
/** What can be set in the playground, and how a link carries it. */
globalThis.learn = globalThis.learn ?? {};

learn.state = (() => {
  const CONSTRAINTS = ["none", "clipping", "penalty"];
  const SHARED = {
    data: learn.data.NAMES,
    generator: ["fixed", "trained"],
    view: ["both", "one"],
    colours: ["own", "shared"],
    width: [16, 32, 48, 64, 96, 128],
    depth: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    batch: [32, 64, 128, 256],
    criticSteps: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  };
  /** Powers of ten between which a side's sliders move, ten places to a power. */
  const RANGES = { clip: [-4, 0], weight: [-2, 3], criticRate: [-6, -1], generatorRate: [-6, -1] };
  const SIDES = ["left", "right"];
  const LARGEST_SEED = 999999;
  const DEFAULTS = {
    data: "8gaussians",
    generator: "fixed",
    view: "both",
    colours: "own",
    width: 64,
    depth: 3,
    batch: 64,
    criticSteps: 1,
    seed: 1,
    left: { constraint: "clipping", clip: 0.01, weight: 2, criticRate: 5e-4, generatorRate: 5e-4 },
    right: { constraint: "penalty", clip: 0.01, weight: 2, criticRate: 2e-3, generatorRate: 1e-3 },
    drawn: [],
  };
  const WINDOW = 3;
  const CELLS = 36 * 36 - 1;
  const MOST_DRAWN = 300;

  /** Return the value of a slider's place. */
  const valueAt = (place) => Number((10 ** (place / 10)).toPrecision(2));

  /** Return the place nearest to a value. */
  const placeOf = (value) => Math.round(10 * Math.log10(value));

  /** Return settings with the defaults, and others in their stead. */
  const withDefaults = (changes = {}) => ({
    ...DEFAULTS,
    ...changes,
    left: { ...DEFAULTS.left, ...changes.left },
    right: { ...DEFAULTS.right, ...changes.right },
  });

  /** Return the text after # for settings. */
  function toHash(settings) {
    const parts = Object.keys(SHARED).map((name) => `${name}=${settings[name]}`);
    parts.push(`seed=${settings.seed}`);
    for (const side of SIDES) {
      const { constraint, ...numbers } = settings[side];
      parts.push(`${side}=${[constraint, ...Object.keys(RANGES).map((name) => numbers[name])].join(",")}`);
    }
    if (settings.data === "drawn") parts.push(`drawn=${settings.drawn.flat().map(toCell).join("")}`);
    return parts.join("&");
  }

  /** Return the settings of a text after #, or null if it has none; what it leaves out or misspells has its default. */
  function fromHash(hash) {
    if (!hash.includes("=")) return null;
    const found = new URLSearchParams(hash.replace(/^#/, ""));
    const changes = {};
    for (const [name, choices] of Object.entries(SHARED)) {
      const chosen = choices.find((choice) => String(choice) === found.get(name));
      if (chosen !== undefined) changes[name] = chosen;
    }
    const seed = Number(found.get("seed") ?? NaN);
    if (Number.isInteger(seed) && seed >= 0 && seed <= LARGEST_SEED) changes.seed = seed;
    for (const side of SIDES) {
      const [constraint, ...numbers] = (found.get(side) ?? "").split(",");
      changes[side] = CONSTRAINTS.includes(constraint) ? { constraint } : {};
      Object.entries(RANGES).forEach(([name, [low, high]], index) => {
        const place = placeOf(Number(numbers[index] ?? NaN));
        if (place >= 10 * low && place <= 10 * high) changes[side][name] = valueAt(place);
      });
    }
    const cells = (found.get("drawn") ?? "").match(/[0-9a-z]{4}/g) ?? [];
    changes.drawn = cells.slice(0, MOST_DRAWN).map((cell) => [fromCell(cell.slice(0, 2)), fromCell(cell.slice(2))]);
    return withDefaults(changes);
  }

  /** A coordinate in the window takes two letters, so that a drawing fits into a link. */
  function toCell(value) {
    const share = Math.min(1, Math.max(0, (value / WINDOW + 1) / 2));
    return Math.round(share * CELLS).toString(36).padStart(2, "0");
  }

  const fromCell = (letters) => ((parseInt(letters, 36) / CELLS) * 2 - 1) * WINDOW;

  /** Return a coordinate as a link will bring it back. */
  const onCell = (value) => fromCell(toCell(value));

  /** Return what `learn.train.begin` takes, for one side. */
  function settingsOf(settings, side) {
    const { data, drawn, generator, width, depth, batch, criticSteps, seed } = settings;
    const source = learn.data.source(data, drawn);
    return { source, generator, width, depth, batch, criticSteps, seed, ...settings[side] };
  }

  return {
    CONSTRAINTS, SHARED, RANGES, SIDES, LARGEST_SEED, WINDOW, MOST_DRAWN, valueAt, placeOf, withDefaults, toHash,
    fromHash, onCell, settingsOf,
  };
})();
