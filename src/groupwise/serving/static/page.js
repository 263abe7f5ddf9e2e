// Joins the page: pictures come in by choice, drop, paste or camera, and each becomes a card.

import { prepareCamera } from "./camera.js";
import { Card } from "./card.js";
import { CaseCard } from "./case.js";
import { askModel, useToken } from "./server.js";
import { save, toCsv } from "./table.js";
import { atLeast, chooseLanguage, fillIn, percent, say } from "./words.js";

const find = (id) => document.getElementById(id);
let model = { classes: [], several: false, resize: "squash", max_body_bytes: Infinity, coverage: null, accuracy: null, average_precision: null, baseline: null, optimised_for: null, operating_point: null };
let cards = [];

function tell(sentence) {
  find("live").textContent = sentence;
}

function add(files) {
  const options = { tell, onRemove: remove, onToken: askForToken, onAnswer: follow };
  const fresh = Array.from(files, (file) => new Card(file, () => model, options));
  const asking = fresh.length > 1 && find("case").checked ? [new CaseCard(fresh.slice(), () => model, options)] : fresh;
  if (asking !== fresh) fresh.unshift(...asking);
  cards = [...fresh, ...cards];
  find("cards").prepend(...fresh.map((card) => card.element));
  renderList();
  for (const card of asking) card.ask();
  if (fresh.length) find("answers").scrollIntoView({ block: "nearest" });
}

function remove(card) {
  const next = card.element.nextElementSibling ?? card.element.previousElementSibling;
  cards = cards.filter((other) => other !== card);
  card.element.remove();
  renderList();
  (next?.querySelector(".remove") ?? find("choose")).focus();
}

function renderList() {
  find("answers").hidden = cards.length === 0;
}

function render() {
  const { classes, several } = model;
  const number = several ? model.average_precision : model.accuracy;
  find("certainty").dataset.words = several ? "not-certainty-labels" : "not-certainty";
  fillIn();
  find("promise").textContent = number
    ? say(several ? "precision-labels" : "accuracy", {
        n: classes.length,
        images: number.n,
        sources: number.sources,
        value: percent(number.value),
        low: percent(number.low),
        high: percent(number.high),
      })
    : classes.length ? say(several ? "promise-labels" : "promise", { n: classes.length }) : "";
  renderBaseline();
  if (model.optimised_for) find("promise").textContent += say(`optimised-${model.optimised_for}`);
  const point = model.operating_point;
  find("point").hidden = !point;
  if (point) {
    const values = { label: point.label, threshold: percent(point.threshold), share: atLeast(point.sensitivity) };
    find("point").textContent = say("point", values);
  }
  find("model").textContent = model.name ? ` · ${model.name}` : "";
  for (const card of cards) card.render();
}

// A network that is not shown to beat what is trivial is told so first; one that does has it said after its number.
function renderBaseline() {
  const { baseline } = model;
  const failed = Boolean(baseline) && baseline.standing !== "beats";
  find("baseline").hidden = !failed;
  if (!baseline) return;
  const values = {
    name: say(`baseline-${baseline.name}`, { answer: baseline.answer ?? "" }),
    measure: say(`measure-${baseline.measure}`),
    value: percent(baseline.value),
    network: percent(baseline.network),
  };
  const sentence = say(`baseline-${baseline.standing}`, values);
  if (failed) find("baseline").textContent = sentence;
  else find("promise").textContent += ` ${sentence}`;
}

async function open() {
  try {
    model = await askModel();
    find("door").hidden = true;
    for (const card of cards) if (card.refusal) card.ask();
  } catch (refusal) {
    if (refusal.status === 401) askForToken();
    else tell(say("status-0"));
  }
  render();
}

// The server may have taken another model since the page was opened, which its answers show.
async function follow({ probabilities }) {
  const known = model.classes.filter((name) => Object.hasOwn(probabilities, name));
  if (known.length === model.classes.length && known.length === Object.keys(probabilities).length) return;
  try {
    model = await askModel();
  } catch {
    return; // the answer stands, and the next one asks again
  }
  render();
}

function askForToken() {
  find("door").hidden = false;
  find("token").focus();
}

find("door").addEventListener("submit", async (event) => {
  event.preventDefault();
  useToken(find("token").value);
  await open();
  if (!find("door").hidden) tell(say("token-wrong"));
});

find("choose").addEventListener("click", () => find("files").click());
find("files").addEventListener("change", ({ target }) => {
  add(target.files);
  target.value = ""; // so that the same file can be chosen again
});
document.addEventListener("paste", ({ clipboardData }) => add(clipboardData.files));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) document.body.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  if (event.dataTransfer.files.length) add(event.dataTransfer.files);
  else notice(say("not-files"));
});
prepareCamera({ onPicture: (file) => add([file]), onRefused: notice });

function notice(sentence) {
  find("hint").textContent = sentence;
  tell(sentence);
}

find("csv").addEventListener("click", () => save(toCsv(cards, model.classes), "answers.csv"));
find("clear").addEventListener("click", () => {
  for (const card of cards) card.element.remove();
  cards = [];
  renderList();
  find("choose").focus();
});
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    chooseLanguage(button.dataset.language);
    render();
  });
}

render();
open();
