// Receipts: when a prompt reached this phone, was seen, was opened or put aside. Each is noted
// once, kept until the server has it, and never stands in the way of an answer.

import { Refused } from "/app/api.js";
import { authorised, device } from "/app/session.js";
import * as storage from "/app/storage.js";
import { stamp } from "/app/time.js";

const BATCH = 50;
const GATHER_MS = 300;
const KEEP_MS = 14 * 24 * 3_600_000;
let timer = null;

/** Notes one receipt, with this moment as its time; a repetition changes nothing. */
export function note(promptId, kind) {
  const key = `receipt.${promptId}.${kind}`;
  if (storage.read(key) !== null) return;
  storage.write(key, { prompt_id: promptId, kind, at: stamp(), sent: false });
  timer ??= setTimeout(() => {
    timer = null;
    flush();
  }, GATHER_MS);
}

/** Returns whether a receipt of this kind was noted on this phone. */
export const noted = (promptId, kind) => storage.read(`receipt.${promptId}.${kind}`) !== null;

/** Sends what is waiting. What cannot be sent now stays for the next call. */
export async function flush() {
  prune();
  const waiting = kept().filter(([, receipt]) => !receipt.sent).slice(0, BATCH);
  if (waiting.length === 0 || device() === null) return;
  await post(waiting);
}

// One receipt the server refuses must not hold up the others: they then go one by one, and the
// refused one is let go.
async function post(batch) {
  const receipts = batch.map(([, { prompt_id, kind, at }]) => ({ prompt_id, kind, at }));
  try {
    await authorised("POST", "/v1/device/receipts", { receipts });
  } catch (error) {
    if (!(error instanceof Refused) || error.status === 401) return;
    if (batch.length > 1) {
      for (const one of batch) await post([one]);
      return;
    }
  }
  for (const [key, receipt] of batch) storage.write(key, { ...receipt, sent: true });
}

function kept() {
  return storage.keys("receipt.").map((key) => [key, storage.read(key)]).filter(([, it]) => it);
}

function prune() {
  const oldest = Date.now() - KEEP_MS;
  for (const [key, receipt] of kept()) if (Date.parse(receipt.at) < oldest) storage.remove(key);
}
