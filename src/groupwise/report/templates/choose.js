// The page to choose what to leave out: filter, sort, tick, and save a list that --exclude takes.

const WORDS = {
  en: {
    other: "中文", audit: "Groupwise audit", title: "Which files shall be left out?",
    promise: "Tick them, save the list, and give it to --exclude. Nothing is deleted, and nothing leaves this page but the file that you save.",
    kind: "Show", class: "Class", sort: "Order", search: "Search names", every: "all",
    conflict: "under differing labels", copies: "same photograph or scene", inset: "one shown inside another", outer: "shows the others", suspect: "suspected series", mistake: "suspected label", contradicted: "labelled {label}, and the network says {class}",
    size: "gravest, then largest, first", path: "by name", label: "by class",
    tick: "Tick all but one of each set shown", tickOuter: "Tick all but one of each set shown, and what shows others inside", torn: "Sets under differing labels stay as they are, unless none is kept: look which label is right.", untick: "Untick all shown",
    keep: "of each set keep", largest: "the largest", sharpest: "the sharpest", medoid: "the one most like the others", first: "the first by name", none: "none",
    shown: "Shown: files {files}, sets {sets}", more: "Show more sets", count: "{n} ticked", save: "Save exclude.csv",
    heading: "{kind}: {n} files", pixels: "{w} × {h}", gone: "no picture to show", nothing: "Nothing to choose from: no copies, no conflicts, no suspects.",
  },
  zh: {
    other: "English", audit: "Groupwise 审核", title: "要排除哪些文件？",
    promise: "勾选文件，保存列表，再交给 --exclude。不会删除任何文件；除您保存的文件外，没有任何内容离开本页。",
    kind: "显示", class: "类别", sort: "排序", search: "搜索文件名", every: "全部",
    conflict: "同一图片标签不一致", copies: "同一照片或场景", inset: "一图在另一图之内", outer: "内含其余图片", suspect: "疑似连拍", mistake: "疑似标签错误", contradicted: "标签为 {label}，模型认为是 {class}",
    size: "严重与大组在前", path: "按名称", label: "按类别",
    tick: "所示每组仅留一张，其余勾选", tickOuter: "所示每组仅留一张，其余勾选，并勾选内含他图者", torn: "标签不一致的组不受影响（选“不保留”除外）：请查看哪个标签正确。", untick: "取消所示勾选",
    keep: "每组保留", largest: "像素最多的", sharpest: "最清晰的", medoid: "与其余最相似的", first: "名称排在最前的", none: "不保留",
    shown: "显示 {sets} 组共 {files} 个文件", more: "显示更多", count: "已勾选 {n} 个", save: "保存 exclude.csv",
    heading: "{kind}：{n} 个文件", pixels: "{w} × {h}", gone: "无法显示图片", nothing: "没有可选项：未发现副本、冲突或疑似连拍。",
  },
};
const STEP = 60; // sets drawn at once
const KEPT = ["largest", "sharpest", "medoid", "first", "none"];
let language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
let drawn = STEP;
const ticked = new Set();
const $ = (id) => document.getElementById(id);
const say = (name, values = {}) => WORDS[language][name].replace(/\{(\w+)\}/g, (_, key) => values[key]);

/** The kinds in the order of what they do to a number; suspected labels stay as they come, the surest first. */
const KINDS = ["mistake", "conflict", "copies", "inset", "suspect"];
const urgency = (set) => Math.min(KINDS.indexOf(set.kind), 2);

