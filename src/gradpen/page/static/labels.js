// Which label samples are drawn with: a class, attributes, numbers, or some of each. The words are those of --label.

import { field, h, options, short, slider } from "./dom.js";

const IN_TURN = "";
const STEPS = 200; // of a slider

function classes(labels, change, first = []) {
  return h("select", { onchange: change }, options([...first, ...labels.names.map((name) => [name, name])]));
}

function number(name, low, high, slide) {
  let value = (low + high) / 2;
  const change = (next) => {
    value = next;
    slide();
  };
  const steer = slider(name, { min: low, max: high, step: (high - low) / STEPS || 1, value, show: short, change });
  return { element: steer.element, words: () => String(value) };
}

function box(name, change) {
  const control = h("input", { type: "checkbox", onchange: change });
  return { element: h("label", { class: "beside" }, control, name), control };
}

function attributes(labels, change) {
  const boxes = labels.names.map((name) => ({ name, ...box(name, change) }));
  const words = () => boxes.filter((one) => one.control.checked).map((one) => one.name).join("+") || "none";
  return { element: h("div", { class: "row middle" }, boxes.map((one) => one.element)), words };
}

// One cell of a label that has a value for each column.
function cell(name, part, change, slide) {
  if (part.kind === "values") return number(name, part.low[0], part.high[0], slide);
  if (part.kind === "classes") {
    const control = classes(part, change);
    return { element: field(name, control), words: () => control.value };
  }
  const { element, control } = box(name, change);
  return { element, words: () => (control.checked ? "1" : "0") };
}

function columns(labels, change, slide) {
  const one = (name, at) => (labels.kind === "values"
    ? number(name, labels.low[at], labels.high[at], slide) : cell(name, labels.parts[at], change, slide));
  const cells = labels.names.map((name, at) => ({ name, ...one(name, at) }));
  const words = () => cells.map(({ name, words: value }) => `${name}=${value()}`).join(",");
  return { element: h("div", { class: "row" }, cells.map((each) => each.element)), words };
}

// What chooses the label; `words` gives it, empty for every label in turn. A slider that moves calls `slide`, all else
// `change`.
export function labelChooser(labels, change, slide) {
  if (labels.kind === "classes") {
    const control = classes(labels, change, [[IN_TURN, "every label in turn"]]);
    return { element: field("Label", control), words: () => control.value };
  }
  const turn = box("every label of the data in turn", () => {
    own.element.hidden = turn.control.checked;
    change();
  });
  const own = labels.kind === "attributes" ? attributes(labels, change) : columns(labels, change, slide);
  turn.control.checked = true;
  own.element.hidden = true;
  const words = () => (turn.control.checked ? IN_TURN : own.words());
  return { element: h("div", { class: "label" }, turn.element, own.element), words };
}
