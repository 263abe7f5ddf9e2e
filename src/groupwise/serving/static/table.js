// Turns answers into a CSV file, and hands it to the browser to save.

// The columns of `groupwise predict --csv`, in their order.
const HEADER = ["path", "predicted", "decided", "set", "abstain", "unlike"];

/** One row a picture, RFC 4180. */
export function toCsv(cards, classes) {
  const rows = cards.map(({ name, answer, refusal }) => {
    const empty = [...HEADER.slice(1), ...classes].map(() => "");
    if (!answer) return [name, ...empty, refusal ? refusal.message || refusal.status : ""];
    const { label, decided, abstain, unlike, prediction_set: set, probabilities } = answer;
    return [name, label, decided, (set ?? []).join("|"), abstain ?? "", unlike ?? "", ...classes.map((k) => probabilities[k]), ""];
  });
  const header = [...HEADER, ...classes.map((name) => `prob_${name}`), "error"];
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
