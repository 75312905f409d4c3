"use strict";
// A review without a server: pictures and questions are in the page, answers in the browser's storage until they are
// saved as one file, which `explain-gate review DIR --take FILE` puts into reviews/.
window.offline = (() => {
  const page = JSON.parse(document.getElementById("page").textContent);
  const place = `explain-gate review ${page.key}`;
  const done = [];
  let answers = {};
  try {
    answers = JSON.parse(localStorage.getItem(place)) || {};
  } catch {
    // no storage for pages from disk: answers last until the page is closed
  }

  function standing(number) {
    const mine = answers[number];
    const row = page.described.questions[number].row;
    const wrong = Object.entries(answers).some(([other, one]) =>
      page.described.questions[other].row === row && one.opinion.endsWith(" wrong"));
    const known = page.standings[number];
    if (mine === undefined) return { ...known, settled: known.settled || wrong };
    return { opinion: mine.opinion, note: mine.note, others: known.others, said: {}, settled: true };
  }

  function ofImage(number) {
    const row = page.described.questions[number].row;
    return page.described.questions.flatMap((question, other) => (question.row === row ? [[other, standing(other)]] : []));
  }

  function keep() {
    try {
      localStorage.setItem(place, JSON.stringify(answers));
    } catch {
      // as above
    }
    const count = Object.keys(answers).length;
    const save = document.getElementById("save");
    save.hidden = count === 0;
    save.textContent = `Save ${count} answer${count === 1 ? "" : "s"}`;
  }

  function now() {
    const at = new Date();
    const zone = -at.getTimezoneOffset();
    const two = (value) => String(Math.floor(Math.abs(value))).padStart(2, "0");
    const local = new Date(at.getTime() + zone * 60000).toISOString().slice(0, 23);
    return `${local}${zone < 0 ? "-" : "+"}${two(zone / 60)}:${two(zone % 60)}`;
  }

  const PATHS = {
    questions: () => page.described,
    standings: () => page.described.questions.map((_, number) => standing(number)),
    decide: ({ question, opinion, note }) => {
      done.push([question, answers[question]]);
      answers[question] = { opinion, note: note.trim(), at: now() };
      keep();
      return ofImage(question);
    },
    undo: () => {
      if (done.length === 0) return null;
      const [question, before] = done.pop();
      if (before === undefined) delete answers[question];
      else answers[question] = before;
      keep();
      return [question, ofImage(question)];
    },
  };

  function save() {
    const decisions = Object.entries(answers).map(([number, answer]) => ({ ...page.blanks[number], ...answer }));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify({ decisions }, null, 2)], { type: "application/json" }));
    link.download = `reviews-${page.described.reviewer}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  document.getElementById("save").addEventListener("click", save);
  keep();
  return {
    ask: async (path, body) => (path in PATHS ? PATHS[path](body) : page.details[path.split("/")[1]]),
    photo: (row) => page.pictures[`photo ${row}`] || "",
    layer: (row, method) => page.pictures[`map ${row} ${method}`] || "",
    exchanged: (number) => page.pictures[`exchanged ${number}`] || "",
  };
})();
