// Elements, words and small parts that several views use. Words from outside are text always, never markup.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.entries(value).forEach(([key, one]) => element.style.setProperty(key, one));
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...shownOf(children));
  return element;
}

const shownOf = (children) => children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);

// Replaces what an element holds.
export function fill(element, ...children) {
  element.replaceChildren(...shownOf(children));
}

export const counted = (number) => Number(number).toLocaleString("en");

export function short(number) {
  return number === null || number === undefined ? "–" : String(Number(Number(number).toPrecision(4)));
}

function clock(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return "under a minute";
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

export function say(words) {
  document.getElementById("said").textContent = words;
}

export const problemOf = (error) => h("p", { class: "problem", role: "alert" }, error.message);

export function figure(source, caption, kind = "figure", name = caption) {
  // Their size is known before they are: nothing jumps when they come.
  const size = kind === "figure" ? { width: 583, height: 385 } : {};
  return h("figure", { class: kind }, h("img", { src: source, alt: name, loading: "lazy", ...size }), h("figcaption", {}, caption));
}

export function table(rows) {
  const row = ([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value));
  return h("table", {}, h("tbody", {}, rows.map(row)));
}

export function field(words, control) {
  return h("label", {}, h("span", {}, words), control);
}

export function options(known) {
  return known.map(([value, words]) => h("option", { value }, words));
}

export function slider(words, { min, max, step = 1, value, show = String, change }) {
  const read = h("span", {}, show(value));
  const control = h("input", { type: "range", min, max, step, value, "aria-valuetext": show(value) });
  const tell = (next) => {
    read.textContent = show(next);
    control.setAttribute("aria-valuetext", read.textContent);
  };
  control.addEventListener("input", () => {
    tell(Number(control.value));
    change(Number(control.value));
  });
  const set = (next) => {
    control.value = next;
    tell(next);
  };
  return { element: field([words, " ", read], control), control, set };
}

const STATES = {
  running: "training now", finished: "finished", interrupted: "interrupted, can be resumed", diverged: "diverged",
  stopped: "stopped from outside, can be resumed", problem: "cannot be read",
};

export function pill(state) {
  return h("span", { class: `pill ${state}` }, STATES[state] ?? state);
}

export function bar(run) {
  const left = run.left === null || run.left === undefined ? "" : `, about ${clock(run.left)} left`;
  const words = `${counted(run.iteration)} of ${counted(run.iterations)} iterations${left}`;
  return [
    h("progress", { max: Math.max(1, run.iterations), value: run.iteration, "aria-label": words }),
    h("p", { class: "soft small" }, words),
  ];
}

export function save(source, name, words) {
  return source ? h("a", { class: "button", href: source, download: name }, words) : null;
}
