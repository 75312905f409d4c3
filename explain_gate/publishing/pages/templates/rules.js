"use strict";
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const PIECE = 20;

  // A row that lies in noscript is text until somebody wants it.
  const grown = (node) => {
    if (node.tagName !== "NOSCRIPT") return node;
    const holder = document.createElement("template");
    holder.innerHTML = node.textContent;
    const row = holder.content.firstElementChild;
    Object.assign(row.dataset, node.dataset);
    node.replaceWith(row);
    return row;
  };

  const checks = all(".check").map((box) => ({ box, family: box.closest(".family"), button: find("[data-more]", box), limit: PIECE,
    rows: all(":scope > [data-status]", box) }));
  const anchorOf = (row) => row.id || row.dataset.anchor;
  const filters = find("#rule-filters");

  const fits = (row, wanted) => ["status", "class", "method"].every((name) => !wanted[`rule-${name}`] || row.dataset[name] === wanted[`rule-${name}`])
    && (!wanted.rule || anchorOf(row).toLowerCase().includes(wanted.rule.trim().toLowerCase().replace(/\s/g, "-")));

  const show = (check, wanted) => {
    const fitting = check.rows.map((row, place) => [row, place]).filter(([row]) => fits(row, wanted));
    const shown = new Set(fitting.slice(0, check.limit).map(([, place]) => place));
    check.rows = check.rows.map((row, place) => (shown.has(place) ? grown(row) : row));
    check.rows.forEach((row, place) => { if (row.tagName !== "NOSCRIPT") row.hidden = !shown.has(place); });
    check.box.hidden = fitting.length === 0;
    if (check.button) {
      const left = fitting.length - shown.size;
      check.button.hidden = left === 0;
      check.button.textContent = `Show ${Math.min(PIECE, left)} more of ${left.toLocaleString("en")}`;
    }
    return fitting.length;
  };

  const wanted = () => (filters ? Object.fromEntries(new FormData(filters)) : {});
  const apply = () => {
    const now = wanted();
    const total = checks.reduce((sum, check) => sum + show(check, now), 0);
    new Set(checks.map((check) => check.family)).forEach((family) => { family.hidden = all(":scope > .check", family).every((box) => box.hidden); });
    if (filters) find("#rules-told").textContent = total === 1 ? "1 rule" : `${total.toLocaleString("en")} rules`;
  };

  checks.forEach((check) => {
    check.button?.addEventListener("click", () => {
      const before = check.limit;
      check.limit += PIECE;
      show(check, wanted());
      const rows = check.rows.filter((row) => row.tagName !== "NOSCRIPT" && !row.hidden);
      find("summary", rows[Math.min(before, rows.length - 1)])?.focus({ preventScroll: true });
    });
  });
  if (filters) {
    filters.hidden = false;
    filters.addEventListener("input", () => { checks.forEach((check) => { check.limit = PIECE; }); apply(); });
    filters.addEventListener("submit", (event) => event.preventDefault());
  }
  apply();

  // The address names the row that was opened, for whoever sends it on; a page inside another may have none to change.
  find("#rules").addEventListener("click", (event) => {
    const row = event.target.closest("summary")?.closest(".rule");
    if (!row || row.open) return;
    try { history.replaceState(null, "", `#${encodeURIComponent(row.id)}`); } catch { /* as it was */ }
  });

  // A link to a folded line or rule must show it, wherever it lies.
  const unfold = () => {
    const anchor = location.hash && decodeURIComponent(location.hash.slice(1));
    if (!anchor) return;
    const check = checks.find((one) => one.rows.some((row) => anchorOf(row) === anchor));
    if (check) {
      check.rows = check.rows.map((row) => (anchorOf(row) === anchor ? grown(row) : row));
      const row = check.rows.find((one) => one.id === anchor);
      row.hidden = check.box.hidden = check.family.hidden = false;
      row.open = true;
      row.scrollIntoView();
      return;
    }
    const target = document.getElementById(anchor);
    const folded = target?.closest("details");
    if (folded && !folded.open) { folded.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
