// What a patient may do by themselves: start something, tell that something happened. And the hours
// of the coming two days in which prompts may come, which this phone holds for when it is off line.

import * as actions from "/app/actions.js";
import { Refused, Unreachable } from "/app/api.js";
import { announce, button, el } from "/app/dom.js";
import * as prompts from "/app/prompts.js";
import { authorised, emit } from "/app/session.js";
import * as storage from "/app/storage.js";
import { clockTime, dayName } from "/app/time.js";

const FRESH_MS = 10 * 60_000;
const RECENT_MS = 12 * 3_600_000;

// The report that waits for "Yes, just now": a home screen drawn anew asks again.
let asking = null;

/** Returns {startable, reports}, as far as this phone knows. */
export const offers = () => storage.read("offers") ?? { startable: [], reports: [], at: 0 };

/** Returns the windows of the coming two days, {windows, until, ...}, or null. */
export const schedule = () => storage.read("schedule");

/** Asks the server for all that, unless it did so a short while ago; announces "offers". */
export async function refresh({ force = false } = {}) {
  if (!force && Math.abs(Date.now() - offers().at) < FRESH_MS) return;
  const [startable, reports, windows] = await Promise.all([
    authorised("GET", "/v1/device/startable"),
    authorised("GET", "/v1/device/reports"),
    authorised("GET", "/v1/device/schedule"),
  ]);
  storage.write("offers", { startable, reports, at: Date.now() });
  storage.write("schedule", windows);
  emit("offers");
}

/** Returns the part of the home screen that offers things, or null where there is nothing. */
export function offersCard(onStart) {
  const { startable, reports } = offers();
  if (startable.length + reports.length === 0) return null;
  return el("div", { class: "stack" },
    startable.length > 0 ? startCard(startable, onStart) : null,
    reports.length > 0 ? reportCard(reports) : null);
}

function startCard(startable, onStart) {
  const fault = el("p", { class: "fault", role: "alert" });
  const rows = startable.map((one) => startRow(one, onStart, fault));
  return el("section", { class: "card", "aria-labelledby": "start-something" },
    el("h2", { id: "start-something", text: "Start something" }),
    el("p", { class: "help", text: "Whenever it helps you." }), ...rows, fault);
}

function startRow(one, onStart, fault) {
  const start = button(one.title, "quiet wide", async () => {
    start.disabled = true;
    fault.textContent = "";
    const problem = await begin(one, onStart);
    start.disabled = one.left === 0;
    fault.textContent = problem ?? "";
  });
  start.disabled = one.left === 0;
  if (one.left === null) return start;
  const often = one.left === 0 ? "Done for today" : `${one.left} more today`;
  return el("div", { class: "offer" }, start, el("p", { class: "help", text: often }));
}

// Returns what went wrong, or null: then the prompt is open on this phone.
async function begin({ assignment }, onStart) {
  try {
    const path = `/v1/device/startable/${encodeURIComponent(assignment)}`;
    const prompt = await authorised("POST", path);
    prompts.markStarted(prompt.id);
    prompts.keep(prompt);
    onStart(prompt);
  } catch (error) {
    if (error instanceof Unreachable) return "Starting needs a connection. Please try again when you are online.";
    if (!(error instanceof Refused)) throw error;
    await refresh({ force: true }).catch(() => undefined);
    return error.status === 409
      ? "You have done this as often as your plan has it for today."
      : "This cannot be started just now.";
  }
  refresh({ force: true }).catch(() => undefined);
  return null;
}

function reportCard(names) {
  return el("section", { class: "card", "aria-labelledby": "tell" },
    el("h2", { id: "tell", text: "Tell that it happened" }),
    el("p", { class: "help", text: "A prompt may follow." }), ...names.map(reportRow));
}

function reportRow(name) {
  const words = spoken(name);
  const row = el("div", { class: "offer" });
  const told = el("p", { class: "help", text: lastTold(name) });
  const show = (...nodes) => {
    row.replaceChildren(...nodes);
    row.querySelector("button").focus();
  };
  const close = () => {
    asking = null;
    told.textContent = lastTold(name);
    show(ask, told);
  };
  const sure = () => [el("p", { class: "ask", text: `${words}: did it happen just now?` }),
    el("div", { class: "row" }, button("Yes, just now", "primary", () => {
      asking = null;
      actions.report(name);
      announce(`${words}: noted.`);
      close();
    }), button("Cancel", "plain", close))];
  const ask = button(words, "quiet wide", () => {
    asking = name;
    show(...sure());
  });
  row.append(...(asking === name ? sure() : [ask, told]));
  return row;
}

function lastTold(name) {
  const at = actions.reportedAt(name);
  return at !== null && Date.now() - at < RECENT_MS ? `Noted at ${clockTime(at)}` : "";
}

/** Returns a name such as "low-mood" as words: "Low mood". */
export function spoken(name) {
  const words = name.replace(/[._-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Returns the hours in which prompts may come as text, one line a day; empty if there are none. */
export function comingDays() {
  const days = new Map();
  for (const { start_at: start, end_at: end } of schedule()?.windows ?? []) {
    if (Date.parse(end) <= prompts.serverNow()) continue;
    const day = dayName(start, prompts.serverNow());
    days.set(day, [...(days.get(day) ?? []), `${clockTime(start)} to ${clockTime(end)}`]);
  }
  return [...days];
}
