"use strict";
/** Sliders and choices, each with its label and its value in print. */
globalThis.learn = globalThis.learn ?? {};

learn.controls = (() => {
  const { say, number, write } = learn.language;

  function element(name, className, parent) {
    const made = document.createElement(name);
    if (className) made.className = className;
    parent.append(made);
    return made;
  }

  /** A label around a control, with its name before it; `key` is the name's in the catalogue. */
  function labelled(parent, key, className) {
    const label = element("label", className, parent);
    const name = element("span", "name", label);
    name.dataset.text = key;
    write(name, say(key));
    return label;
  }

  /**
   * A slider over whole places.
   *
   * @param valueAt returns the value of a place; it is printed beside the slider and handed to `change`.
   * @returns {set(place), label}
   */
  function slider(parent, { key, low, high, place, valueAt = (at) => at, change }) {
    const label = labelled(parent, key, "slider");
    const input = element("input", "", label);
    const output = element("output", "", label);
    Object.assign(input, { type: "range", min: low, max: high, step: 1 });
    const print = () => {
      const words = number(valueAt(Number(input.value)));
      output.textContent = words;
      input.setAttribute("aria-valuetext", words);
    };
    const set = (at) => {
      input.value = at;
      print();
    };
    input.addEventListener("input", () => {
      print();
      change(valueAt(Number(input.value)));
    });
    set(place);
    return { set, label, input };
  }

  /** A choice among names, each called `<key>.<name>` in the catalogue. */
  function choice(parent, { key, names, value, change }) {
    const label = labelled(parent, key, "choice");
    const select = element("select", "", label);
    for (const name of names) {
      const option = element("option", "", select);
      option.value = name;
      option.dataset.text = `${key}.${name}`;
      option.textContent = say(`${key}.${name}`);
    }
    select.value = value;
    select.addEventListener("change", () => change(select.value));
    return { set: (name) => (select.value = name), label, select };
  }

  /** A button. */
  function button(parent, { key, press, className = "" }) {
    const made = element("button", className, parent);
    made.type = "button";
    made.dataset.text = key;
    write(made, say(key));
    made.addEventListener("click", press);
    return made;
  }

  return { element, slider, choice, button, labelled };
})();
