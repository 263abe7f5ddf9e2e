// Turns answers into a CSV file, and hands it to the browser to save.

// The columns of `groupwise predict --csv`, in their order.
const HEADER = ["path", "predicted", "decided", "set", "abstain", "unlike"];

/** One row a picture or case, RFC 4180; `order` is that of the model's classes. */
export function toCsv(cards, order) {
  const classes = answered(cards, order);
  const rows = cards.map(({ name, answer, refusal }) => {
    const empty = [...HEADER.slice(1), ...classes].map(() => "");
    if (!answer) return [name, ...empty, refusal ? refusal.message || refusal.status : ""];
    const { label, decided, abstain, unlike, prediction_set: set, probabilities } = answer;
    const flag = unlike === null ? "" : Boolean(unlike); // a case has the number of such pictures
    return [name, label, decided, (set ?? []).join("|"), abstain ?? "", flag, ...classes.map((k) => probabilities[k] ?? ""), ""];
  });
  const header = [...HEADER, ...classes.map((name) => `prob_${name}`), "error"];
  return [header, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** The classes of the answers, for while the page was open the server may have taken another model. */
function answered(cards, order) {
  const named = new Set(cards.flatMap(({ answer }) => Object.keys(answer?.probabilities ?? {})));
  return named.size ? [...new Set([...order.filter((name) => named.has(name)), ...named])] : order;
}

function cell(value) {
  let text = String(value);
  // A spreadsheet would run what begins so as a formula, be it the name of a file or a class of a bundle from
  // elsewhere. Classes such as +1 and -1 stay what `groupwise predict --csv` writes: of digits alone nothing runs.
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text) && !/^[\d+\-.|]+$/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function save(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" })); // the mark tells Excel it is UTF-8
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
