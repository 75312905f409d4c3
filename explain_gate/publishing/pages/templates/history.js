"use strict";
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const data = JSON.parse(find("#values").textContent);
  const PAGE = 20;

  // One version is picked; every chart shows its place and value.
  const pick = find("#pick"), range = find("#pick-range"), charts = all(".trend-card");
  const show = () => {
    const at = Number(range.value);
    const when = data.times[at] ? `, ${data.times[at]}` : "";
    const told = data.verdicts[at] === "passed" ? "passed" : data.verdicts[at] === "failed" ? "blocked" : "no verdict";
    find("#pick-name").textContent = data.labels[at];
    find("#pick-told").textContent = `${at + 1} of ${data.labels.length}${when}, ${told}`;
    pick.dataset.verdict = data.verdicts[at];
    range.setAttribute("aria-valuetext", `${data.labels[at]}, ${told}`);
    charts.forEach((chart, index) => {
      const cell = data.values[index][at];
      const value = find(".now b", chart), beside = find(".now span", chart), cursor = find(".cursor", chart);
      value.textContent = cell ? cell[0] : "–";
      beside.textContent = cell ? cell[1] : "not judged";
      find(".now", chart).dataset.outcome = cell ? cell[2] : "";
      const x = data.places[at] / 100 * find("svg", chart).viewBox.baseVal.width;
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
    });
    all(".version[data-picked]").forEach((row) => { delete row.dataset.picked; });
    const row = document.getElementById(`version-${at}`);
    if (row) row.dataset.picked = "";
  };
  range.addEventListener("input", show);
  pick.hidden = data.labels.length < 2;
  document.addEventListener("click", (event) => {
    const svg = event.target.closest(".trend");
    if (!svg) return;
    const box = svg.getBoundingClientRect();
    const share = 100 * (event.clientX - box.left) / box.width;
    const distances = data.places.map((place) => Math.abs(place - share));
    range.value = String(distances.indexOf(Math.min(...distances)));
    show();
  });
  show();

  // The list: newest first, a page at a time, or only what was blocked.
  const rows = all(".version"), more = find("#more"), only = find("#only-blocked");
  let limit = PAGE;
  const list = () => {
    const wanted = rows.filter((row) => !only.checked || row.dataset.verdict !== "passed");
    rows.forEach((row) => { row.hidden = true; });
    wanted.slice(0, limit).forEach((row) => { row.hidden = false; });
    more.hidden = wanted.length <= limit;
    more.textContent = `Show all ${wanted.length}`;
  };
  only.addEventListener("change", () => { limit = PAGE; list(); });
  more.addEventListener("click", () => { limit = Infinity; list(); });
  find("#list-filters").hidden = false;
  list();
})();
