// Shows the one answer that several pictures of a case have together; each of them keeps a card of its own.

import { Card } from "./card.js";
import { askAboutCase } from "./server.js";
import { names, say } from "./words.js";

export class CaseCard extends Card {
  constructor(cards, model, options) {
    super({ cards }, model, options);
  }

  get name() {
    return say("case-of", { n: this.file.cards.length });
  }

  async ask() {
    const { cards } = this.file;
    this.refusal = null;
    this.render();
    for (const card of cards) card.show();
    try {
      for (const card of cards) card.refuseAtOnce();
      const { answers, ...joined } = await askAboutCase(cards.map((card) => card.file));
      this.answer = { ...joined, decided: joined.label, prediction_set: null };
      await this.onAnswer(this.answer);
      cards.forEach((card, i) => card.take(answers[i]));
    } catch (refusal) {
      this.fail(refusal);
      for (const card of cards) card.ask(); // so that it is seen which of them it is
    }
    this.render();
    this.tell(this.summary());
  }

  reason() {
    const { status, message } = this.refusal;
    const [, number] = message.match(/^picture (\d+) of/) ?? [];
    if (number) return say("case-picture", { file: this.file.cards[number - 1].name, why: super.reason() });
    return status === 413 ? say("case-too-large") : super.reason();
  }

  cautions() {
    const { unlike, pictures } = this.answer;
    return unlike ? [[say("unlike-some", { n: unlike, pictures }), say("unlike-some-why")]] : [];
  }

  sentenceOfSet() {
    return `${say(`case-${this.answer.rule}`)} ${say("case-number")}`;
  }

  render() {
    super.render();
    this.find(".no-preview").hidden = false;
    this.find(".no-preview").textContent = names(this.file.cards.map((card) => card.name));
  }
}
