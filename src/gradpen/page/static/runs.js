// Every run, study and comparison below the folder.

import { ask } from "./ask.js";
import { bar, fill, h, pill, short } from "./dom.js";

export const nameOf = (id) => encodeURIComponent(id);

function card(run, chosen) {
  if (run.problem) return h("div", { class: "card" }, h("h3", {}, run.name), pill("problem"), h("p", { class: "small problem" }, run.problem));
  const distance = run.distance === null ? null
    : h("p", { class: "small" }, `distance ${short(run.distance)}${run.floor === null ? "" : `, floor ${short(run.floor)}`}`);
  const box = h("input", { type: "checkbox", "data-run": run.id, onchange: chosen });
  return h("div", { class: "card" },
    h("a", { class: "run", href: `#/run/${nameOf(run.id)}` },
      h("h3", {}, run.name), h("p", {}, pill(run.state), " ", h("span", { class: "soft small" }, run.preset)), bar(run),
      run.verdict && h("p", { class: run.verdict.sick ? "sick" : "well" }, run.verdict.name), distance),
    h("label", { class: "beside small" }, box, "put beside another"));
}

function group(one) {
  const parts = [`${one.finished} cases finished`, one.under_way && `${one.under_way} begun`, one.failed && `${one.failed} failed`].filter(Boolean);
  const query = `group=${encodeURIComponent(one.id)}`;
  return h("div", { class: "card" }, h("h3", {}, one.title), h("p", { class: "soft small" }, `${one.name}: ${parts.join(", ")}`),
    one.page && h("p", {}, h("a", { href: `api/group?${query}` }, "figures, tables and numbers so far")),
    one.pictures.map((file) => h("p", {}, h("a", { href: `api/group?${query}&picture=${file}` }, file === "compare.png" ? "distances" : "samples side by side"))));
}

export async function listView(view, _parts, alive) {
  const found = await ask("overview");
  if (found.runs.length === 1 && found.runs[0].id === "." && !found.runs[0].problem) {
    location.replace("#/run/.");
    return null;
  }
  const pair = h("a", { class: "button", hidden: true }, "Show both side by side");
  const chosen = () => {
    const ids = [...view.querySelectorAll("input[data-run]:checked")].map((box) => box.dataset.run);
    pair.hidden = ids.length !== 2;
    pair.href = `#/beside/${ids.map(nameOf).join("/")}`;
  };
  const draw = (now) => {
    const kept = new Set([...view.querySelectorAll("input[data-run]:checked")].map((box) => box.dataset.run));
    const focused = document.activeElement?.getAttribute?.("href");
    fill(view,
      h("h1", {}, `Runs in ${now.root}`),
      now.runs.length ? h("div", { class: "row middle" }, h("p", { class: "soft" }, "Choose a run to watch it and to explore its model; tick two to compare them."), pair)
        : h("p", {}, "There is no run here yet. ", h("code", {}, "gradpen train"), " makes one; this page shows it as soon as it begins."),
      h("div", { class: "cards" }, now.runs.map((run) => card(run, chosen))),
      now.groups.length ? [h("h2", {}, "Studies and comparisons"), h("div", { class: "cards" }, now.groups.map(group))] : "");
    view.querySelectorAll("input[data-run]").forEach((box) => { box.checked = kept.has(box.dataset.run); });
    chosen();
    if (focused) [...view.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  };
  draw(found);
  let last = JSON.stringify(found);
  return alive(5000, async () => {
    const now = await ask("overview");
    const text = JSON.stringify(now);
    if (text !== last) draw(now);
    last = text;
  });
}
