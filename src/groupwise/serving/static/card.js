// Shows one picture with what is said of it. Names of classes and files are text, never markup.

import { draw, read } from "./picture.js";
import { Refusal, askAbout } from "./server.js";
import { atLeast, atMost, names, percent, say } from "./words.js";

const UNFOLDED = 5;
const FAINT = 0.05; // of the heat that hiding a place can have

export class Card {
  /** `tell` is told a sentence to be read out, `model` gives what the server says of itself; see page.js. */
  constructor(file, model, { tell, onRemove, onToken, onAnswer }) {
    Object.assign(this, { file, model, tell, onToken, onAnswer, answer: null, refusal: null, bitmap: null, heat: null, hot: false });
    this.element = document.getElementById("card").content.firstElementChild.cloneNode(true);
    this.find(".remove").addEventListener("click", () => onRemove(this));
    this.find(".again").addEventListener("click", () => this.ask());
    this.find(".look").addEventListener("click", () => this.look());
    this.find(".mix input").addEventListener("input", () => this.paint());
    this.render();
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  get name() {
    return this.file.name || say("camera");
  }

  async ask() {
    this.refusal = null;
    this.render();
    await this.show();
    try {
      this.refuseAtOnce();
      this.answer = await askAbout(this.file);
      await this.onAnswer(this.answer);
    } catch (refusal) {
      this.fail(refusal);
    }
    this.render();
    this.tell(this.summary());
  }

  async show() {
    this.bitmap ??= await read(this.file);
    this.render();
    this.paint();
  }

  /** Show an answer that came with others. */
  take(answer) {
    this.refusal = null;
    this.answer = answer;
    this.render();
  }

  refuseAtOnce() {
    if (this.file.size === 0) throw new Refusal(400, { fact: say("empty") });
    const limit = this.model().max_body_bytes;
    if (this.file.size > limit) throw new Refusal(413, { fact: say("status-413-bytes", { n: limit / 1e6 }) });
  }

  fail(refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    this.refusal = refusal;
    if (refusal.status === 401) this.onToken();
  }

  /** Show the heat map, asked for once, or take it away again. */
  async look() {
    this.hot = !this.hot;
    if (this.hot && !this.heat) await this.askForHeat();
    this.paint();
    this.render();
    if (this.hot) this.find(".mix input").focus();
  }

  async askForHeat() {
    const button = this.find(".look");
    button.disabled = true;
    button.textContent = say("looking");
    try {
      this.heat = (await askAbout(this.file, { heat: true })).heat;
    } catch (refusal) {
      this.hot = false;
      this.fail(refusal);
    }
    button.disabled = false;
  }

  paint() {
    const mix = this.find(".mix input").value / 100;
    const heat = this.hot ? this.heat : null;
    if (this.bitmap) draw(this.find(".shown"), this.bitmap, { heat, mix, resize: this.model().resize });
  }

  /** One sentence for those who listen. */
  summary() {
    if (this.refusal) return `${this.name}: ${this.reason()}`;
    const { probability, labels } = this.answer;
    const said = [say(labels ? "answered-labels" : "answered", { file: this.name, label: this.title(), probability: percent(probability) })];
    return [...said, ...this.cautions().map((words) => words.join(" "))].join(" ");
  }

  reason() {
    const { status, code, message, remedy } = this.refusal;
    const sentences = [message, remedy].filter(Boolean).map((words) => words[0].toUpperCase() + words.slice(1));
    return say(`code-${code}`) ?? say(`status-${status}`) ?? sentences.join(". ");
  }

  cautions() {
    const { abstain, unlike } = this.answer;
    const found = [];
    if (unlike) found.push([say("unlike"), say("unlike-why")]);
    if (abstain) found.push([say("abstain"), say("abstain-why")]);
    return found;
  }

  render() {
    const { element, answer, refusal } = this;
    this.find(".file").textContent = this.name;
    this.find(".remove").textContent = say("remove");
    this.find(".again").textContent = say("again");
    this.find(".again").hidden = !refusal;
    this.find(".shown").hidden = !this.bitmap;
    this.find(".shown").setAttribute("aria-label", this.describe());
    this.find(".no-preview").hidden = Boolean(this.bitmap) || !answer;
    this.find(".no-preview").textContent = say("no-preview");
    element.classList.toggle("waiting", !answer && !refusal);
    element.classList.toggle("failed", Boolean(refusal));
    element.setAttribute("aria-busy", String(!answer && !refusal));
    this.find(".heat").hidden = !answer || !this.bitmap;
    if (refusal) this.renderRefusal();
    else if (answer) this.renderAnswer();
    else this.find("h3").textContent = say("waiting");
  }

  describe() {
    return this.hot ? say("heat-of", { file: this.name, label: this.ranked()[0][0] }) : this.name;
  }

  /** The class, or where pictures have sets of labels all that this one is given. */
  title() {
    const { label, labels } = this.answer;
    return labels ? labels.join(", ") || say("no-label") : label;
  }

  ranked() {
    return Object.entries(this.answer.probabilities).sort((a, b) => b[1] - a[1]);
  }

  renderRefusal() {
    this.find("h3").textContent = say("failed");
    this.find(".unit").textContent = this.reason();
    this.find(".figure").textContent = "";
  }

  renderAnswer() {
    const { label, labels, probability, abstain, unlike, decided } = this.answer;
    const ranked = this.ranked();
    const given = labels ?? [label];
    this.element.classList.toggle("doubtful", this.cautions().length > 0);
    this.find("h3").textContent = abstain ? say("unsure") : this.title();
    this.find(".figure").textContent = percent(probability);
    this.find(".unit").textContent = abstain ? say("best", { label }) : say(labels ? "most-labels" : "most", { n: ranked.length, label: ranked[0][0] });
    this.find(".cautions").replaceChildren(...this.cautions().map(caution));
    this.find(".set").textContent = [
      decided === label ? null : this.sentenceOfDecision(),
      this.sentenceOfSet(),
      abstain === null && !labels ? say("abstain-unknown") : null,
      unlike === null ? say("unlike-unknown") : null,
    ].filter(Boolean).join(" ");
    const [few, rest] = [ranked.slice(0, UNFOLDED), ranked.slice(UNFOLDED)];
    this.find(".said > .bars").replaceChildren(...few.map((entry) => bar(entry, given.includes(entry[0]))));
    this.find("details").hidden = rest.length === 0;
    this.find("summary").textContent = say(labels ? "more-labels" : "more", { n: rest.length });
    this.find("details .bars").replaceChildren(...rest.map((entry) => bar(entry, false)));
    this.renderHeat();
  }

  sentenceOfDecision() {
    const { answer: { decided }, model } = this;
    const point = model().operating_point;
    if (!point) return say("decided-cost", { label: decided });
    return say("decided", { label: decided, positive: point.label, threshold: percent(point.threshold) });
  }

  sentenceOfSet() {
    const { prediction_set: set, labels } = this.answer;
    if (labels) {
      const more = (set ?? []).filter((name) => !labels.includes(name));
      const promised = { names: names(more), missed: atMost(1 - this.model().coverage) };
      return more.length ? say("may-have", promised) : null;
    }
    if (set === null || set.length < 2) return null;
    const { coverage } = this.model();
    const values = { names: names(set), coverage: coverage && atLeast(coverage) };
    return say(coverage ? "set-coverage" : "set", values);
  }

  renderHeat() {
    const hot = this.hot && this.heat !== null;
    this.find(".look").textContent = say(hot ? "look-away" : "look");
    this.find(".mix").hidden = !hot;
    this.find(".mix span").textContent = say("mix");
    this.find(".how").hidden = !hot;
    if (hot) this.find(".how").textContent = this.sentenceOfHeat();
  }

  sentenceOfHeat() {
    if (this.model().heat !== "occlusion") return say("heat-map");
    return say(Math.max(...this.heat.flat()) < FAINT ? "heat-nowhere" : "heat-occlusion");
  }
}

function caution([head, why]) {
  const item = document.createElement("li");
  const strong = document.createElement("strong");
  strong.textContent = head;
  item.append(strong, " ", why);
  return item;
}

function bar([name, probability], most) {
  const item = document.createElement("li");
  item.classList.toggle("most", most);
  const [label, track, share] = ["span", "div", "span"].map((tag) => document.createElement(tag));
  label.className = "name";
  label.textContent = name;
  track.className = "bar";
  track.append(document.createElement("i"));
  track.firstChild.style.width = `${100 * probability}%`;
  share.className = "share";
  share.textContent = percent(probability);
  item.append(label, track, share);
  return item;
}
