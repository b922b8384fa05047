// Which label samples are drawn with: a class, attributes, numbers, or some of each. The words are those of --label.

import { field, h, short, slider } from "./dom.js";

const IN_TURN = "";

function classes(labels, change, first) {
  const names = labels.kind === "classes" ? labels.names : labels.examples;
  return h("select", { onchange: change }, first && h("option", { value: IN_TURN }, first), names.map((name) => h("option", { value: name }, name)));
}

function number(name, low, high, slide) {
  let value = (low + high) / 2;
  const steer = slider(name, { min: low, max: high, step: (high - low) / 200 || 1, value, show: short, change: (next) => { value = next; slide(); } });
  return { element: steer.element, words: () => String(value) };
}

function box(name, change) {
  const control = h("input", { type: "checkbox", onchange: change });
  return { element: h("label", { class: "beside" }, control, name), control };
}

function attributes(labels, change) {
  const boxes = labels.names.map((name) => ({ name, ...box(name, change) }));
  return { element: h("div", { class: "row middle" }, boxes.map((one) => one.element)), words: () => boxes.filter((one) => one.control.checked).map((one) => one.name).join("+") || "none" };
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
  const cells = labels.kind === "values"
    ? labels.names.map((name, at) => ({ name, ...number(name, labels.low[at], labels.high[at], slide) }))
    : labels.parts.map((part, at) => ({ name: labels.names[at], ...cell(labels.names[at], part, change, slide) }));
  return { element: h("div", { class: "row" }, cells.map((one) => one.element)), words: () => cells.map((one) => `${one.name}=${one.words()}`).join(",") };
}

// What chooses the label; `words` gives it, empty for every label in turn. A slider that moves calls `slide`, all else `change`.
export function labelChooser(labels, change, slide) {
  if (labels.kind === "classes") {
    const control = classes(labels, change, "every label in turn");
    return { element: field("Label", control), words: () => control.value };
  }
  const turn = box("every label of the data in turn", () => { own.element.hidden = turn.control.checked; change(); });
  const own = labels.kind === "attributes" ? attributes(labels, change) : columns(labels, change, slide);
  turn.control.checked = true;
  own.element.hidden = true;
  return { element: h("div", { class: "label" }, turn.element, own.element), words: () => (turn.control.checked ? IN_TURN : own.words()) };
}
