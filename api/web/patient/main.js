// Puts the parts together: which screen is shown, and what happens when something arrives.

import { knownHours, refreshHours, refreshRules } from "/app/actions.js";
import { ALREADY, answerScreen, doneScreen, reopen } from "/app/answering.js";
import { Channel } from "/app/channel.js";
import { announce } from "/app/dom.js";
import { hoursScreen } from "/app/hours.js";
import { timesScreen } from "/app/mytimes.js";
import { refresh as refreshOffers, spoken } from "/app/offers.js";
import * as outbox from "/app/outbox.js";
import * as prompts from "/app/prompts.js";
import * as receipts from "/app/receipts.js";
import { device, events, renewChannel } from "/app/session.js";
import { notify, settingsPanel, withdraw } from "/app/settings.js";
import * as storage from "/app/storage.js";
import { sync, tolerant } from "/app/sync.js";
import { isTest } from "/app/testing.js";
import { enrolScreen, homeScreen, homeState, keepNotice, notices } from "/app/views.js";

const LONGEST_HOME_MS = 3_600_000;
const channel = new Channel(arrived);
const settings = settingsPanel({ onSignedOut: signedOut });

// The screen shown: {name, leave?, renew?, done?, state?}. `leave` ends its timers and observers.
let screen = { name: "none" };

function enter(next) {
  screen.leave?.();
  screen = next;
}

// ---- which screen --------------------------------------------------------------------------

function route() {
  if (device() === null) return showEnrol(storage.read("was-connected") !== null);
  if (location.hash === "#/times") return showTimes();
  if (location.hash === "#/hours") return enter(hoursScreen(goHome));
  const [, id] = /^#\/answer\/(.+)$/.exec(location.hash) ?? [];
  const prompt = id ? prompts.find(decodeURIComponent(id)) : null;
  if (prompt) return showAnswer(prompt);
  history.replaceState(null, "", "/app/");
  return showHome();
}

function showEnrol(lost) {
  enter({ name: "enrol" });
  enrolScreen({
    lost,
    onEnrolled: async () => {
      storage.write("was-connected", true);
      await tolerant(refreshHours);
      // Another phone may have been asked before.
      history.replaceState(null, "", knownHours()?.version === 0 ? "/app/#/hours" : "/app/");
      begin();
    },
  });
}

function showHome(options) {
  const cards = homeScreen({ onStart: start, onTimes: openTimes, settings }, options);
  const observer = watch(cards);
  const ends = cards.map(([prompt]) => Date.parse(prompt.expires_at) - prompts.serverNow());
  const ahead = ends.filter((wait) => wait > 0);
  const timer = setTimeout(renewHome, Math.min(LONGEST_HOME_MS, ...ahead) + 50);
  const leave = () => {
    observer.disconnect();
    clearTimeout(timer);
  };
  enter({ name: "home", leave, state: homeState() });
}

// Rebuilds the home screen when it would look different, and keeps focus where it was.
function renewHome() {
  if (screen.name !== "home" || screen.state === homeState()) return;
  const main = document.getElementById("main");
  const used = main.contains(document.activeElement) ? document.activeElement : null;
  const name = used && nameOf(used);
  showHome({ focus: false });
  if (used === null) return;
  const twin = [...main.querySelectorAll("button")].find((node) => nameOf(node) === name);
  const target = used.isConnected ? used : (twin ?? main.querySelector("h1"));
  target.focus({ preventScroll: true });
}

const nameOf = (node) => `${node.closest("[data-prompt]")?.dataset.prompt} ${node.textContent}`;

function showAnswer(prompt) {
  withdraw(prompt.id);
  const leave = answerScreen(prompt, { onDone: finish, onLeave: goHome });
  enter({ name: "answer", leave });
}

function showTimes() {
  enter(timesScreen(goHome));
  tolerant(refreshRules);
  tolerant(refreshHours);
}

function openTimes() {
  history.pushState(null, "", "/app/#/times");
  route();
}

function start(prompt) {
  history.pushState(null, "", `/app/#/answer/${encodeURIComponent(prompt.id)}`);
  route();
}

function goHome() {
  if (location.hash !== "") history.pushState(null, "", "/app/");
  route();
}

function finish(queued) {
  history.replaceState(null, "", "/app/");
  enter({ name: "done", done: doneScreen(queued, goHome) });
  outbox.flush();
}

// A prompt counts as shown when at least half of its card is in view on a visible page.
function watch(cards) {
  const observer = new IntersectionObserver((entries) => {
    if (document.visibilityState !== "visible") return;
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) receipts.note(target.dataset.prompt, "shown");
    }
  }, { threshold: 0.5 });
  for (const [, card] of cards) observer.observe(card);
  return observer;
}

// ---- what arrives --------------------------------------------------------------------------

