"use strict";
(() => {
  const { sliders, schemes } = JSON.parse(document.getElementById("cells").textContent);
  const box = document.getElementById("explore");
  const inputs = sliders.map((_, k) => document.getElementById(`knob-${k}`));
  const isAnyTouched = schemes.some((scheme) => scheme.sliders.length);
  const figure = document.getElementById("headline");
  const space = figure && figure.namespaceURI;

  // A ring around the mark of a cell, where the figure has one.
  const rings = [];
  function mark(kind, position, setting) {
    const id = ["headline", kind, position, ...setting].join("-");
    const found = document.getElementById(id);
    if (!found) return;
    const place = found.getBBox();
    const ring = document.createElementNS(space, "circle");
    ring.setAttribute("class", "ring");
    ring.setAttribute("cx", place.x + place.width / 2);
    ring.setAttribute("cy", place.y + place.height / 2);
    ring.setAttribute("r", 6);
    figure.append(ring);
    rings.push(ring);
  }

  function show() {
    const setting = inputs.map((input, k) => sliders[k].order[Number(input.value)]);
    const texts = setting.map((index, k) => sliders[k].texts[index]);
    inputs.forEach((input, k) => {
      input.setAttribute("aria-valuetext", texts[k]);
      document.getElementById(`value-${k}`).textContent = texts[k];
    });
    while (rings.length) rings.pop().remove();
    const at = sliders.map((slider, k) => `${slider.name} ${texts[k]}`).join(", ");
    const said = [];
    schemes.forEach((scheme, position) => {
      const [words, ...numbers] = scheme.rows[scheme.sliders.map((k) => setting[k]).join("-")];
      numbers.forEach((number, column) => {
        document.getElementById(`cell-${position}-${column}`).textContent = number;
      });
      if (scheme.sliders.length || !isAnyTouched) said.push(`${scheme.name}: ${words}`);
      // Knobs that move in step are one slider.
      const own = sliders[0].knobs > 1 ? Array(sliders[0].knobs).fill(setting[0]) : setting;
      for (const kind of ["failing", "garbage", "requests"]) mark(kind, position, own);
    });
    document.getElementById("said").textContent = `At ${at}: ${said.join("; ")}.`;
  }

  inputs.forEach((input) => input.addEventListener("input", show));
  box.hidden = false;
  show();
})();
