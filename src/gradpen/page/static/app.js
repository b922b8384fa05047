// The views by the part of the address after #, and what they have in common.

import { Problem } from "./ask.js";
import { h, problemOf } from "./dom.js";
import { exploreView } from "./explore.js";
import { listView, nameOf } from "./runs.js";
import { besideView, runView } from "./watch.js";

const VIEWS = { "": listView, run: runView, beside: besideView, explore: exploreView };

let stop = null;

// Says above the view why it is not kept up to date.
function trouble(words) {
  const place = document.getElementById("trouble");
  if (place.textContent !== words) place.textContent = words;
  place.hidden = !words;
}

// Asks again and again while the view is shown and the page is looked at.
function alive(current) {
  return (milliseconds, task) => {
    let busy = false;
    const timer = setInterval(async () => {
      if (busy || document.hidden || current.gone) return;
      busy = true;
      try {
        await task();
        trouble("");
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (!current.gone) trouble(error.message);
      } finally {
        busy = false;
      }
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

function placesOf(hash) {
  try {
    const parts = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
    if (Object.hasOwn(VIEWS, parts[0])) return parts;
  } catch {
    // A % with nothing behind it.
  }
  throw new Problem("There is no such page.");
}

async function show() {
  stop?.();
  const view = document.getElementById("view");
  const current = { gone: false };
  let ended = null;
  stop = () => { current.gone = true; ended?.(); };
  view.setAttribute("aria-busy", "true");
  trouble("");
  // A view that was left while it waited for an answer draws into a place that nobody sees.
  const place = h("div", {});
  view.replaceChildren(place);
  try {
    const [name, ...parts] = placesOf(location.hash);
    trail(name, parts);
    ended = await VIEWS[name](place, parts, alive(current));
    if (current.gone) ended?.();
  } catch (error) {
    place.replaceChildren(problemOf(error));
    if (!(error instanceof Problem)) throw error;
  }
  view.setAttribute("aria-busy", "false");
  document.title = `${view.querySelector("h1")?.textContent ?? "gradpen"} · gradpen`;
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("view").focus();
});
addEventListener("hashchange", show);
show();
