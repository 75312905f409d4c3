"use strict";
(() => {
  // The slider lies over its picture: dragging, arrow keys, Home and End move the border between the two maps.
  document.querySelectorAll(".wipe").forEach((wipe) => {
    const range = wipe.querySelector("input");
    const told = wipe.querySelector(".told");
    const move = () => {
      wipe.style.setProperty("--split", `${range.value}%`);
      range.setAttribute("aria-valuetext", `${range.value} % candidate, ${100 - range.value} % reference`);
      told.textContent = range.value < 8 ? "reference" : range.value > 92 ? "candidate" : "candidate | reference";
    };
    range.hidden = false;
    range.addEventListener("input", move);
    move();
  });
  const filters = document.getElementById("pair-filters");
  if (!filters) return;
  filters.hidden = false;
  filters.addEventListener("change", () => {
    const wanted = Object.fromEntries(new FormData(filters));
    document.querySelectorAll(".pair").forEach((pair) => {
      pair.hidden = Boolean(wanted["pair-method"]) && pair.dataset.method !== wanted["pair-method"];
    });
  });
})();
