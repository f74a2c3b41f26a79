// The prompts of this phone: the open ones the server named last, answers under way (drafts), and
// those answered, put off or declined here.

import { entries, waiting } from "/app/outbox.js";
import { note } from "/app/receipts.js";
import { authorised, emit } from "/app/session.js";
import * as storage from "/app/storage.js";

const KEEP_DRAFT_MS = 7 * 24 * 3_600_000;
const KEEP_MARKS_MS = 14 * 24 * 3_600_000;

/** Returns now by the server's clock, in milliseconds, as far as this phone knows it. */
export const serverNow = () => Date.now() + (storage.read("prompts")?.skew ?? 0);

/** Returns whether the prompt's time has passed. `expires_at` is the first late instant. */
export const late = (prompt) => serverNow() >= Date.parse(prompt.expires_at);

/** Returns the prompts that can be answered now, oldest first; those put off are among them. */
export function open() {
  const gone = new Set(waiting().map((entry) => entry.body.prompt_id));
  const here = ({ id }) => !gone.has(id) && !answered(id) && !declined(id);
  return known().filter((it) => here(it) && (!late(it) || isAway(it.id)));
}

const known = () => storage.read("prompts")?.open ?? [];

/** Takes in a prompt the server has just opened for this phone, or one that changed. */
export function keep(prompt) {
  const others = known().filter(({ id }) => id !== prompt.id);
  storage.write("prompts", { ...storage.read("prompts"), open: [...others, prompt] });
}

/** Takes in until when a prompt is open now. */
export function extend(promptId, expiresAt) {
  const prompt = known().find(({ id }) => id === promptId);
  if (prompt) keep({ ...prompt, expires_at: expiresAt });
}

/** Returns {until, left, fault} of a prompt put off: server time in ms, how often more, why not. */
export const snooze = (promptId) => storage.read(`snooze.${promptId}`);

/** Returns whether the prompt is put off and not back yet. */
export const isAway = (promptId) => (snooze(promptId)?.until ?? 0) > serverNow();

/** Returns when the next prompt that is put off comes back, in ms of server time, or null. */
export function nextReturn() {
  const away = open().filter(({ id }) => isAway(id)).map(({ id }) => snooze(id).until);
  return away.length > 0 ? Math.min(...away) : null;
}

/** Returns drafts whose prompt is no longer open: begun answers that may still be sent. */
export function unfinished() {
  const openIds = new Set(open().map((prompt) => prompt.id));
  const begun = drafts().filter(({ answers }) => Object.keys(answers).length > 0);
  return begun.filter(({ prompt }) => !openIds.has(prompt.id) && !answered(prompt.id));
}

/** Returns one prompt by id, from the open ones or from a draft; null where it is done. */
export function find(id) {
  return open().find((prompt) => prompt.id === id) ?? draft(id)?.prompt ?? null;
}

/** Returns the draft of a prompt: {prompt, response_id, answers, opened_at, faults} or null. */
export const draft = (promptId) => storage.read(`draft.${promptId}`);

/** Keeps a draft; returns whether it survives closing the page. */
export function keepDraft(value) {
  return storage.write(`draft.${value.prompt.id}`, { ...value, kept_at: Date.now() });
}

/** Forgets a draft. */
export const dropDraft = (promptId) => storage.remove(`draft.${promptId}`);

/** Remembers that a prompt was answered here, so that no late copy brings it back. */
export function markAnswered(promptId) {
  storage.write(`answered.${promptId}`, Date.now());
}

/** Takes that back, for an answer the server found faulty. */
export const unmarkAnswered = (promptId) => storage.remove(`answered.${promptId}`);

/** Remembers that a prompt did not suit: it is not open any more. */
export function markDeclined(promptId) {
  storage.write(`declined.${promptId}`, Date.now());
  dropDraft(promptId);
}

const declined = (promptId) => storage.read(`declined.${promptId}`) !== null;

/** Remembers that the patient started this by hand, so that it cannot be put off. */
export const markStarted = (promptId) => storage.write(`started.${promptId}`, Date.now());

/** Returns whether the patient started this by hand, on this phone. */
export const started = (promptId) => storage.read(`started.${promptId}`) !== null;

const answered = (promptId) => storage.read(`answered.${promptId}`) !== null;

/** Asks the server what is open; announces "prompts" with those this phone had not seen. */
export async function refresh() {
  const reply = await authorised("GET", "/v1/device/prompts");
  const skew = Date.parse(reply.server_now) - Date.now();
  const before = new Set(known().map((prompt) => prompt.id));
  storage.write("prompts", { open: reply.prompts, skew });
  const fresh = open().filter((prompt) => !before.has(prompt.id));
  for (const prompt of reply.prompts) note(prompt.id, "delivered");
  tidy();
  emit("prompts", { fresh });
}

/** Asks the server how the week goes; keeps {from, to, answered, sent}. */
export async function refreshWeek() {
  const { week } = await authorised("GET", "/v1/device/progress");
  keepWeek(week);
}

/** Keeps the week's figures and announces "week". */
export function keepWeek(week) {
  storage.write("week", week);
  emit("week");
}

/** Returns the week's figures as last known, or null. */
export const week = () => storage.read("week");

function drafts() {
  return storage.keys("draft.").map((key) => storage.read(key)).filter(Boolean);
}

function tidy() {
  // A draft whose answer is not yet sent stays: the server may still find a fault in it.
  const unsent = new Set(entries().map((entry) => entry.body.prompt_id));
  const oldestDraft = Date.now() - KEEP_DRAFT_MS;
  for (const { prompt, kept_at } of drafts()) {
    if (kept_at < oldestDraft && !unsent.has(prompt.id)) dropDraft(prompt.id);
  }
  const oldest = Date.now() - KEEP_MARKS_MS;
  for (const key of ["answered.", "declined.", "started."].flatMap(storage.keys)) {
    if (storage.read(key) < oldest) storage.remove(key);
  }
  const openIds = new Set(known().map(({ id }) => id));
  for (const key of storage.keys("snooze.")) {
    if (!openIds.has(key.slice("snooze.".length))) storage.remove(key);
  }
}
