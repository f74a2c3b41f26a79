// Bringing this phone and the server up to date, one round at a time.

import * as actions from "/app/actions.js";
import { Refused, Unreachable } from "/app/api.js";
import * as offers from "/app/offers.js";
import * as outbox from "/app/outbox.js";
import * as prompts from "/app/prompts.js";
import * as receipts from "/app/receipts.js";
import { device, tellZone } from "/app/session.js";

let syncing = false;
let wanted = false;

/** Sends what waits and asks what is new; a call made meanwhile leads to one more round. */
export async function sync() {
  wanted = true;
  if (syncing) return;
  syncing = true;
  try {
    while (wanted) {
      wanted = false;
      await round();
    }
  } finally {
    syncing = false;
  }
}

async function round() {
  if (device() === null) return;
  outbox.flush();
  actions.flush();
  await tolerant(async () => {
    await prompts.refresh();
    await prompts.refreshWeek();
    await receipts.flush();
    await tellZone();
  });
  await tolerant(offers.refresh);
}

/** Does what can be done again at the next occasion; only our own mistakes are errors. */
export async function tolerant(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
  }
}