// The screen after sending, if it is about this entry.
const doneWith = (entry) => (screen.done?.id === entry.id ? screen.done : null);

// A push that is about no prompt of ours may be a test: it asks nothing, but must be seen to arrive.
async function arrived(id = null) {
  await sync();
  if (id === null || prompts.find(id) || !(await isTest(id))) return;
  notify(id);
  announce("A test notification has arrived.");
}

const about = (entry, texts) => keepNotice(entry.id, `About "${entry.title}"`, texts, false);

function on(name, listener) {
  events.addEventListener(name, ({ detail }) => {
    listener(detail);
    renewHome();
    screen.renew?.();
  });
}

// What was put off comes back at its minute, whatever the network does.
let returning = null;

function awaitReturn() {
  clearTimeout(returning);
  const at = prompts.nextReturn();
  if (at !== null) returning = setTimeout(comeBack, Math.min(at - prompts.serverNow(), LONGEST_HOME_MS) + 50, at);
}

function comeBack(at) {
  const back = prompts.open().filter(({ id }) => prompts.snooze(id)?.until === at && !prompts.isAway(id));
  for (const { id } of back) notify(id);
  if (back.length > 0) announce("What you put off is back.");
  awaitReturn();
  renewHome();
}

on("prompts", ({ fresh }) => {
  for (const prompt of fresh) notify(prompt.id);
  if (fresh.length > 0) announce("There is a new prompt.");
  awaitReturn();
});

on("actions", awaitReturn);
on("offers", () => undefined);
on("hours", () => undefined);
on("rules", () => tolerant(() => refreshOffers({ force: true })));
on("report-refused", ({ name, refusal }) => {
  keepNotice(`report.${name}`, `About "${spoken(name)}"`, [`It could not be noted: ${refusal.message}`], false);
});
on("week", () => undefined);
on("outbox", () => undefined);

on("sent", ({ entry, reply }) => {
  const done = doneWith(entry);
  const { safety, feedback } = reply;
  if (safety.length > 0) keepNotice(`${entry.id}.safety`, "Please read this", safety, true);
  if (!done && feedback.length > 0) about(entry, feedback);
  prompts.dropDraft(entry.body.prompt_id);
  if (safety.length > 0 && screen.name !== "home") renewNotices();
  if (done) done.sent(reply);
  else announce("Your saved answer has been sent.");
  prompts.keepWeek(reply.progress);
});

function renewNotices() {
  document.getElementById("notices")?.replaceWith(notices({ urgentOnly: screen.name === "answer" }));
}

on("waiting", () => {
  if (screen.done && outbox.has(screen.done.id)) screen.done.waiting();
});

on("already", ({ entry }) => {
  prompts.dropDraft(entry.body.prompt_id);
  const done = doneWith(entry);
  if (done) done.already();
  else about(entry, [ALREADY]);
});

on("held", ({ entry, refusal }) => {
  prompts.dropDraft(entry.body.prompt_id);
  doneWith(entry)?.held(refusal.message);
});

on("faulty", ({ entry, refusal }) => {
  if (!reopen(entry, refusal.errors)) return;
  if (doneWith(entry)) start({ id: entry.body.prompt_id });
  else about(entry, ["It could not be taken as it is. Please open it again."]);
});

on("revoked", () => {
  channel.stop();
  showEnrol(true);
});

function signedOut() {
  channel.stop();
  settings.open = false;
  history.replaceState(null, "", "/app/");
  showEnrol(false);
}

// Another page of ours changed what is kept: it may have sent our answer, or signed out.
function changedElsewhere() {
  const gone = device() === null;
  if (gone !== (screen.name === "enrol")) {
    if (gone) channel.stop();
    begin();
  } else if (screen.done && !outbox.has(screen.done.id)) {
    renewNotices();
    screen.done.elsewhere();
  }
  renewHome();
  screen.renew?.();
}

// ---- when to talk to the server --------------------------------------------------------------

function begin() {
  route();
  sync();
  if (device() === null) return;
  channel.start();
  tolerant(async () => {
    if (!(await renewChannel())) return;
    channel.stop();
    channel.start();
  });
}

function tellConnection() {
  document.getElementById("offline").hidden = navigator.onLine;
  renewHome();
}

window.addEventListener("popstate", route);
window.addEventListener("online", () => {
  tellConnection();
  sync();
});
window.addEventListener("offline", tellConnection);
window.addEventListener("storage", changedElsewhere);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  // Drawn anew, so that cards which came while hidden are counted as shown now.
  screen.state = null;
  renewHome();
  sync();
});

// Only secure origins have service workers; without one the page works, but does not open offline.
navigator.serviceWorker
  ?.register("/app/sw.js", { scope: "/app/", updateViaCache: "none" })
  .catch(() => undefined);
tellConnection();
begin();
