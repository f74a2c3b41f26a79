// The outbox: an answer is written here before the network is tried and leaves only when the
// server has it. The entry's id is the address of the answer at the server, so sending it twice
// stores it once.

import { Refused, Unreachable } from "/app/api.js";
import { authorised, device, emit } from "/app/session.js";
import * as storage from "/app/storage.js";

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 5 * 60_000;
let failures = 0;
let timer = null;
let running = null;
let wanted = false;
let notBefore = 0;

/** Returns the entries still on this phone, oldest first; `held` ones were refused. */
export function entries() {
  const all = storage.keys("outbox.").map((key) => storage.read(key)).filter(Boolean);
  return all.sort((one, other) => one.queued_at - other.queued_at);
}

/** Returns whether an entry is still here. */
export const has = (id) => storage.read(`outbox.${id}`) !== null;

/** Returns the entries that wait to be sent, oldest first. */
export const waiting = () => entries().filter((entry) => !entry.held);

/** Keeps one answer for sending; returns whether it survives closing the page. */
export function put(id, body, title) {
  return storage.write(`outbox.${id}`, { id, body, title, queued_at: Date.now(), held: null });
}

/** Removes an entry: the patient decided so, or the server has it. */
export const drop = (id) => storage.remove(`outbox.${id}`);

/** Makes a refused entry wait for sending again. */
export function release(id) {
  const entry = storage.read(`outbox.${id}`);
  if (entry) storage.write(`outbox.${id}`, { ...entry, held: null });
}

/** Sends all that waits, one at a time, over all open pages; resolves when nothing more can go. */
export function flush() {
  wanted = true;
  running ??= rounds().finally(() => {
    running = null;
  });
  return running;
}

// A call made while a round is ending leads to one more, so no entry is left behind.
async function rounds() {
  while (wanted) {
    wanted = false;
    await exclusively(drain);
  }
}

// Another page of ours may be sending: then this one tries again a little later.
async function exclusively(work) {
  if (!navigator.locks) return work();
  return navigator.locks.request("welltimed-outbox", { ifAvailable: true }, (lock) =>
    lock ? work() : retryAfter(FIRST_WAIT_MS),
  );
}

async function drain() {
  clearTimeout(timer);
  const early = notBefore - Date.now();
  if (early > 0) {
    retryAfter(early);
    emit("waiting");
    return;
  }
  const tried = new Set();
  for (;;) {
    const next = waiting().find((entry) => !tried.has(entry.id));
    if (!next || device() === null) return;
    tried.add(next.id);
    if (!(await send(next))) return;
  }
}

// Returns whether it makes sense to go on with the next entry.
async function send(entry) {
  try {
    const reply = await authorised("PUT", `/v1/device/responses/${entry.id}`, entry.body);
    if (reply.response_id !== entry.id) throw new Unreachable("an answer to something else");
    failures = 0;
    // Notes are kept before the entry goes: closing the page in between repeats, never loses.
    emit("sent", { entry, reply });
    drop(entry.id);
    emit("outbox");
    return true;
  } catch (error) {
    if (error instanceof Refused) return settle(entry, error);
    if (!(error instanceof Unreachable)) throw error;
    failures += 1;
    // A wait the server asks for binds every trigger; our own back-off only the timer.
    const asked = Math.min((error.retryAfterSeconds ?? 0) * 1_000, LONGEST_WAIT_MS);
    notBefore = Date.now() + asked;
    retryAfter(asked || backOff());
    emit("waiting");
    return false;
  }
}

function settle(entry, refusal) {
  if (refusal.status === 401) return false;
  if (refusal.status === 409 || refusal.status === 422) {
    drop(entry.id);
    emit(refusal.status === 409 ? "already" : "faulty", { entry, refusal });
    return true;
  }
  storage.write(`outbox.${entry.id}`, { ...entry, held: refusal.message });
  emit("held", { entry, refusal });
  return true;
}

// Doubling with jitter, so that many phones do not come back in the same second.
function backOff() {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1));
  return wait * (0.75 + Math.random() / 2);
}

function retryAfter(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(flush, milliseconds);
}
