"use strict";
(() => {
  const { sliders, schemes } = JSON.parse(document.getElementById("cells").textContent);
  const box = document.getElementById("explore");
  const inputs = sliders.map((_, k) => document.getElementById(`knob-${k}`));
  const figure = document.getElementById("headline");
  const space = "http" + "://www.w3.org/2000/svg";

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
    const said = schemes.map((scheme, position) => {
      const key = scheme.sliders.map((k) => setting[k]).join("-");
      const [words, ...numbers] = scheme.rows[key];
      numbers.forEach((number, column) => {
        document.getElementById(`cell-${position}-${column}`).textContent = number;
      });
      const own = sliders.length === 1 && sliders[0].knobs > 1
        ? Array(sliders[0].knobs).fill(setting[0]) : setting;
      for (const kind of ["failing", "garbage", "requests"]) mark(kind, position, own);
      return `${scheme.name}: ${words}`;
    });
    document.getElementById("said").textContent = `At ${at}: ${said.join("; ")}.`;
  }

  inputs.forEach((input) => input.addEventListener("input", show));
  box.hidden = false;
  show();
})();
