"use strict";
/** The page's words: one catalogue for each language, in strings.en.js and strings.ko.js. */
globalThis.learn = globalThis.learn ?? {};

learn.language = (() => {
  const NAMES = Object.keys(learn.strings);
  let current = "en";

  /** Choose by `?lang=`, else by the browser's languages, else English. */
  function choose() {
    const asked = new URLSearchParams(location.search).get("lang");
    const wished = [asked, ...navigator.languages].filter(Boolean).map((name) => name.slice(0, 2).toLowerCase());
    return wished.find((name) => NAMES.includes(name)) ?? "en";
  }

  /** Return the words of a key, `{name}` replaced by the value of that name. */
  function say(key, values = {}) {
    const words = learn.strings[current][key];
    if (words === undefined) throw new Error(`strings.${current}.js has no ${key}`);
    return words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  /** Return a number as a reader wants it: three digits, no exponent where it is not needed. */
  function number(value) {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-4 || size >= 1e5)) {
      const [digits, exponent] = value.toExponential(1).split("e");
      return `${digits.replace("-", "−")}×${power(Number(exponent))}`;
    }
    return value.toLocaleString("en", { maximumSignificantDigits: 3 }).replace("-", "−");
  }

  /** Return a power of ten in print: 10⁻³. */
  const power = (exponent) =>
    `10${String(exponent).replace(/./g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)]))}`;

  /** Put words into an element: `*…*` is emphasis and a pair of backquotes is code. */
  function write(element, words) {
    element.replaceChildren(
      ...words.split(/(\*[^*]+\*|`[^`]+`)/).map((part) => {
        const kind = part.startsWith("*") ? "em" : part.startsWith("`") ? "code" : null;
        if (kind === null || part.length < 3) return document.createTextNode(part);
        const made = document.createElement(kind);
        made.textContent = part.slice(1, -1);
        return made;
      }),
    );
  }

  /** Write the words of every element below a root that names a key. */
  function apply(root) {
    for (const element of root.querySelectorAll("[data-text]")) write(element, say(element.dataset.text));
    for (const element of root.querySelectorAll("[data-name]")) {
      element.setAttribute("aria-label", say(element.dataset.name));
    }
  }

  /** Make a language the page's, and write its words. */
  function use(name) {
    current = name;
    document.documentElement.lang = name;
    document.title = say("title");
    apply(document);
    for (const listener of listeners) listener();
  }

  const listeners = [];
  const onChange = (listener) => listeners.push(listener);

  return { NAMES, choose, say, number, power, write, apply, use, onChange, current: () => current };
})();
