// Keeps an open page true: when a ticket changes, the page is fetched again and what changed in it is put in place, row by
// row, so that scrolling, focus, what is typed, chosen or opened stays as it is. Without this script every page works by
// reloading. Also shows times in the reader's own zone.

const STREAM = "/live";
/** Between two refreshes, however much changes, where a page does not ask for more. */
const CALM_MS = 700;
/** Between two refreshes so many times as long as the last one took, but no longer than this. */
const COSTS = 10;
const LONGEST_MS = 30000;
/** How many milliseconds ago the server made the oldest part of its answer that all readers share. */
const MADE_AGO = "rehome-made-ago";
/** Pages that no ticket's change tells of look for themselves. */
const POLL_MS = 5000;
/** What says that a page looked by itself, and nobody at it: that keeps no session from lying idle. */
const BY_ITSELF = { "rehome-by-itself": "1" };
/** How long the stream may say nothing: it says at least a comment every 10 seconds. */
const SILENCE_MS = 25000;

const main = document.getElementById("main");
const sign = document.getElementById("live");
const calm = Number(main.querySelector("[data-calm]")?.dataset.calm) || CALM_MS;
const about = main.querySelector("[data-about]")?.dataset.about ?? "";

// ---- times ----------------------------------------------------------------------------------------------------

const two = (number) => String(number).padStart(2, "0");

function localTimes(root) {
  for (const time of root.querySelectorAll("time:not(.ago)[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = time.dateTime;
    const day = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    time.textContent = `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  }
  ages(root);
}

/** How long ago, as the server writes it. */
function ages(root) {
  const zh = document.documentElement.lang.startsWith("zh");
  for (const time of root.querySelectorAll("time.ago[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const seconds = Math.max(0, Math.floor((Date.now() - at.getTime()) / 1000));
    const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
    const text = seconds < 60 ? (zh ? `${seconds} 秒` : `${seconds} s`)
      : minutes < 60 ? (zh ? `${minutes} 分` : `${minutes} min`)
      : hours < 24 ? (zh ? `${hours} 时 ${two(minutes % 60)}` : `${hours} h ${two(minutes % 60)}`)
      : (zh ? `${Math.floor(hours / 24)} 天` : `${Math.floor(hours / 24)} d`);
    if (time.textContent !== text) time.textContent = text;
    time.title = at.toLocaleString(document.documentElement.lang);
  }
}

// ---- putting what changed in place --------------------------------------------------------------------------------

/** What a reader has done to an element, which the server does not know of. */
function keepReadersOwn(before, after) {
  if (before.id) {
    for (const details of before.querySelectorAll("details[id]")) {
      const again = after.querySelector(`#${CSS.escape(details.id)}`);
      if (again) again.open = details.open;
    }
    for (const field of before.querySelectorAll("input[id], textarea[id], select[id]")) {
      const again = after.querySelector(`#${CSS.escape(field.id)}`);
      if (!again) continue;
      if (field.type === "checkbox") again.checked = field.checked;
      else if (field.type !== "hidden") again.value = field.value;
    }
  }
}

/**
 * Whether somebody is typing or choosing in it, or has something opened there to act on. A form goes by the version of the
 * ticket that stands around it: under an opened one neither may change, or a person would act on what they never saw.
 */
function inHand(element) {
  if (element.querySelector("details[open] form")) return true;
  const active = document.activeElement;
  return element.contains(active) && active.matches("input:not([type=checkbox]), textarea, select");
}

function replace(before, after) {
  keepReadersOwn(before, after);
  const focused = before.contains(document.activeElement) ? document.activeElement.id : "";
  const place = document.importNode(after, true);
  // importNode forgets what is a property and not an attribute.
  keepReadersOwn(before, place);
  before.replaceWith(place);
  localTimes(place);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  return place;
}

/** What the server wrote, by which two states are compared: not how long ago it was, which grows by itself. */
const written = new WeakMap();
const wrote = (element) => element.outerHTML.replace(/(<time [^>]*class="ago"[^>]*>)[^<]*/g, "$1");
const source = (element) => written.get(element) ?? wrote(element);

/** Makes `before`'s children those of `after`, by id, leaving those that are the same untouched. */
function swapChildren(before, after) {
  let changed = 0;
  const active = document.activeElement;
  const stay = new Set([...after.children].map((child) => child.id));
  // First, so that those that stay need not be moved: what is moved loses the focus.
  for (const child of [...before.children]) {
    if (stay.has(child.id)) continue;
    child.remove();
    changed += 1;
  }
  const known = new Map([...before.children].filter((child) => child.id).map((child) => [child.id, child]));
  let next = before.firstElementChild;
  for (const child of [...after.children]) {
    const html = wrote(child);
    let here = child.id ? known.get(child.id) : undefined;
    if (!here) {
      here = document.importNode(child, true);
      before.insertBefore(here, next);
      localTimes(here);
      here.classList.add("changed");
      changed += 1;
    } else {
      if (here !== next) before.insertBefore(here, next);
      if (source(here) !== html) {
        here = replace(here, child);
        here.classList.add("changed");
        changed += 1;
      }
    }
    written.set(here, html);
    next = here.nextElementSibling;
  }
  if (document.activeElement !== active && before.contains(active)) active.focus({ preventScroll: true });
  return changed;
}

