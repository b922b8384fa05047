// One run as it trains, and two side by side at equal updates.

import { address, ask, frozen } from "./ask.js";
import { bar, counted, figure, fill, h, pill, slider, table } from "./dom.js";
import { nameOf } from "./runs.js";

const REDRAWN = 15000; // milliseconds between two drawings of a live run's curves: drawing costs what training could use

export function verdictOf(found) {
  if (!found) return h("p", { class: "soft" }, "Nobody has judged this run yet; that happens at its end and now and then before.");
  const one = (verdict) => h("div", { class: "card" },
    h("p", { class: verdict.sick ? "sick" : "well" }, h("strong", {}, verdict.name)), h("p", {}, verdict.meaning),
    h("p", { class: "soft small" }, verdict.evidence, verdict.since === null ? "" : `, at every mark since iteration ${counted(verdict.since)}`),
    verdict.remedies.length ? h("ul", {}, verdict.remedies.map((remedy) => h("li", {}, remedy.words, remedy.commands.map((line) => [h("br"), h("code", {}, line)])))) : null);
  return h("section", {}, h("h2", {}, `Verdict at iteration ${counted(found.iteration)}`), found.verdicts.map(one));
}

function samplesOf(id, state, at) {
  if (!state.grids.length) return h("p", { class: "soft" }, "The first samples are drawn at the first mark.");
  const iteration = state.grids[at];
  const words = `samples after ${counted(iteration)} iterations`;
  if (!state.lines) return figure(address("grid", { run: id, iteration }), words, "grid");
  const lines = h("pre", {}, "…");
  ask("lines", { run: id, iteration }).then((found) => { lines.textContent = found.lines.join("\n"); }, (error) => { lines.textContent = error.message; });
  return h("figure", {}, lines, h("figcaption", {}, words));
}

// A grid of samples with a slider back through training; of two runs, at the marks that both have.
function history(runs) {
  const shared = runs[0].state.grids.filter((grid) => runs.every((run) => run.state.grids.includes(grid)));
  const place = h("div", { class: "two" });
  const show = (at) => place.replaceChildren(...runs.map((run) => h("div", {}, runs.length > 1 && h("p", { class: "soft small" }, run.name), samplesOf(run.id, run.state, run.state.grids.indexOf(shared[at])))),
    ...(runs.length === 1 ? [figure(address("grid", { run: runs[0].id, real: true }), "training data", "grid")] : []));
  if (!shared.length) return h("p", { class: "soft" }, runs.length > 1 ? "No mark of the one is a mark of the other." : "The first samples are drawn at the first mark.");
  const last = shared.length - 1;
  const steer = slider("Iteration", { min: 0, max: last, value: last, show: (at) => counted(shared[at]), change: show });
  show(last);
  let timer = null;
  const play = h("button", { type: "button", onclick: () => {
    const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play how it learned"; };
    if (timer) return stop();
    let at = Number(steer.control.value) >= last ? 0 : Number(steer.control.value);
    play.textContent = "Pause";
    timer = setInterval(() => { if (!place.isConnected || at > last) return stop(); steer.set(at); show(at); at += 1; }, Math.max(120, Math.min(600, 6000 / shared.length)));
  } }, "Play how it learned");
  return h("section", {}, h("h2", {}, "Samples through training"), last > 0 && h("div", { class: "row" }, steer.element, play), place);
}

function curves(runs, stamp) {
  const one = (run, name, other) => figure(address("curve", { run: run.id, name, beside: other?.id, at: frozen ? null : stamp }), (run.state.meanings[name] ?? []).join(" ") || name, "figure", `${run.name}, curve: ${name}`);
  if (runs.length === 1) return h("div", { class: "figures" }, runs[0].state.panels.map((name) => one(runs[0], name)));
  return runs[0].state.panels.map((name) => h("div", { class: "two" }, one(runs[0], name, runs[1]), one(runs[1], name, runs[0])));
}

function criticOf(id, state) {
  if (!state.critic) return null;
  return [h("h2", {}, `Critic at iteration ${counted(state.critic.iteration)}`), h("div", { class: "figures" }, Object.entries(state.critic.panels).map(([name, words]) =>
    figure(address("critic", { run: id, name, at: frozen ? null : state.critic.iteration }), words, "figure", `critic: ${name}`)))];
}

export async function runView(view, [id], alive) {
  let state = await ask("run", { run: id });
  const name = id === "." ? "this run" : id;
  const draw = () => {
    const runs = [{ id, name, state }];
    fill(view,
      h("div", { class: "row middle" }, h("h1", {}, id === "." ? state.path.split("/").pop() || "Run" : id), h("span", { id: "state" }, pill(state.state))),
      h("p", { class: "soft" }, `${state.preset} on ${state.path}`), h("div", { id: "bar" }, bar(state)),
      h("div", { class: "row" }, h("a", { class: "button main", href: `#/explore/${nameOf(id)}` }, "Explore the model"),
        address("report", { run: id }) && h("a", { class: "button", href: address("report", { run: id }) }, "Report")),
      verdictOf(state.verdict), history(runs),
      h("h2", {}, "Curves, and what they say"), curves(runs, state.version), criticOf(id, state),
      h("details", {}, h("summary", {}, "In figures"), table(state.figures)), h("details", {}, h("summary", {}, "Data"), table(state.data)),
      h("details", {}, h("summary", {}, "Run"), table(state.run)), h("details", {}, h("summary", {}, "Configuration"), h("pre", {}, state.config)));
  };
  draw();
  let drawn = performance.now();
  return alive(2000, async () => {
    const now = await ask("run", { run: id, version: state.version });
    document.getElementById("bar")?.replaceChildren(...bar(now));
    document.getElementById("state")?.replaceChildren(pill(now.state));
    const due = performance.now() - drawn > REDRAWN || now.state !== state.state;
    if (now.unchanged) { state.state = now.state; return; }
    if (!due) return;
    const open = [...view.querySelectorAll("details")].map((one) => one.open);
    const place = scrollY;
    state = now;
    draw();
    [...view.querySelectorAll("details")].forEach((one, at) => { one.open = open[at]; });
    scrollTo(0, place);
    drawn = performance.now();
  });
}

const FEW = 8;

function difference(differs) {
  const list = h("ul", {}, differs.map((one) => h("li", {}, h("code", {}, one))));
  return differs.length <= FEW ? list : h("details", {}, h("summary", {}, `${differs.length} settings`), list);
}

export async function besideView(view, ids) {
  const states = await Promise.all(ids.map((id) => ask("run", { run: id })));
  const runs = ids.map((id, at) => ({ id, name: id, state: states[at] }));
  const { differs } = await ask("difference", { run: ids[0], beside: ids[1] });
  fill(view,
    h("h1", {}, "Two runs side by side"),
    h("div", { class: "two" }, runs.map((run) => h("div", {}, h("h2", {}, h("a", { href: `#/run/${nameOf(run.id)}` }, run.name)), pill(run.state.state), h("p", { class: "soft" }, `${run.state.preset} on ${run.state.path}`), bar(run.state), verdictOf(run.state.verdict)))),
    h("h2", {}, "What differs"), differs.length ? difference(differs) : h("p", {}, "Nothing: their configurations are equal."),
    history(runs), h("h2", {}, "Curves on equal axes"), curves(runs, states.map((state) => state.version).join("+")));
  return null;
}
