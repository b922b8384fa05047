// The views by the part of the address after #, and what they have in common.

import { Problem } from "./ask.js";
import { h, problemOf } from "./dom.js";
import { exploreView } from "./explore.js";
import { listView, nameOf } from "./runs.js";
import { besideView, runView } from "./watch.js";

const VIEWS = { "": listView, run: runView, beside: besideView, explore: exploreView };

let stop = null;

// Asks again and again while the view is shown and the page is looked at.
function alive(current) {
  return (milliseconds, task) => {
    let busy = false;
    const timer = setInterval(async () => {
      if (busy || document.hidden || current.gone) return;
      busy = true;
      try { await task(); } catch (error) { if (!(error instanceof Problem)) throw error; } finally { busy = false; }
    }, milliseconds);
    return () => clearInterval(timer);
  };
}

function trail(name, parts) {
  const alone = parts[0] === ".";
  const links = name === "" || alone ? [] : [h("a", { href: "#/" }, "runs"), " › "];
  if (name === "explore") links.push(h("a", { href: `#/run/${nameOf(parts[0])}` }, alone ? "the run" : parts[0]), " › explore");
  else if (name && !alone) links.push(parts.join(" and "));
  document.getElementById("trail").replaceChildren(...links);
}

async function show() {
  stop?.();
  const view = document.getElementById("view");
  const [name, ...parts] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const current = { gone: false };
  let ended = null;
  stop = () => { current.gone = true; ended?.(); };
  view.setAttribute("aria-busy", "true");
  trail(name, parts);
  // A view that was left while it waited for an answer draws into a place that nobody sees.
  const place = h("div", {});
  view.replaceChildren(place);
  try {
    if (!(name in VIEWS)) throw new Problem("There is no such page.");
    ended = await VIEWS[name](place, parts, alive(current));
    if (current.gone) ended?.();
  } catch (error) {
    place.replaceChildren(problemOf(error));
    if (!(error instanceof Problem)) throw error;
  }
  view.setAttribute("aria-busy", "false");
  document.title = `${view.querySelector("h1")?.textContent ?? "gradpen"} · gradpen`;
}

addEventListener("hashchange", show);
show();
