"use strict";
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, text = "", className = "") => Object.assign(document.createElement(tag), { textContent: text, className });
  const PIECE = 24, PAGE = 50;

  const filters = find("#filters");
  if (!filters) return;
  const data = JSON.parse(find("#scores").textContent);
  const records = data.rows.map(([row, name, anchor, type, status, right, predicted, percent, breach, reason, scores], rank) => (
    { row, name, anchor, rank, predicted, percent, breach, reason, scores, folded: name.toLowerCase(),
      class: data.classes[type], status: data.statuses[status], right: right ? "yes" : "no" }));
  const holder = find("#cards"), more = find("#more"), told = find("#tells"), table = find("#table");
  const cards = new Map(all("[data-row]", holder).map((node) => [Number(node.dataset.row), node]));
  let visible = records, limit = PIECE, page = 0, column = "", down = false;
  const pictured = (list) => list.filter((record) => cards.has(record.row));
  const asTable = () => filters.elements.as.value === "table";
  const counted = (count) => (count === 1 ? "1 image" : `${count.toLocaleString("en")} images`);

  // A card lies in noscript, as text, until it is shown.
  const cardOf = (record) => {
    let card = cards.get(record.row);
    if (card?.tagName === "NOSCRIPT") {
      const template = document.createElement("template");
      template.innerHTML = card.textContent;
      card = template.content.firstElementChild;
      cards.set(record.row, card);
    }
    return card;
  };

  // Order: by rank, by a column of text, or by a score, whose worst end comes first; none comes last either way.
  const keys = { image: (one) => one.folded, class: (one) => one.class, predicted: (one) => one.predicted, sure: (one) => one.percent,
    status: (one) => one.rank };
  const ordered = () => {
    if (column === "") return records;
    const sign = keys[column] || data.columns[column].better === "higher" ? 1 : -1;
    const key = keys[column] || ((one) => one.scores[column]);
    return [...records].sort((a, b) => {
      const [first, second] = [key(a), key(b)];
      if (first === null || second === null) return (first === null) - (second === null) || a.rank - b.rank;
      return (down ? -1 : 1) * sign * (first < second ? -1 : first > second ? 1 : 0) || a.rank - b.rank;
    });
  };

  const showCards = () => {
    const list = pictured(visible), method = filters.elements.method?.value || "";
    const shown = list.slice(0, limit).map(cardOf);
    shown.forEach((card) => all(".view[data-method]", card).forEach((view) => { view.hidden = Boolean(method) && view.dataset.method !== method; }));
    holder.replaceChildren(...shown);
    more.hidden = list.length <= limit;
    more.textContent = `Show ${Math.min(PIECE, list.length - limit)} more of ${list.length - limit}`;
    told.textContent = counted(visible.length) + (list.length < visible.length ? `, ${list.length.toLocaleString("en")} with pictures` : "");
  };

  const columnsShown = () => {
    const method = filters.elements.method?.value || "";
    return data.columns.map((one, index) => [one, index]).filter(([one]) => !method || !one.method || one.method === method);
  };

  const headOf = (key, text, number) => {
    const cell = make("th", "", number ? "n" : "");
    cell.scope = "col";
    const sorted = String(key) === column;
    if (sorted) cell.ariaSort = down ? "descending" : "ascending";
    const button = make("button", text);
    button.type = "button";
    button.dataset.column = key;
    button.append(make("span", sorted ? (down ? " ▾" : " ▴") : ""));
    cell.append(button);
    return cell;
  };

  const rowOf = (record, shown) => {
    const row = make("tr"), name = make("th"), link = make("a", record.name);
    name.scope = "row";
    link.href = `#${encodeURIComponent(record.anchor.toWellFormed?.() ?? record.anchor)}`;
    link.dataset.image = record.row;
    name.append(link);
    const status = make("td", record.breach || record.status, record.status);
    row.append(name, make("td", record.class), make("td", record.predicted, record.right === "no" ? "wrong" : ""),
      make("td", record.percent === null ? "" : `${record.percent} %`, "n"), status,
      ...shown.map(([, index]) => make("td", record.scores[index] === null ? "" : String(record.scores[index]), "n")));
    return row;
  };

  const showTable = () => {
    const shown = columnsShown(), last = Math.max(Math.ceil(visible.length / PAGE) - 1, 0);
    page = Math.min(page, last);
    const head = make("tr");
    head.append(headOf("image", "image"), headOf("class", "class"), headOf("predicted", "predicted"), headOf("sure", "sure", true),
      headOf("status", "status"), ...shown.map(([one, index]) => headOf(index, [one.check, one.method].filter(Boolean).join(" "), true)));
    find("thead", table).replaceChildren(head);
    find("tbody", table).replaceChildren(...visible.slice(page * PAGE, (page + 1) * PAGE).map((record) => rowOf(record, shown)));
    const [back, on] = all("[data-turn]", table);
    back.disabled = page === 0;
    on.disabled = page === last;
    find("#turned").textContent = `page ${page + 1} of ${last + 1}`;
    told.textContent = counted(visible.length);
  };

  const show = () => {
    table.hidden = !asTable();
    holder.hidden = asTable();
    [find(".keys", holder.parentElement), find(".switches", filters)].forEach((node) => { node.hidden = asTable(); });
    if (asTable()) { more.hidden = true; showTable(); } else showCards();
  };

  const apply = () => {
    const wanted = Object.fromEntries(new FormData(filters));
    const part = (wanted.image || "").trim().toLowerCase();
    visible = ordered().filter((record) => (!part || record.folded.includes(part))
      && ["status", "right", "class"].every((name) => !wanted[name] || record[name] === wanted[name]));
    holder.classList.toggle("single", Boolean(wanted.method));
    holder.classList.toggle("no-map", !wanted.map);
    holder.classList.toggle("no-region", !wanted.region);
    limit = PIECE;
    page = 0;
    show();
  };

  filters.hidden = false;
  filters.addEventListener("input", (event) => {
    if (event.target.name === "order") { column = event.target.value; down = false; }
    apply();
  });
  filters.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => {
    const first = pictured(visible)[limit];
    limit += PIECE;
    showCards();
    find(".open", cardOf(first)).focus({ preventScroll: true });
  });
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.turn) { page += Number(button.dataset.turn); showTable(); return; }
    down = button.dataset.column === column && !down;
    column = button.dataset.column;
    const order = filters.elements.order;
    order.value = [...order.options].some((option) => option.value === column) ? column : "";
    apply();
    find(`[data-column="${column}"]`, table).focus();
  });
  apply();

  const viewer = find("#viewer"), views = find("#viewer-views"), strength = find("#viewer-strength"), region = find("#viewer-region");
  let current = null, cameFrom = null;

  const paint = () => {
    all(".map", views).forEach((map) => { map.style.opacity = String(strength.value / 100); });
    views.classList.toggle("no-region", !region.checked);
  };

  // The address names the image, for whoever sends it on; a page inside another may have none to change.
  const address = (anchor) => {
    try { history.replaceState(null, "", anchor ? `#${encodeURIComponent(anchor)}` : location.href.split("#")[0]); } catch { /* as it was */ }
  };

  const captionOf = (record, card) => {
    if (card) return [find(".prediction", card), ...all(".status, .breach, .reason", card)].map((node) => node.cloneNode(true));
    const said = record.right === "yes" ? `${record.class} ✓` : `${record.class} → ${record.predicted}`;
    return [said, record.breach || record.status, record.reason, "its pictures are not on this page"].filter(Boolean).map((text) => make("span", text));
  };

  const fill = (record) => {
    current = record;
    const card = cardOf(record);
    address(record.anchor);
    find("#viewer-title").textContent = record.name;
    find("#viewer-caption").replaceChildren(...captionOf(record, card));
    views.replaceChildren(...(card ? all(".view", card) : []).map((view) => {
      const copy = view.cloneNode(true);
      copy.hidden = false;
      all("img", copy).forEach((image) => { image.loading = "eager"; });
      return copy;
    }));
    find("#viewer-scores").replaceChildren(...data.columns.map((one, index) => {
      const row = make("tr"), head = make("th", one.check), value = record.scores[index];
      head.scope = "row";
      row.append(head, make("td", one.method || ""), make("td", value === null ? "not measured" : String(value)));
      return row;
    }));
    paint();
  };

  const open = (record, from) => {
    if (!record) return false;
    cameFrom = from;
    fill(record);
    if (!viewer.open) viewer.showModal();
    viewer.scrollTop = 0;
    return true;
  };

  const step = (by) => {
    const pool = visible.includes(current) ? (asTable() ? visible : pictured(visible)) : records;
    fill(pool[(pool.indexOf(current) + by + pool.length) % pool.length]);
  };

  const byRow = new Map(records.map((record) => [String(record.row), record]));
  const byAnchor = new Map(records.map((record) => [record.anchor, record]));
  const arrive = () => { open(byAnchor.get(decodeURIComponent(location.hash.slice(1))), null); };
  addEventListener("hashchange", arrive);
  arrive();

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-image]");
    if (link && !event.ctrlKey && !event.metaKey && open(byRow.get(link.dataset.image), link)) event.preventDefault();
  });
  holder.addEventListener("keydown", (event) => {
    const link = event.target.closest(".open");
    if (link && event.key === " ") { event.preventDefault(); open(byRow.get(link.dataset.image), link); }
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
  // Back to where the reader was: the image now shown if it was opened from the list, else the link.
  viewer.addEventListener("close", () => {
    address("");
    const listed = cameFrom && find("#images").contains(cameFrom) && find(`#images [data-image="${current.row}"]`);
    (listed || cameFrom)?.focus();
  });
  strength.addEventListener("input", paint);
  region.addEventListener("change", paint);
})();
