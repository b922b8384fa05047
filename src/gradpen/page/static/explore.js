// A trained model: samples by seed and label, to choose from.

import { Problem, address, ask, frozen } from "./ask.js";
import { showFound, showNearest, showWalk, work } from "./bench.js";
import { counted, field, figure, fill, h, options, problemOf, save, say } from "./dom.js";
import { labelChooser } from "./labels.js";
import { nameOf } from "./runs.js";

const WAIT = 150; // milliseconds without a move of a slider before new samples are asked for
const SHOWN = 24;
const EACH = 8; // samples of every label
const TRUNCATIONS = [["", "none"], ["2", "±2"], ["1", "±1"], ["0.5", "±0.5"], ["0.2", "±0.2"]];

export async function exploreView(view, [id]) {
  const model = await ask("model", { run: id });
  const wish = { seed: 0, truncation: "", checkpoint: "", every: false };
  const about = h("p", { class: "soft" });
  const shelf = h("div", {});
  const tools = h("div", { class: "row middle" });
  const bench = h("section", { "aria-live": "polite" });
  const things = model.kind === "lines" ? "lines" : "pictures";
  const chosen = [];
  let shown = [];

  const state = () => ({ run: id, truncation: wish.truncation, checkpoint: wish.checkpoint });
  const label = () => (wish.every ? "" : labels?.words());
  const asked = () => ({ ...state(), seed: wish.seed, count: wish.every ? EACH : SHOWN, label: label(), every: wish.every });

  const press = (sample, button) => {
    const at = chosen.findIndex((one) => one.button === button);
    if (at >= 0) chosen.splice(at, 1);
    else chosen.push({ sample, button });
    if (chosen.length > 2) chosen.shift();
    const pressed = (one) => String(chosen.some((each) => each.button === one));
    shelf.querySelectorAll(".sample").forEach((one) => one.setAttribute("aria-pressed", pressed(one)));
    offer();
  };

  const tile = (sample, place) => {
    const line = sample.line !== null;
    const button = h("button", {
      type: "button", class: line ? "sample line" : "sample", "aria-pressed": "false",
      "aria-label": `sample ${place + 1}${sample.words ? `, ${sample.words}` : ""}`,
      onclick: () => press(sample, button),
    }, line ? sample.line : h("img", { src: sample.picture, alt: "" }), sample.words && h("span", {}, sample.words));
    return button;
  };

  const laidOut = (found) => {
    if (found.plane) {
      const over = found.critic === null ? "" : `, over the surface of the critic after ${counted(found.critic)} iterations`;
      return figure(found.plane, `1,000 samples of seed ${wish.seed}${over}`, "grid plane");
    }
    const columns = wish.every ? { "grid-template-columns": `repeat(${EACH}, minmax(2.4rem, 1fr))` } : {};
    return h("div", { class: model.kind === "lines" ? "samples lines" : "samples", style: columns }, shown.map(tile));
  };

  let draws = 0;
  const draw = async () => {
    draws += 1;
    const mine = draws;
    chosen.length = 0;
    fill(bench);
    try {
      const found = await ask("samples", asked());
      if (mine !== draws) return; // asked for something else since
      shown = found.samples;
      fill(about, `The generator after ${counted(found.iteration)} iterations; latents of ${counted(model.latent_dim)} numbers.`);
      fill(shelf, laidOut(found));
      say(`${shown.length || "1,000"} samples of seed ${wish.seed}.`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      fill(shelf, problemOf(error));
    }
    offer();
  };
  let waiting = null;
  const slide = () => {
    clearTimeout(waiting);
    waiting = setTimeout(draw, WAIT);
  };

  const hint = () => {
    if (frozen && wish.seed > 0) return "walks are prepared for seed 0";
    if (frozen) return `choose two of the first ${model.walked.length} samples to walk between them`;
    return chosen.length ? "choose another sample to walk to" : "choose two samples to walk between them";
  };

  // The buttons that go with what is chosen; a page from disk offers what was prepared.
  const offer = () => {
    const samples = chosen.map((one) => one.sample);
    const apart = samples.length === 2 && samples[0].reference !== samples[1].reference;
    const both = apart && (!frozen || samples.every((one) => model.walked.includes(one.reference)));
    const some = samples.length && !frozen ? samples : shown;
    const compared = !frozen || (model.compared && wish.seed === 0 && !wish.every);
    const of = some === shown ? "all" : samples.length === 1 ? "this sample" : "these two";
    const walk = () => work(bench, "Walking from one sample to the other …", () => showWalk(bench, state(), samples));
    const nearest = () => work(bench, `Looking for the nearest ${things} of ${some.length} samples …`,
      () => showNearest(bench, state(), some, things));
    fill(tools,
      model.kind === "pictures" && h("button", { type: "button", class: "main", disabled: !both, onclick: walk }, "Walk between two"),
      shown.length > 0 && compared && h("button", { type: "button", onclick: nearest }, `Nearest ${things} of ${of}`),
      save(address("file", asked()), "samples.png", "Download PNG"),
      save(address("file", { ...asked(), as: "npz" }), "samples.npz", "Download numbers and latents"),
      model.kind === "pictures" && !both && h("span", { class: "soft small" }, hint()));
  };

  const find = (file) => work(bench, "Looking for latents whose sample comes nearest …", async () => {
    const sample = await showFound(bench, { ...state(), label: label() }, file);
    shelf.querySelector(".samples").prepend(tile(sample, shown.length));
    shown.unshift(sample);
  });

  const labels = model.labels ? labelChooser(model.labels, draw, slide) : null;
  const controls = [
    ...seedControls(wish, model, draw, slide),
    labels?.element, labels && everyControl(wish, labels, draw),
    ...(frozen ? [] : stateControls(wish, model, draw)),
    !frozen && model.takes_pictures && uploadControl(find),
  ];
  fill(view,
    h("h1", {}, "Explore ", h("a", { href: `#/run/${nameOf(id)}` }, id === "." ? "the run" : id)),
    about,
    h("div", { class: "row" }, controls), shelf, tools, bench);
  await draw();
  return null;
}

function seedControls(wish, model, draw, slide) {
  if (frozen) {
    const seed = h("select", { onchange: () => { wish.seed = Number(seed.value); draw(); } }, options(model.seeds.map((one) => [one, one])));
    return [field("Seed", seed)];
  }
  const taken = () => { wish.seed = Math.max(0, Math.trunc(Number(seed.value)) || 0); };
  const seed = h("input", { type: "number", min: 0, max: 999999999, value: 0, oninput: () => { taken(); slide(); } });
  const other = () => {
    wish.seed += 1;
    seed.value = wish.seed;
    draw();
  };
  return [field("Seed", seed), h("button", { type: "button", onclick: other }, "Other samples")];
}

function everyControl(wish, labels, draw) {
  const change = () => {
    wish.every = every.checked;
    labels.element.hidden = every.checked;
    draw();
  };
  const every = h("input", { type: "checkbox", onchange: change });
  return h("label", { class: "beside" }, every, "the same latents under every label");
}

function stateControls(wish, model, draw) {
  const states = [["", "the best"], ["last", "the last"], ...model.checkpoints.map((one) => [one, `iteration ${counted(one)}`])];
  const chooser = (name, known) => {
    const control = h("select", { onchange: () => { wish[name] = control.value; draw(); } }, options(known));
    return control;
  };
  return [field("Truncation of latents", chooser("truncation", TRUNCATIONS)), field("State of the run", chooser("checkpoint", states))];
}

function uploadControl(find) {
  const given = () => {
    if (upload.files[0]) find(upload.files[0]);
    upload.value = "";
  };
  const upload = h("input", { type: "file", accept: "image/*", onchange: given });
  return field("Find a picture of yours", upload);
}
