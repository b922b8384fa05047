// One run as it trains, and two side by side at equal updates.

import { address, ask, frozen } from "./ask.js";
import { bar, counted, figure, fill, h, pill, slider, table } from "./dom.js";
import { nameOf } from "./runs.js";

const ASKED = 2000; // milliseconds between two looks at a run
const REDRAWN = 15000; // between two drawings of a live run's curves: drawing costs what training could use
const FEW = 8; // settings that are shown at once
const FRAMES = [120, 600, 6000]; // milliseconds: shortest and longest a grid is shown, and all of them together

function verdictOf(found) {
  if (!found) return h("p", { class: "soft" }, "Nobody has judged this run yet; that happens at its end and now and then before.");
  return h("section", {}, h("h2", {}, `Verdict at iteration ${counted(found.iteration)}`), found.verdicts.map(oneVerdict));
}

function oneVerdict(verdict) {
  const since = verdict.since === null ? "" : `, at every mark since iteration ${counted(verdict.since)}`;
  const remedy = (one) => h("li", {}, one.words, one.commands.map((line) => [h("br"), h("code", {}, line)]));
  return h("div", { class: "card" },
    h("p", { class: verdict.sick ? "sick" : "well" }, h("strong", {}, verdict.name)),
    h("p", {}, verdict.meaning),
    h("p", { class: "soft small" }, verdict.evidence, since),
    verdict.remedies.length > 0 && h("ul", {}, verdict.remedies.map(remedy)));
}

function samplesOf(id, state, iteration) {
  const words = `samples after ${counted(iteration)} iterations`;
  if (!state.lines) return figure(address("grid", { run: id, iteration }), words, "grid");
  const lines = h("pre", {}, "…");
  const show = (text) => { lines.textContent = text; };
  ask("lines", { run: id, iteration }).then((found) => show(found.lines.join("\n")), (error) => show(error.message));
  return h("figure", {}, lines, h("figcaption", {}, words));
}

// A grid of samples with a slider back through training; of two runs, at the marks that both have.
function history(runs) {
  const marks = runs[0].state.grids.filter((grid) => runs.every((run) => run.state.grids.includes(grid)));
  if (!marks.length) {
    return h("p", { class: "soft" },
      runs.length > 1 ? "No mark of the one is a mark of the other." : "The first samples are drawn at the first mark.");
  }
  const place = h("div", { class: "two" });
  const column = (run, iteration) => h("div", {},
    runs.length > 1 && h("p", { class: "soft small" }, run.name), samplesOf(run.id, run.state, iteration));
  const data = runs.length === 1 && address("grid", { run: runs[0].id, real: true });
  const real = data && figure(data, "training data", "grid");
  const show = (at) => fill(place, runs.map((run) => column(run, marks[at])), real);
  const last = marks.length - 1;
  const steer = slider("Iteration", { min: 0, max: last, value: last, show: (at) => counted(marks[at]), change: show });
  show(last);
  return h("section", {},
    h("h2", {}, "Samples through training"),
    last > 0 && h("div", { class: "row" }, steer.element, player(steer, show, last, place)),
    place);
}

function player(steer, show, last, place) {
  const [shortest, longest, together] = FRAMES;
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play how it learned";
  };
  const start = () => {
    let at = Number(steer.control.value) >= last ? 0 : Number(steer.control.value);
    play.textContent = "Pause";
    timer = setInterval(() => {
      if (!place.isConnected || at > last) {
        stop();
        return;
      }
      steer.set(at);
      show(at);
      at += 1;
    }, Math.max(shortest, Math.min(longest, together / (last + 1))));
  };
  const play = h("button", { type: "button", onclick: () => (timer ? stop() : start()) }, "Play how it learned");
  return play;
}

function curves(runs, version) {
  const one = (run, name, other) => figure(
    address("curve", { run: run.id, name, beside: other?.id, at: frozen ? null : version }),
    (run.state.meanings[name] ?? []).join(" ") || name, "figure", `${run.name}, curve: ${name}`);
  const panels = runs[0].state.panels;
  if (runs.length === 1) return h("div", { class: "figures" }, panels.map((name) => one(runs[0], name)));
  return panels.map((name) => h("div", { class: "two" }, one(runs[0], name, runs[1]), one(runs[1], name, runs[0])));
}

