// Sends pictures to the server, a few at a time, and comes again when it is busy.

const AT_ONCE = 2;
const TRIES = 20;
const TOKEN = "groupwise-token";

let token = takeToken();
let running = 0;
const waiting = [];

/** A request that was refused; `status` is 0 where no server answered. */
export class Refusal extends Error {
  constructor(status, words = {}) {
    super(words.fact ?? "");
    this.status = status;
    this.remedy = words.remedy ?? "";
    this.code = words.code ?? null;
  }
}

// The part of an address behind `#` is sent to no server.
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) history.replaceState(null, "", location.pathname);
  try {
    if (given !== null) sessionStorage.setItem(TOKEN, given);
    return given ?? sessionStorage.getItem(TOKEN);
  } catch {
    return given;
  }
}

export function useToken(given) {
  token = given;
  try {
    sessionStorage.setItem(TOKEN, given);
  } catch {
    // then it holds until the page is loaded again
  }
}

async function ask(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Refusal(0);
  }
  const words = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Refusal(response.status, words), { after: response.headers.get("Retry-After") });
  return words;
}

/** What the model tells apart, and the limits of the server. */
export function askModel() {
  return ask("v1/model");
}

/** The answer to one picture, in its turn. */
export function askAbout(file, { heat = false } = {}) {
  return send(heat ? "v1/predict?heat=1" : "v1/predict", file);
}

/** The one answer to the pictures of a case, and under `answers` that to each. */
export function askAboutCase(files) {
  const form = new FormData();
  for (const file of files) form.append("picture", file);
  return send("v1/predict-case", form);
}

async function send(path, body) {
  if (running >= AT_ONCE) await new Promise((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    return await persist(() => ask(path, { method: "POST", body }));
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

async function persist(attempt) {
  for (let left = TRIES; ; left -= 1) {
    try {
      return await attempt();
    } catch (refusal) {
      if (refusal.status !== 503 || left <= 1) throw refusal;
      await new Promise((resolve) => setTimeout(resolve, 1000 * (Number(refusal.after) || 1)));
    }
  }
}
