"use strict";
/** Recorded runs that were made sick on purpose, beside a healthy one. */
globalThis.learn = globalThis.learn ?? {};
learn.chapters = learn.chapters ?? {};

learn.chapters.balance = (() => {
  const { chart, controls, language, recordings } = learn;
  const { say, write } = language;
  const TROUBLES = Object.keys(recordings).filter((name) => name !== "healthy");

  function begin(root) {
    let trouble = TROUBLES[0];

    function draw() {
      const [sick, healthy] = [recordings[trouble], recordings.healthy];
      for (const svg of root.querySelectorAll("svg")) {
        const curve = svg.dataset.curve;
        const logarithmic = curve !== "gap";
        const series = [
          { x: healthy.iterations, y: healthy[curve], tone: "faint" },
          { x: sick.iterations, y: sick[curve], tone: "two" },
        ];
        chart.lines(svg, series, { logarithmic, level: curve === "slope" ? 1 : null });
        const values = { curve: say(`chart.${curve}`), run: say(`trouble.${trouble}`) };
        svg.setAttribute("aria-label", say("balance.alternative", values));
      }
      write(root.querySelector(".symptom"), say(`symptom.${trouble}`));
      write(root.querySelector(".verdict"), `\`${sick.verdict}\``);
      write(root.querySelector(".remedy"), say(`remedy.${trouble}`));
    }

    controls.choice(root.querySelector(".figure-controls"), {
      key: "trouble",
      names: TROUBLES,
      value: trouble,
      change(name) {
        trouble = name;
        draw();
      },
    });
    language.onChange(draw);
    addEventListener("resize", draw);
    return { draw };
  }

  return { begin };
})();