function criticOf(id, { critic }) {
  if (!critic) return null;
  const at = frozen ? null : critic.iteration;
  const figures = Object.entries(critic.panels).map(([name, words]) =>
    figure(address("critic", { run: id, name, at }), words, "figure", `critic: ${name}`));
  return [h("h2", {}, `Critic at iteration ${counted(critic.iteration)}`), h("div", { class: "figures" }, figures)];
}

const folded = (words, content) => h("details", {}, h("summary", {}, words), content);

function drawRun(view, id, state) {
  const alone = id === ".";
  const runs = [{ id, name: alone ? "this run" : id, state }];
  const report = address("report", { run: id });
  fill(view,
    h("div", { class: "row middle" },
      h("h1", {}, alone ? state.path.split("/").pop() || "Run" : id), h("span", { id: "state" }, pill(state.state))),
    h("p", { class: "soft" }, `${state.preset} on ${state.path}`),
    h("div", { id: "bar" }, bar(state)),
    h("div", { class: "row" },
      h("a", { class: "button main", href: `#/explore/${nameOf(id)}` }, "Explore the model"),
      report && h("a", { class: "button", href: report }, "Report")),
    verdictOf(state.verdict), history(runs),
    h("h2", {}, "Curves, and what they say"), curves(runs, state.version), criticOf(id, state),
    folded("In figures", table(state.figures)), folded("Data", table(state.data)), folded("Run", table(state.run)),
    folded("Configuration", h("pre", {}, state.config)));
}

const CONTROLS = "a, button, input, summary";

// Whether its reader looks at earlier samples: then a view stays as it is.
function lookedBack(view) {
  const slider = view.querySelector("input[type=range]");
  return slider !== null && slider.value !== slider.max;
}

// Draws a view anew without moving what its reader looks at.
function redraw(view, draw) {
  const open = [...view.querySelectorAll("details")].map((one) => one.open);
  const focused = [...view.querySelectorAll(CONTROLS)].indexOf(document.activeElement);
  const place = scrollY;
  draw();
  view.querySelectorAll("details").forEach((one, at) => { one.open = open[at]; });
  if (focused >= 0) view.querySelectorAll(CONTROLS)[focused]?.focus({ preventScroll: true });
  scrollTo(0, place);
}

export async function runView(view, [id], alive) {
  let state = await ask("run", { run: id });
  let drawn = performance.now();
  drawRun(view, id, state);
  return alive(ASKED, async () => {
    const now = await ask("run", { run: id, version: state.version });
    fill(view.querySelector("#bar"), bar(now));
    fill(view.querySelector("#state"), pill(now.state));
    const due = performance.now() - drawn > REDRAWN || now.state !== state.state;
    state.state = now.state;
    if (now.unchanged || !due || lookedBack(view)) return;
    state = now;
    redraw(view, () => drawRun(view, id, state));
    drawn = performance.now();
  });
}

function difference(differs) {
  if (!differs.length) return h("p", {}, "Nothing: their configurations are equal.");
  const list = h("ul", {}, differs.map((one) => h("li", {}, h("code", {}, one))));
  return differs.length <= FEW ? list : folded(`${differs.length} settings`, list);
}

function drawBeside(view, ids, states, differs) {
  const runs = ids.map((id, at) => ({ id, name: id, state: states[at] }));
  const head = ({ id, state }) => h("div", {},
    h("h2", {}, h("a", { href: `#/run/${nameOf(id)}` }, id)), pill(state.state),
    h("p", { class: "soft" }, `${state.preset} on ${state.path}`), bar(state), verdictOf(state.verdict));
  fill(view,
    h("h1", {}, "Two runs side by side"), h("div", { class: "two" }, runs.map(head)),
    h("h2", {}, "What differs"), difference(differs), history(runs),
    h("h2", {}, "Curves on equal axes"), curves(runs, states.map((state) => state.version).join("+")));
}

export async function besideView(view, ids, alive) {
  const both = () => Promise.all(ids.map((id) => ask("run", { run: id })));
  const { differs } = await ask("difference", { run: ids[0], beside: ids[1] });
  let states = await both();
  drawBeside(view, ids, states, differs);
  return alive(REDRAWN, async () => {
    const now = await both();
    if (lookedBack(view) || now.every((state, at) => state.version === states[at].version)) return;
    states = now;
    redraw(view, () => drawBeside(view, ids, states, differs));
  });
}
