// What patients do with a prompt besides answering it, and what they tell by themselves: put off,
// decline, report, own times, usual hours, good moments. Each is kept on the phone first and sent when it can be.

import { Refused } from "/app/api.js";
import * as prompts from "/app/prompts.js";
import { Queue } from "/app/queue.js";
import { authorised, emit } from "/app/session.js";
import * as storage from "/app/storage.js";
import { newId, stamp } from "/app/time.js";

const HOURS = "/v1/device/declared-hours";
const SHORTEST_SNOOZE = 5;
const SENDERS = {
  snooze: sendSnooze, decline: sendDecline, report: sendReport, rules: sendRules, hours: sendHours,
  mark: sendMark,
};
const queue = new Queue("action", deliver, () => emit("actions"));

/** Returns what is not sent yet, oldest first. */
export const entries = () => queue.entries();

/** Sends all that waits; resolves when nothing more can go. */
export const flush = () => queue.flush();

/** Puts a prompt off for some minutes; it shows on this phone at once. */
export function putOff(prompt, minutes) {
  const until = prompts.serverNow() + minutes * 60_000;
  storage.write(`snooze.${prompt.id}`, { until, left: null, fault: null });
  begin({ id: `snooze.${prompt.id}`, kind: "snooze", prompt_id: prompt.id, until });
}

/** Says that a prompt does not suit, and why; it goes from this phone at once. */
export function decline(prompt, reason) {
  prompts.markDeclined(prompt.id);
  queue.drop(`snooze.${prompt.id}`);
  begin({ id: `decline.${prompt.id}`, kind: "decline", prompt_id: prompt.id, reason });
}

/** Reports that something happened just now. */
export function report(name) {
  const id = newId();
  storage.write(`reported.${name}`, Date.now());
  begin({ id, kind: "report", name, at: stamp() });
}

/** Returns when something was reported on this phone last, in milliseconds, or null. */
export const reportedAt = (name) => storage.read(`reported.${name}`);

/** Keeps own rules, changed from `version`, for sending. */
export function changeRules(rules, version) {
  storage.remove("rules.refused");
  begin({ id: "rules", kind: "rules", rules, version });
}

/** Returns {rules, version} that are not sent yet, or null. */
export const unsentRules = () => queue.find("rules");

/** Returns {rules, message, errors} that the server did not take, or null. */
export const refusedRules = () => storage.read("rules.refused");

/** Returns the rules as the server has them, {rules, version}, as far as this phone knows. */
export const knownRules = () => storage.read("rules");

/** Asks the server for the rules; announces "rules" if they are others than before. */
export async function refreshRules() {
  const reply = await authorised("GET", "/v1/device/rules");
  const isNew = reply.version !== knownRules()?.version;
  storage.write("rules", reply);
  if (isNew) emit("rules");
}

/** Keeps the usual hours, changed from `version`, for sending. */
export function declareHours(hours, version) {
  storage.remove("hours.refused");
  begin({ id: "hours", kind: "hours", hours, version });
}

/** Returns {hours, version} that are not sent yet, or null. */
export const unsentHours = () => queue.find("hours");

/** Returns {hours, message, errors} that the server did not take, or null. */
export const refusedHours = () => storage.read("hours.refused");

/** Returns the usual hours as the server has them, with `version`, as far as this phone knows. */
export const knownHours = () => storage.read("hours");

/** Asks the server for the usual hours; announces "hours" if they are others than before. */
export async function refreshHours() {
  const reply = await authorised("GET", HOURS);
  const isNew = reply.version !== knownHours()?.version;
  storage.write("hours", reply);
  if (isNew) emit("hours");
}

/** Says whether the moment of a prompt was good; what was said last counts. */
export function markMoment(promptId, good) {
  begin({ id: `mark.${promptId}`, kind: "mark", prompt_id: promptId, good });
}

function begin(entry) {
  queue.put(entry);
  emit("actions");
  flush();
}

async function deliver(entry) {
  try {
    await SENDERS[entry.kind](entry);
  } catch (error) {
    if (!(error instanceof Refused) || error.status === 401) throw error;
    await settle(entry, error);
  }
  // Changed meanwhile, as by saving again, it is another entry under the same id.
  if (queue.find(entry.id)?.queued_at === entry.queued_at) queue.drop(entry.id);
  emit("actions");
}

// What was put off while the phone was off line is sent with what is left of the wait, if any is.
async function sendSnooze({ prompt_id: id, until }) {
  const left = Math.ceil((until - prompts.serverNow()) / 60_000);
  if (left <= 0) return;
  const minutes = Math.max(left, SHORTEST_SNOOZE);
  const reply = await authorised("POST", `/v1/device/prompts/${id}/snooze`, { minutes });
  storage.write(`snooze.${id}`, { until: Date.parse(reply.due_at), left: reply.left, fault: null });
  prompts.extend(id, reply.expires_at);
}

function sendDecline({ prompt_id: id, reason }) {
  return authorised("POST", `/v1/device/prompts/${id}/not-now`, { reason });
}

function sendReport({ id, name, at }) {
  return authorised("PUT", `/v1/device/reports/${id}`, { name, at });
}

async function sendRules({ rules, version }) {
  const reply = await authorised("PUT", "/v1/device/rules", { rules }, version);
  storage.write("rules", reply);
  emit("rules");
}

async function sendHours({ hours, version }) {
  storage.write("hours", await authorised("PUT", HOURS, hours, version));
  emit("hours");
}

function sendMark({ prompt_id: id, good }) {
  return authorised("PUT", `/v1/device/prompts/${id}/mark`, { good });
}

async function settle(entry, refusal) {
  if (entry.kind === "snooze") {
    const fault = `This cannot wait so long: ${refusal.errors[0]?.message ?? refusal.message}.`;
    storage.write(`snooze.${entry.prompt_id}`, { until: 0, left: null, fault });
  } else if (entry.kind === "rules") {
    await settleRules(entry, refusal);
  } else if (entry.kind === "hours") {
    await settleHours(entry, refusal);
  } else if (entry.kind === "report") {
    emit("report-refused", { name: entry.name, refusal });
  }
  // A prompt that is not open any more needs no declining, and one that is gone no mark.
}

async function settleRules({ rules }, refusal) {
  if (isStale(refusal)) storage.write("rules", await authorised("GET", "/v1/device/rules"));
  storage.write("rules.refused", { rules, ...refusedWords(refusal) });
  emit("rules");
}

async function settleHours({ hours }, refusal) {
  if (isStale(refusal)) storage.write("hours", await authorised("GET", HOURS));
  storage.write("hours.refused", { hours, ...refusedWords(refusal) });
  emit("hours");
}

const isStale = (refusal) => refusal.status === 412;

function refusedWords(refusal) {
  const message = isStale(refusal)
    ? "Your times were changed elsewhere in the meantime. This is what you wanted; save again to put it in their place."
    : "This could not be taken as it is. Please look at it again.";
  return { message, errors: isStale(refusal) ? [] : refusal.errors };
}