/** Something was left as it is because it is in somebody's hand. */
let left = false;

function swap(fresh) {
  left = false;
  for (const part of [...document.querySelectorAll("[data-swap]")]) {
    const again = fresh.getElementById(part.id);
    if (!again) continue;
    if (inHand(part)) { left = true; continue; }
    const keyed = [...again.children].length > 0 && [...again.children].every((child) => child.id);
    if (keyed && part.children.length > 0) swapChildren(part, again);
    else if (source(part) !== wrote(again)) {
      const html = wrote(again);
      written.set(replace(part, again), html);
    }
  }
}

// ---- when ---------------------------------------------------------------------------------------------------------

let waiting = false;
let again = false;
let refreshing = false;
/** How long the last refresh took that had an answer. */
let took = 0;
/** When it was last heard that something has changed. */
let changed = performance.now();

async function refresh() {
  if (refreshing) { again = true; return; }
  refreshing = true;
  const begun = performance.now();
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html", ...BY_ITSELF }, redirect: "manual" });
    // Signed out meanwhile: a reload leads to where one signs in.
    if (answer.type === "opaqueredirect") { location.reload(); return; }
    if (answer.ok) {
      swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
      // What all readers share may have been made before the change that was asked for: then it is asked for again.
      const made = begun - Number(answer.headers.get(MADE_AGO) ?? 0);
      if (made < changed) again = true;
      took = performance.now() - begun;
    }
  } catch {
    // The server is away; the stream says so, and asks again when it is back.
  } finally {
    refreshing = false;
    if (again) { again = false; soon(); }
  }
}

function soon() {
  if (waiting || document.hidden) { again = document.hidden || again; return; }
  waiting = true;
  // A server that is slow to answer is asked less often, and all who look at it do not ask at one instant.
  const rest = Math.max(calm, Math.min(COSTS * took, LONGEST_MS)) * (1 + Math.random() / 2);
  setTimeout(() => { waiting = false; refresh(); }, rest);
}

/** Something has changed: the page is to show it. */
function changes() {
  changed = performance.now();
  soon();
}

function say(state) {
  if (sign.dataset.state === state) return;
  sign.dataset.state = state;
  sign.textContent = state === "live" ? sign.dataset.live : sign.dataset.lost;
}

let heard = Date.now();
/** Only of a page that is seen: a browser has six connections to a server that speaks HTTP/1.1, for all pages and forms. */
let stream;

function leave() {
  stream?.close();
  stream = undefined;
}

function listen() {
  leave();
  if (document.hidden) return;
  heard = Date.now();
  const mine = stream = new EventSource(STREAM);
  // Whatever was missed meanwhile, this catches up with.
  stream.addEventListener("open", () => { heard = Date.now(); say("live"); again = false; changes(); });
  stream.addEventListener("here", () => { heard = Date.now(); });
  // It ends after a while, so that a right that was taken away ends with it.
  stream.addEventListener("again", listen);
  stream.addEventListener("changed", (event) => {
    heard = Date.now();
    if (!about || event.data === about || event.data === "") changes();
  });
  stream.addEventListener("error", () => {
    say("lost");
    // A browser gives up after an answer that is no stream; a server that starts again answers so for a moment. And so
    // does one where nobody is signed in any more: a refresh finds that.
    if (mine.readyState === EventSource.CLOSED) setTimeout(() => { if (mine === stream) { listen(); soon(); } }, 2000);
  });
}

function keepTrue() {
  listen();
  document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); else listen(); });
  // Kept to be gone back to, it would keep its connection too.
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  // What was left while it was in somebody's hand catches up when they let go of it.
  for (const letsGo of ["toggle", "focusout"]) document.addEventListener(letsGo, () => { if (left) soon(); }, true);
  setInterval(() => {
    if (stream && Date.now() - heard > SILENCE_MS) { say("lost"); listen(); }
  }, 5000);
  if (main.querySelector("[data-poll]")) setInterval(soon, POLL_MS);
}

// Before anything here touches them.
for (const part of document.querySelectorAll("[data-swap]")) {
  for (const element of [part, ...part.children]) written.set(element, wrote(element));
}
localTimes(document);
setInterval(() => ages(document), 1000);
if (document.querySelector("[data-swap]")) keepTrue();
