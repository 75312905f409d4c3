"use strict";
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const PAGE = 24;

  // A link to a folded line or rule must show it.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const folded = target.closest("details");
    if (folded && !folded.open) { folded.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", unfold);
  unfold();

  const filters = find("#filters");
  if (!filters) return;
  const cards = all(".card"), holder = find("#cards"), more = find("#more"), found = find("#found");
  const scores = JSON.parse(find("#scores").textContent);
  let visible = cards, limit = PAGE;

  const score = (card, column) => {
    const row = scores.rows[card.dataset.row];
    return row ? row[column] : null;
  };

  const ordered = (column) => {
    if (column === "") return [...cards].sort((a, b) => a.dataset.rank - b.dataset.rank);
    const sign = scores.columns[column].better === "higher" ? 1 : -1;
    const key = (card) => { const value = score(card, column); return value === null ? Infinity : sign * value; };
    return [...cards].sort((a, b) => key(a) - key(b) || a.dataset.rank - b.dataset.rank);
  };

  const show = () => {
    cards.forEach((card) => { card.hidden = true; });
    visible.slice(0, limit).forEach((card) => { card.hidden = false; });
    more.hidden = visible.length <= limit;
    more.textContent = `Show ${Math.min(PAGE, visible.length - limit)} more of ${visible.length - limit}`;
    found.textContent = visible.length === 1 ? "1 image" : `${visible.length.toLocaleString("en")} images`;
  };

  const apply = () => {
    const wanted = Object.fromEntries(new FormData(filters));
    const order = ordered(wanted.order);
    order.forEach((card) => holder.append(card));
    visible = order.filter((card) => ["status", "right", "class"]
      .every((name) => !wanted[name] || card.dataset[name] === wanted[name]));
    const method = wanted.method || "";
    all(".view[data-method]", holder).forEach((view) => { view.hidden = Boolean(method) && view.dataset.method !== method; });
    holder.classList.toggle("single", Boolean(method));
    holder.classList.toggle("no-map", !wanted.map);
    holder.classList.toggle("no-region", !wanted.region);
    limit = PAGE;
    show();
  };

  filters.hidden = false;
  filters.addEventListener("change", apply);
  filters.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => {
    const first = visible[limit];
    limit += PAGE;
    show();
    find(".open", first).focus({ preventScroll: true });
  });
  apply();

  const viewer = find("#viewer"), views = find("#viewer-views"), strength = find("#viewer-strength"), region = find("#viewer-region");
  let current = null, cameFrom = null;

  const paint = () => {
    all(".map", views).forEach((map) => { map.style.opacity = String(strength.value / 100); });
    views.classList.toggle("no-region", !region.checked);
  };

  const fill = (card) => {
    current = card;
    find("#viewer-title").textContent = find(".name", card).title;
    find("#viewer-caption").replaceChildren(find(".prediction", card).cloneNode(true), ...all(".status, .breach, .reason", card).map((node) => node.cloneNode(true)));
    views.replaceChildren(...all(".view", card).map((view) => {
      const copy = view.cloneNode(true);
      copy.hidden = false;
      all("img", copy).forEach((image) => { image.loading = "eager"; });
      return copy;
    }));
    const rows = scores.columns.map((column, index) => [column, score(card, index)]).map(([column, value]) => {
      const row = document.createElement("tr");
      [["th", column.check], ["td", column.method || ""], ["td", value === null ? "not measured" : String(value)]].forEach(([tag, text]) => {
        const cell = document.createElement(tag);
        cell.textContent = text;
        row.append(cell);
      });
      find("th", row).scope = "row";
      return row;
    });
    find("#viewer-scores").replaceChildren(...rows);
    paint();
  };

  const open = (row, from) => {
    const card = document.getElementById(`image-${row}`);
    if (!card) return false;
    cameFrom = from;
    fill(card);
    viewer.showModal();
    viewer.scrollTop = 0;
    return true;
  };

  const step = (by) => {
    const pool = visible.includes(current) ? visible : cards;
    fill(pool[(pool.indexOf(current) + by + pool.length) % pool.length]);
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-image]");
    if (link && !event.ctrlKey && !event.metaKey && open(link.dataset.image, link)) event.preventDefault();
  });
  holder.addEventListener("keydown", (event) => {
    const link = event.target.closest(".open");
    if (link && event.key === " ") { event.preventDefault(); open(link.dataset.image, link); }
  });
  viewer.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (event.target === viewer || (button && "close" in button.dataset)) viewer.close();
    else if (button) step(Number(button.dataset.step));
  });
  viewer.addEventListener("keydown", (event) => {
    const ranged = event.target === strength;
    if (event.key === "ArrowRight" && !ranged) step(1);
    else if (event.key === "ArrowLeft" && !ranged) step(-1);
    else if (event.key === "r" || event.key === "R") region.checked = !region.checked;
    else if (event.key === "m" || event.key === "M") strength.value = strength.value > 0 ? 0 : 100;
    else return;
    event.preventDefault();
    paint();
  });
  // Back to where the reader was: the card now shown if it was opened from the gallery, else the link.
  viewer.addEventListener("close", () => {
    const inGallery = cameFrom && holder.contains(cameFrom) && current && !current.hidden;
    (inGallery ? find(".open", current) : cameFrom)?.focus();
  });
  strength.addEventListener("input", paint);
  region.addEventListener("change", paint);
})();
