"use strict";
// The page of a review: one question at a time, every answer kept by the server before the next is shown. A page
// without a server holds its pictures itself: see offline.js.
(() => {
  const by = (id) => document.getElementById(id);
  let run = null; // what is asked; it stays
  let standings = []; // what is decided, by question
  let at = 0;
  let busy = false;
  let shownMethod = 0;
  const details = new Map();
  const MOST_REASONS = 4;

  const online = {
    ask: request,
    photo: (row) => `image/${row}/photo`,
    layer: (row, method) => `image/${row}/map/${method}`,
    exchanged: (number) => `exchanged/${number}`,
  };
  const { ask, photo, layer, exchanged } = window.offline || online;

  async function request(path, body) {
    const sent = body === undefined ? {} : {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    };
    let response;
    try {
      response = await fetch(path, sent);
    } catch {
      throw new Error("The server does not answer, so this was not kept; what was answered before is. " +
        "Start explain-gate review again: it goes on where you were.");
    }
    const given = (response.headers.get("Content-Type") || "").includes("json") ? await response.json() : null;
    if (!response.ok) throw new Error((given && given.error) || `The server refused this (${response.status}).`);
    return given;
  }

  function complain(error) {
    by("trouble").textContent = error ? error.message : "";
    by("trouble").hidden = !error;
  }

  // One thing at a time: an answer is to the question whose pictures are seen, never to one that is still on its way.
  async function alone(work) {
    if (busy) return;
    busy = true;
    by("main").setAttribute("aria-busy", "true");
    try {
      await work();
      complain(null);
    } catch (error) {
      complain(error);
    } finally {
      busy = false;
      by("main").setAttribute("aria-busy", "false");
    }
  }

  async function detailOf(row) {
    if (!details.has(row)) details.set(row, await ask(`image/${row}`));
    return details.get(row);
  }

  async function show(number) {
    at = number;
    const question = run.questions[at];
    shownMethod = run.methods.indexOf(question.method);
    by("group").textContent = run.groups[question.group];
    by("image").textContent = question.image;
    by("class").textContent = question.class;
    const sure = question.probability === null ? "" : `, ${Math.round(100 * question.probability)} %`;
    by("answer").textContent = `${question.answer}${sure}${question.right === false ? " (wrong)" : ""}`;
    by("answer").className = question.right === false ? "wrong" : "";
    by("asked").textContent = question.method;
    const more = question.reasons.length - MOST_REASONS;
    const reasons = more > 1 ? [...question.reasons.slice(0, MOST_REASONS), `and ${more} more`] : question.reasons;
    by("reasons").replaceChildren(...reasons.map((text) => element("li", text)));
    by("note").value = standings[at].note;
    by("method").value = String(shownMethod);
    tell();
    const detail = await detailOf(question.row);
    by("frame").style.aspectRatio = `${detail.width} / ${detail.height}`;
    by("photo").hidden = !detail.photo;
    by("no-photo").hidden = detail.photo;
    by("photo").alt = detail.photo ? `Photograph ${question.image}` : "";
    if (detail.photo) by("photo").src = photo(question.row);
    by("outline").setAttribute("viewBox", `0 0 ${detail.width} ${detail.height}`);
    for (const path of by("outline").querySelectorAll("path")) path.setAttribute("d", detail.region);
    by("exchanged-part").hidden = detail.exchanged.length === 0;
    by("exchanged").replaceChildren(...detail.exchanged.map(({ number, text }) => {
      const item = element("li", text);
      const picture = document.createElement("img");
      picture.src = exchanged(number);
      picture.alt = "";
      picture.loading = "lazy";
      item.prepend(picture);
      return item;
    }));
    showMap();
    preload(at + 1);
    await Promise.allSettled([by("photo"), by("map")].filter((one) => one.src && !one.hidden).map((one) => one.decode()));
  }

  function showMap() {
    const question = run.questions[at];
    by("map").src = layer(question.row, shownMethod);
    by("map").alt = `Map of ${run.methods[shownMethod]}`;
    by("legend").textContent = `${run.methods[shownMethod]}: ${run.legends[shownMethod]}.`;
    view();
  }

  function view() {
    by("map").hidden = !by("show-map").checked;
    by("map").style.opacity = String(by("strength").value / 100);
    by("outline").style.display = by("show-region").checked ? "" : "none";
  }

  function preload(number) {
    const question = run.questions[number];
    if (!question) return;
    new Image().src = photo(question.row);
    new Image().src = layer(question.row, run.methods.indexOf(question.method));
  }

  // What is decided about the question that is shown, and how far the review is.
  function tell() {
    const standing = standings[at];
    for (const button of by("opinions").children) {
      button.setAttribute("aria-pressed", String(button.dataset.opinion === standing.opinion));
    }
    const said = Object.entries(standing.said).map(([who, opinion]) => `${who}: ${opinion}`);
    by("others").textContent = said.length ? said.join(", ")
      : standing.others ? `${standing.others} other${standing.others > 1 ? "s have" : " has"} judged this map; what they say is shown once you have.`
      : "";
    const done = standings.filter((one) => one.settled).length;
    by("progress").max = standings.length;
    by("progress").value = done;
    by("count").textContent = `${done} of ${standings.length} judged`;
    const all = done === standings.length;
    by("done").hidden = !all;
    by("done").textContent = all ? run.at_end : "";
    by("previous").disabled = at === 0;
    by("next").disabled = at === standings.length - 1;
  }

  const decide = (opinion) => alone(async () => {
    const number = at;
    update(await ask("decide", { question: number, opinion, note: by("note").value }));
    by("said").textContent = `${run.questions[number].image}: ${opinion}`;
    const ahead = nextOpen(number + 1);
    if (ahead === -1) tell();
    else await show(ahead);
  });

  // The first question without an answer from here on, then from the start; -1 for none.
  function nextOpen(from) {
    for (let step = 0; step < standings.length; step += 1) {
      const number = (from + step) % standings.length;
      if (!standings[number].settled) return number;
    }
    return -1;
  }

  const undo = () => alone(async () => {
    const undone = await ask("undo", {});
    if (undone === null) {
      by("said").textContent = "Nothing to take back since the page's server was started.";
      return;
    }
    update(undone[1]);
    by("said").textContent = `${run.questions[undone[0]].image}: taken back`;
    await show(undone[0]);
  });

  function update(changed) {
    for (const [number, standing] of changed) standings[number] = standing;
  }

  const step = (change) => alone(async () => {
    const number = at + change;
    if (number >= 0 && number < standings.length) await show(number);
  });

  function otherMap() {
    shownMethod = (shownMethod + 1) % run.methods.length;
    by("method").value = String(shownMethod);
    showMap();
  }

  function strengthen(change) {
    by("strength").value = String(Number(by("strength").value) + change);
    view();
  }

  const KEYS = {
    m: () => by("show-map").click(), r: () => by("show-region").click(), a: otherMap, u: undo,
    n: () => by("note").focus(), "-": () => strengthen(-10), "+": () => strengthen(10), "=": () => strengthen(10),
    ArrowLeft: () => step(-1), ArrowRight: () => step(1),
  };

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !run) return;
    if (event.target === by("note")) {
      if (event.key === "Escape") by("note").blur();
      return;
    }
    const opinion = /^[1-9]$/.test(event.key) ? run.opinions[Number(event.key) - 1] : undefined;
    const known = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (event.target.matches("input[type=range], select") && event.key.startsWith("Arrow")) return;
    if (opinion === undefined && known === undefined) return;
    event.preventDefault();
    if (opinion !== undefined) decide(opinion);
    else known();
  }

  function element(name, text) {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }

  // What others have decided meanwhile is seen when somebody comes back to the page.
  const look = () => alone(async () => {
    if (document.hidden || !run) return;
    standings = await ask("standings");
    tell();
  });

  async function begin() {
    const described = await ask("questions");
    standings = await ask("standings");
    run = described;
    by("about").textContent = `${run.model}${run.version ? `, version ${run.version}` : ""}, by ${run.reviewer}`;
    by("note").maxLength = run.longest_note;
    by("opinions").replaceChildren(...run.opinions.map((opinion, number) => {
      const button = element("button", opinion);
      button.type = "button";
      button.dataset.opinion = opinion;
      button.setAttribute("aria-keyshortcuts", String(number + 1));
      button.append(element("kbd", String(number + 1)));
      button.addEventListener("click", () => decide(opinion));
      return button;
    }));
    by("method").replaceChildren(...run.methods.map((name, number) => new Option(name, String(number))));
    by("pick").hidden = run.methods.length < 2;
    by("question").hidden = false;
    await show(Math.max(0, nextOpen(0)));
  }

  document.addEventListener("keydown", pressed);
  document.addEventListener("visibilitychange", look);
  by("previous").addEventListener("click", () => step(-1));
  by("next").addEventListener("click", () => step(1));
  by("undo").addEventListener("click", undo);
  by("show-map").addEventListener("change", view);
  by("show-region").addEventListener("change", view);
  by("strength").addEventListener("input", view);
  by("method").addEventListener("change", () => {
    shownMethod = Number(by("method").value);
    showMap();
  });
  alone(begin);
})();
