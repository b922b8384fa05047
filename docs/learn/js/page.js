"use strict";
/** The beginning: words first, then the playground and the chapters. */
learn.language.use(learn.language.choose());
{
  const select = document.getElementById("language");
  select.value = learn.language.current();
  select.addEventListener("change", () => learn.language.use(select.value));
}
learn.playground.begin();
for (const [name, chapter] of Object.entries(learn.chapters)) {
  chapter.begin(document.getElementById(`figure-${name}`))?.draw?.();
}
learn.loop.start();
