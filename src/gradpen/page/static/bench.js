// What is found out about samples: the way between two, their nearest pictures, the sample nearest to a picture.

import { Problem, address, ask } from "./ask.js";
import { counted, fill, h, problemOf, save, say, short } from "./dom.js";

const FRAME = 90; // milliseconds a frame of a walk is shown

// Does something that takes a while, and says what; what went wrong is said where its result would stand.
export async function work(bench, words, task) {
  say(words);
  fill(bench, h("p", { class: "soft" }, words));
  try {
    await task();
    say("Done.");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    fill(bench, problemOf(error));
  }
}

// Shows frames one after the other, there and back, unless the reader wants nothing to move.
function playing(frames) {
  const picture = h("img", { src: frames[0], alt: "a sample on the way" });
  if (!matchMedia("(prefers-reduced-motion: no-preference)").matches) return picture;
  let at = 0;
  let step = 1;
  const timer = setInterval(() => {
    if (!picture.isConnected) {
      clearInterval(timer);
      return;
    }
    at += step;
    if (at === frames.length - 1 || at === 0) step = -step;
    picture.src = frames[at];
  }, FRAME);
  return picture;
}

export async function showWalk(bench, asked, samples) {
  const values = { ...asked, sample: samples.map((one) => one.reference), label: samples[0].label };
  const { frames } = await ask("walk", values);
  fill(bench,
    h("h2", {}, "From one sample to the other"),
    samples[0].words && h("p", { class: "soft small" }, `Under the label ${samples[0].words} all the way.`),
    h("figure", { class: "walk" }, playing(frames)),
    h("div", { class: "samples" },
      frames.map((frame, place) => h("img", { src: frame, alt: `step ${place + 1} of ${frames.length}` }))),
    save(address("walk", { ...values, gif: true }), "walk.gif", "Download as GIF"));
}

const PARTS = ["the sample", "nearest training example", "nearest held-out example"];

function neighbour(one) {
  const pictures = [one.sample, one.train, one.held_out];
  const label = one.sample.words ? `${one.sample.words}: ` : "";
  const distances = `${short(one.train.distance)} to the training example, ${short(one.held_out.distance)} to the held-out one`;
  const shown = one.sample.line === null
    ? h("div", {}, pictures.map((each, place) => h("img", { src: each.picture, alt: PARTS[place] })))
    : h("pre", {}, pictures.map((each) => each.line).join("\n"));
  return h("li", {},
    shown,
    h("span", { class: "small" }, label + distances));
}

export async function showNearest(bench, asked, samples, things) {
  const labels = samples.map((one) => one.label).filter((label) => label !== null);
  const found = await ask("nearest", { ...asked, sample: samples.map((one) => one.reference), as: labels });
  const order = found.samples.map((one, place) => ({ ...one, sample: samples[place] }));
  order.sort((one, other) => one.train.distance - other.train.distance);
  const { train, held_out: heldOut } = found.among;
  fill(bench,
    h("h2", {}, `Nearest ${things}, the nearest sample first`),
    h("p", {}, found.verdict),
    h("p", { class: "soft small" },
      `Distance: ${found.unit}. A real held-out example is typically ${short(found.floor)} from its nearest training example.`),
    h("p", { class: "soft small" },
      `Each from ${things === "lines" ? "top to bottom" : "left to right"}: the sample, the nearest of ${counted(train)} to train on, the nearest of ${counted(heldOut)} held out.`),
    h("ol", { class: "neighbours" }, order.map(neighbour)));
}

// Returns the sample that comes nearest to a picture.
export async function showFound(bench, asked, file) {
  const found = await ask("find", asked, { method: "POST", body: file });
  const latents = { ...asked, sample: found.sample.reference, label: found.sample.label, as: "npz" };
  const label = found.sample.words ? `, under the label ${found.sample.words}` : "";
  fill(bench,
    h("h2", {}, `Your picture, and the nearest sample${label}`),
    h("div", { class: "samples pair" },
      h("img", { src: found.given, alt: "your picture" }), h("img", { src: found.sample.picture, alt: "nearest sample" })),
    h("p", {},
      `${short(found.distance)} apart: mean absolute error over pixels, 0 to 255. The sample stands first above: `
      + "choose it and another to walk between them."),
    save(address("file", latents), "latents.npz", "Download its latents"));
  return found.sample;
}
