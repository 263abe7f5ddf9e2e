// Turns answers into a CSV file, and hands it to the browser to save.

const HEADER = ["file", "label", "probability", "decided", "abstain", "unlike", "prediction_set", "refused"];

/** One row a picture, RFC 4180. */
export function toCsv(cards, classes) {
  const rows = cards.map(({ name, answer, refusal }) => {
    if (!answer) return [name, ...Array(6).fill(""), refusal ? refusal.message || refusal.status : "", ...classes.map(() => "")];
    const { label, probability, decided, abstain, unlike, prediction_set: set, probabilities } = answer;
    const said = [name, label, probability, decided, abstain, unlike ?? "", (set ?? []).join("|"), ""];
    return [...said, ...classes.map((name) => probabilities[name])];
  });
  const header = [...HEADER, ...classes.map((name) => `prob_${name}`)];
  return [header, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function cell(value) {
  let text = String(value);
  // A spreadsheet would run a name that begins so as a formula.
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function save(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" })); // the mark tells Excel it is UTF-8
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
