// The outbox holds answers. An entry's id is the address of the answer at the server, so sending
// it twice stores it once.

import { Refused, Unreachable } from "/app/api.js";
import { Queue } from "/app/queue.js";
import { authorised, emit } from "/app/session.js";

const queue = new Queue("outbox", deliver, () => emit("waiting"));

/** Returns the answers still on this phone, oldest first; `held` ones were refused. */
export const entries = () => queue.entries();

/** Returns whether an answer is still here. */
export const has = (id) => queue.find(id) !== null;

/** Returns the answers that wait to be sent, oldest first. */
export const waiting = () => entries().filter((entry) => !entry.held);

/** Keeps one answer for sending; returns whether it survives closing the page. */
export const put = (id, body, title) => queue.put({ id, body, title });

/** Removes an answer: the patient decided so, or the server has it. */
export const drop = (id) => queue.drop(id);

/** Makes a refused answer wait for sending again. */
export const release = (id) => queue.hold(id, null);

/** Sends all that waits; resolves when nothing more can go. */
export const flush = () => queue.flush();

async function deliver(entry) {
  try {
    const reply = await authorised("PUT", `/v1/device/responses/${entry.id}`, entry.body);
    if (reply.response_id !== entry.id) throw new Unreachable("an answer to something else");
    // Notes are kept before the entry goes: closing the page in between repeats, never loses.
    emit("sent", { entry, reply });
    drop(entry.id);
    emit("outbox");
  } catch (error) {
    if (!(error instanceof Refused) || error.status === 401) throw error;
    settle(entry, error);
  }
}

function settle(entry, refusal) {
  if (refusal.status === 409 || refusal.status === 422) {
    drop(entry.id);
    emit(refusal.status === 409 ? "already" : "faulty", { entry, refusal });
    return;
  }
  queue.hold(entry.id, refusal.message);
  emit("held", { entry, refusal });
}