/** The sets that the filters let through, in the order asked for; of a set all files stay together. */
function chosenSets() {
  const [kind, label, words] = [$("kind").value, $("label").value, $("search").value.trim().toLowerCase()];
  const found = DATA.sets.filter((set) =>
    (!kind || set.kind === kind) &&
    set.files.some((file) => (!label || file.names.includes(label)) && file.path.toLowerCase().includes(words)));
  const by = {
    size: (a, b) => urgency(a) - urgency(b) || (a.kind === "mistake" ? 0 : b.files.length - a.files.length),
    path: (a, b) => a.files[0].path.localeCompare(b.files[0].path),
    label: (a, b) => a.files[0].said.localeCompare(b.files[0].said),
  };
  return found.sort(by[$("sort").value]);
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** One file to tick; `note` is said before what is known of it. */
function drawFile(file, note = "") {
  const box = make("input", { type: "checkbox", checked: ticked.has(file.path) });
  box.dataset.path = file.path;
  const image = make("img", { loading: "lazy", alt: "", src: file.src });
  image.addEventListener("error", () => { image.alt = say("gone"); });
  return make("label", { title: file.path }, box, image,
    make("span", { className: "file", textContent: file.path }),
    make("span", { className: "what", textContent: `${note}${file.said} · ${say("pixels", { w: file.width, h: file.height })}` }));
}

function heading(set) {
  const n = set.files.length;
  if (!set.suggested) return say("heading", { kind: say(set.kind), n });
  const kind = say("contradicted", { label: set.files[0].said, class: set.suggested });
  return n > 1 ? say("heading", { kind, n }) : kind;
}

function draw() {
  const sets = chosenSets();
  $("tick").dataset.say = sets.some((set) => set.kind === "inset") ? "tickOuter" : "tick";
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  $("language").textContent = say("other");
  $("sets").replaceChildren(...sets.slice(0, drawn).map((set) =>
    make("li", { className: set.kind },
      make("h2", { textContent: heading(set) }),
      make("div", { className: "files" }, ...set.files.map((file, k) => drawFile(file, set.kind === "inset" && k === 0 ? `${say("outer")} · ` : ""))))));
  $("more").hidden = sets.length <= drawn;
  $("torn").hidden = !sets.some((set) => set.kind === "conflict");
  const files = sets.reduce((sum, set) => sum + set.files.length, 0);
  $("shown").textContent = DATA.sets.length ? say("shown", { files, sets: sets.length }) : say("nothing");
  count();
}

function count() {
  $("count").textContent = say("count", { n: ticked.size });
  $("save").disabled = ticked.size === 0;
  $("command").textContent = `groupwise audit ${DATA.words} --exclude exclude.csv`;
}

/** The file of a set that stays under a policy, or none. */
function best(files, policy) {
  if (policy === "none") return null;
  if (policy === "first") return files[0];
  const beats = (file, kept) => file[policy] - kept[policy] || file.sharpest - kept.sharpest;
  return files.reduce((kept, file) => (beats(file, kept) > 0 ? file : kept));
}

function fillSelect(id, names, value) {
  const before = $(id).value;
  $(id).replaceChildren(...names.map(([name, text]) => make("option", { value: name, textContent: text })));
  $(id).value = names.some(([name]) => name === before) && before ? before : value;
}

function fillIn() {
  const kinds = KINDS.filter((kind) => DATA.sets.some((set) => set.kind === kind));
  const labels = [...new Set(DATA.sets.flatMap((set) => set.files.flatMap((file) => file.names)))].sort();
  fillSelect("kind", [["", say("every")], ...kinds.map((kind) => [kind, say(kind)])], "");
  fillSelect("label", [["", say("every")], ...labels.map((label) => [label, label])], "");
  fillSelect("sort", ["size", "path", "label"].map((name) => [name, say(name)]), "size");
  fillSelect("keep", KEPT.map((name) => [name, say(name)]), "largest");
  draw();
}

/** One row of a CSV, quoted as RFC 4180 asks. */
const row = (cells) => cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",");

function save() {
  // Of a file in two sets the first is the reason.
  const known = new Map([...DATA.sets].reverse().flatMap((set) => set.files.map((file) => [file.path, [file.path, file.label, set.kind]])));
  // What an earlier list left out stays out: --exclude takes one list.
  const earlier = DATA.earlier.map((file) => [file.path, file.label, "excluded"]);
  const lines = [["path", "label", "reason"], ...earlier, ...[...ticked].sort().map((path) => known.get(path))].map(row);
  const url = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  make("a", { href: url, download: "exclude.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

$("sets").addEventListener("change", ({ target }) => {
  ticked[target.checked ? "add" : "delete"](target.dataset.path);
  // A file may stand in two sets.
  for (const box of document.querySelectorAll("#sets input")) if (box.dataset.path === target.dataset.path) box.checked = target.checked;
  count();
});
$("sets").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const boxes = [...document.querySelectorAll("#sets input")];
  boxes[boxes.indexOf(event.target) + step]?.focus();
  event.preventDefault();
});
$("tools").addEventListener("submit", (event) => event.preventDefault());
$("tools").addEventListener("input", () => { drawn = STEP; draw(); });
$("more").addEventListener("click", () => { drawn += STEP; draw(); });
$("tick").addEventListener("click", () => {
  for (const set of chosenSets()) {
    if (set.kind === "conflict" && $("keep").value !== "none") continue; // which label is right, nobody knows but you
    if (set.kind === "inset") {
      ticked.add(set.files[0].path); // what it shows may be good, and stays as its other sets have it
      continue;
    }
    const kept = best(set.files, $("keep").value);
    for (const file of set.files) if (file !== kept) ticked.add(file.path); else ticked.delete(file.path);
  }
  draw();
});
$("untick").addEventListener("click", () => {
  for (const set of chosenSets()) for (const file of set.files) ticked.delete(file.path);
  draw();
});
$("save").addEventListener("click", save);
$("language").addEventListener("click", () => { language = language === "zh" ? "en" : "zh"; fillIn(); });
fillIn();
