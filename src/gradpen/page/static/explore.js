// A trained model: samples by seed, walks between them, labels, nearest pictures, a picture of one's own.

import { Problem, address, ask, frozen } from "./ask.js";
import { counted, field, figure, fill, h, problemOf, save, say, short } from "./dom.js";
import { labelChooser } from "./labels.js";
import { nameOf } from "./runs.js";

const WAIT = 150; // milliseconds without a change before new samples are asked for
const FRAME = 90; // milliseconds a frame of a walk is shown

export async function exploreView(view, [id]) {
  const model = await ask("model", { run: id });
  const chosen = [];
  const wish = { seed: 0, count: frozen ? 24 : model.kind === "lines" ? 16 : 24, truncation: "", checkpoint: "best", every: false };
  const shelf = h("div", {});
  const bench = h("section", { "aria-live": "polite" });
  let shown = [];

  const asked = () => ({ run: id, seed: wish.seed, count: wish.count, label: wish.every ? "" : labels?.words(), truncation: wish.truncation, checkpoint: wish.checkpoint === "best" ? "" : wish.checkpoint, every: wish.every });
  const work = async (words, task) => {
    say(words);
    fill(bench, h("p", { class: "soft" }, words));
    try {
      await task();
      say("Done.");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      fill(bench, problemOf(error));
    }
  };

  const press = (sample, button) => {
    const at = chosen.findIndex((one) => one.button === button);
    if (at >= 0) chosen.splice(at, 1);
    else chosen.push({ sample, button });
    if (chosen.length > 2) chosen.shift();
    shelf.querySelectorAll(".sample").forEach((one) => one.setAttribute("aria-pressed", chosen.some((each) => each.button === one)));
    offer();
  };

  const tile = (sample, place) => {
    const name = `sample ${place + 1}${sample.words ? `, ${sample.words}` : ""}`;
    const button = h("button", { type: "button", class: `sample${sample.line === null ? "" : " line"}`, "aria-pressed": "false", "aria-label": name, onclick: () => press(sample, button) },
      sample.line === null ? h("img", { src: sample.picture, alt: "" }) : sample.line, sample.words && h("span", {}, sample.words));
    return button;
  };

  const draw = async () => {
    chosen.length = 0;
    fill(bench);
    try {
      const found = await ask("samples", asked());
      shown = found.samples;
      fill(shelf, found.plane ? figure(found.plane, `1,000 samples of seed ${wish.seed}; the critic's surface is with the samples through training`, "grid")
        : h("div", { class: `samples${model.kind === "lines" ? " lines" : ""}`, style: wish.every ? { "grid-template-columns": `repeat(${wish.count}, minmax(2.4rem, 1fr))` } : {} }, shown.map(tile)));
      say(`${shown.length || "1,000"} samples of seed ${wish.seed}.`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      fill(shelf, problemOf(error));
    }
    offer();
  };
  let waiting = null;
  const change = () => { clearTimeout(waiting); waiting = setTimeout(draw, WAIT); };

  const walk = () => work("Walking from one sample to the other …", async () => {
    const values = { run: id, sample: chosen.map((one) => one.sample.reference), label: chosen[0].sample.label, truncation: wish.truncation, checkpoint: asked().checkpoint };
    const { frames } = await ask("walk", values);
    const picture = h("img", { src: frames[0], alt: "a sample on the way" });
    let at = 0, step = 1;
    if (matchMedia("(prefers-reduced-motion: no-preference)").matches) {
      const timer = setInterval(() => {
        if (!picture.isConnected) return clearInterval(timer);
        at += step;
        if (at === frames.length - 1 || at === 0) step = -step;
        picture.src = frames[at];
      }, FRAME);
    }
    fill(bench, h("h2", {}, "From one sample to the other"), h("figure", { class: "walk" }, picture),
      h("div", { class: "samples" }, frames.map((frame, place) => h("img", { src: frame, alt: `step ${place + 1} of ${frames.length}` }))),
      save(address("walk", { ...values, gif: true }), "walk.gif", "Download as GIF"));
  });

  const nearest = (samples) => work(`Looking for the nearest pictures of ${samples.length} samples …`, async () => {
    const values = { run: id, sample: samples.map((one) => one.reference), as: samples.every((one) => one.label !== null) ? samples.map((one) => one.label) : [], truncation: wish.truncation, checkpoint: asked().checkpoint };
    const found = await ask("nearest", values);
    const order = found.samples.map((one, place) => ({ ...one, sample: samples[place], place })).sort((one, other) => one.train.distance - other.train.distance);
    const three = (one) => [one.sample, one.train, one.held_out].map((each, at) => h("img", { src: each.picture, alt: ["the sample", "nearest training example", "nearest held-out example"][at] }));
    fill(bench, h("h2", {}, `Nearest ${things}, the nearest sample first`), h("p", {}, found.verdict),
      h("p", { class: "soft small" }, `Distance: ${found.unit}. A real held-out example is typically ${short(found.floor)} from its nearest training example.`),
      h("p", { class: "soft small" }, `Each from left to right: the sample, the nearest of ${counted(found.among.train)} to train on, the nearest of ${counted(found.among.held_out)} held out.`),
      h("ol", { class: "neighbours" }, order.map((one) => h("li", {}, h("div", {}, three(one)),
        h("span", { class: "small" }, `${one.sample.words ? `${one.sample.words}: ` : ""}${short(one.train.distance)} to the training example, ${short(one.held_out.distance)} to the held-out one`)))));
  });

  const find = (file) => work("Looking for latents whose sample comes nearest …", async () => {
    const found = await ask("find", { run: id, label: labels?.words(), checkpoint: asked().checkpoint }, { method: "POST", body: file });
    const button = tile(found.sample, shown.length);
    shelf.querySelector(".samples")?.prepend(button);
    shown.unshift(found.sample);
    fill(bench, h("h2", {}, "Your picture, and the nearest sample"), h("div", { class: "samples", style: { "--side": "9rem", "max-width": "24rem" } }, h("img", { src: found.given, alt: "your picture" }), h("img", { src: found.sample.picture, alt: "nearest sample" })),
      h("p", {}, `${short(found.distance)} apart: mean absolute error over pixels, 0 to 255. The sample stands first above: choose it and another to walk between them.`));
  });

  const hint = () => {
    if (frozen) return wish.seed === 0 ? `choose two of the first ${model.walked.length} samples to walk between them` : "walks are prepared for seed 0";
    return chosen.length ? "choose another sample to walk to" : "choose two samples to walk between them";
  };
  const tools = h("div", { class: "row middle" });
  const things = model.kind === "lines" ? "lines" : "pictures";
  const offer = () => {
    const both = chosen.length === 2 && (!frozen || chosen.every((one) => model.walked.includes(one.sample.reference)));
    const some = chosen.length && !frozen ? chosen.map((one) => one.sample) : shown;
    const compared = !frozen || (model.compared && wish.seed === 0 && !wish.every);
    const of = some === shown ? "all" : chosen.length === 1 ? "this sample" : "these two";
    fill(tools, ...[
      model.kind === "pictures" && h("button", { type: "button", class: "main", disabled: !both, onclick: walk }, "Walk between two"),
      shown.length > 0 && compared && h("button", { type: "button", onclick: () => nearest(some) }, `Nearest ${things} of ${of}`),
      save(address("file", asked()), "samples.png", "Download PNG"), save(address("file", { ...asked(), as: "npz" }), "samples.npz", "Download numbers and latents"),
    ].filter(Boolean));
    if (model.kind === "pictures" && !both) tools.append(h("span", { class: "soft small" }, hint()));
  };

  const seed = frozen ? h("select", { onchange: () => { wish.seed = Number(seed.value); draw(); } }, model.seeds.map((one) => h("option", { value: one }, one)))
    : h("input", { type: "number", min: 0, max: 999999999, value: 0, oninput: () => { wish.seed = Math.max(0, Math.trunc(Number(seed.value)) || 0); change(); } });
  const labels = model.labels ? labelChooser(model.labels, draw, change) : null;
  const every = model.labels ? h("input", { type: "checkbox", onchange: () => { wish.every = every.checked; wish.count = wish.every ? 8 : 24; labels.element.hidden = wish.every; draw(); } }) : null;
  const truncation = h("select", { onchange: () => { wish.truncation = truncation.value; draw(); } }, [["", "none"], ["2", "±2"], ["1", "±1"], ["0.5", "±0.5"], ["0.2", "±0.2"]].map(([value, words]) => h("option", { value }, words)));
  const checkpoint = h("select", { onchange: () => { wish.checkpoint = checkpoint.value; draw(); } }, [["best", "the best"], ["last", "the last"], ...model.checkpoints.map((one) => [String(one), `iteration ${counted(one)}`])].map(([value, words]) => h("option", { value }, words)));
  const upload = h("input", { type: "file", accept: "image/*", onchange: () => { if (upload.files[0]) find(upload.files[0]); upload.value = ""; } });

  fill(view,
    h("h1", {}, "Explore ", h("a", { href: `#/run/${nameOf(id)}` }, id === "." ? "the run" : id)),
    h("p", { class: "soft" }, `The generator after ${counted(model.iteration)} iterations; latents of ${counted(model.latent_dim)} numbers.`),
    h("div", { class: "row" }, field("Seed", seed),
      !frozen && h("button", { type: "button", onclick: () => { wish.seed += 1; seed.value = wish.seed; draw(); } }, "Other samples"),
      labels?.element, every && h("label", { class: "beside" }, every, "the same latents under every label"),
      !frozen && field("Truncation of latents", truncation), !frozen && field("State of the run", checkpoint),
      !frozen && model.takes_pictures && field("Find a picture of yours", upload)),
    shelf, tools, bench);
  await draw();
  return null;
}
