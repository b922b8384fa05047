// Every run, study and comparison below the folder.

import { ask } from "./ask.js";
import { bar, fill, h, pill, short } from "./dom.js";

const LISTED = 5000; // milliseconds between two looks at the folder
const PICTURES = { "compare.png": "distances", "samples.png": "samples side by side" };

export const nameOf = (id) => encodeURIComponent(id);

function card(run, chosen) {
  if (run.problem) {
    return h("div", { class: "card" }, h("h3", {}, run.name), pill("problem"), h("p", { class: "small problem" }, run.problem));
  }
  const floor = run.floor === null ? "" : `, floor ${short(run.floor)}`;
  const box = h("input", { type: "checkbox", "data-run": run.id, onchange: chosen });
  return h("div", { class: "card" },
    h("a", { class: "run", href: `#/run/${nameOf(run.id)}` },
      h("h3", {}, run.name), h("p", {}, pill(run.state), " ", h("span", { class: "soft small" }, run.preset)), bar(run),
      run.verdict && h("p", { class: run.verdict.sick ? "sick" : "well" }, run.verdict.name),
      run.distance !== null && h("p", { class: "small" }, `distance ${short(run.distance)}${floor}`)),
    h("label", { class: "beside small" }, box, "put beside another"));
}

function group(one) {
  const begun = one.under_way > 0 && `${one.under_way} begun`;
  const failed = one.failed > 0 && `${one.failed} failed`;
  const parts = [`${one.finished} cases finished`, begun, failed].filter(Boolean);
  const address = `api/group?group=${encodeURIComponent(one.id)}`;
  const picture = (file) => h("p", {}, h("a", { href: `${address}&picture=${file}` }, PICTURES[file]));
  return h("div", { class: "card" },
    h("h3", {}, one.title), h("p", { class: "soft small" }, `${one.name}: ${parts.join(", ")}`),
    one.page && h("p", {}, h("a", { href: address }, "figures, tables and numbers so far")), one.pictures.map(picture));
}

function drawList(view, found) {
  const ticked = () => [...view.querySelectorAll("input[data-run]:checked")].map((box) => box.dataset.run);
  const kept = new Set(ticked());
  const focused = document.activeElement?.getAttribute?.("href");
  const pair = h("a", { class: "button", hidden: true }, "Show both side by side");
  const chosen = () => {
    pair.hidden = ticked().length !== 2;
    pair.href = `#/beside/${ticked().map(nameOf).join("/")}`;
  };
  const none = h("p", {},
    "There is no run here yet. ", h("code", {}, "gradpen train"), " makes one; this page shows it as soon as it begins.");
  const advice = h("p", { class: "soft" }, "Choose a run to watch it and to explore its model; tick two to compare them.");
  fill(view,
    h("h1", {}, `Runs in ${found.root}`),
    found.runs.length ? h("div", { class: "row middle" }, advice, pair) : none,
    h("div", { class: "cards" }, found.runs.map((run) => card(run, chosen))),
    found.groups.length > 0 && [h("h2", {}, "Studies and comparisons"), h("div", { class: "cards" }, found.groups.map(group))]);
  view.querySelectorAll("input[data-run]").forEach((box) => { box.checked = kept.has(box.dataset.run); });
  chosen();
  [...view.querySelectorAll("a")].find((link) => focused && link.getAttribute("href") === focused)?.focus();
}

export async function listView(view, _parts, alive) {
  const found = await ask("overview");
  const [first] = found.runs;
  if (found.runs.length === 1 && first.id === "." && !first.problem) {
    location.replace("#/run/.");
    return null;
  }
  drawList(view, found);
  let last = JSON.stringify(found);
  return alive(LISTED, async () => {
    const now = await ask("overview");
    if (JSON.stringify(now) !== last) drawList(view, now);
    last = JSON.stringify(now);
  });
}
