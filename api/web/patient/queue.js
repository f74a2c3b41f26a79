// A queue that outlives the page: an entry is kept before the network is tried, and leaves only
// when the server has it or has refused it.

import { Refused, Unreachable } from "/app/api.js";
import { device } from "/app/session.js";
import * as storage from "/app/storage.js";

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 5 * 60_000;

/** Entries under one name, sent one at a time, oldest first, over all open pages. */
export class Queue {
  #name;
  #deliver;
  #onWait;
  #failures = 0;
  #timer = null;
  #running = null;
  #wanted = false;
  #notBefore = 0;

  /**
   * `deliver(entry)` resolves once the entry is dealt with, which includes dropping it. It throws
   * Unreachable to have it tried again later; `onWait` is called then.
   */
  constructor(name, deliver, onWait = () => undefined) {
    this.#name = name;
    this.#deliver = deliver;
    this.#onWait = onWait;
  }

  /** Returns the entries still on this phone, oldest first; `held` ones were refused. */
  entries() {
    const keys = storage.keys(`${this.#name}.`);
    const all = keys.map((key) => storage.read(key)).filter(Boolean);
    return all.sort((one, other) => one.queued_at - other.queued_at);
  }

  /** Returns one entry, or null. */
  find(id) {
    return storage.read(`${this.#name}.${id}`);
  }

  /** Keeps one entry for sending; returns whether it survives closing the page. */
  put(entry) {
    const kept = { ...entry, queued_at: Date.now(), held: null };
    return storage.write(`${this.#name}.${entry.id}`, kept);
  }

  /** Sets an entry's `held`: a reason keeps it from being sent, null lets it go. */
  hold(id, reason) {
    const entry = this.find(id);
    if (entry) storage.write(`${this.#name}.${id}`, { ...entry, held: reason });
  }

  /** Removes an entry: the patient decided so, or the server has it. */
  drop(id) {
    storage.remove(`${this.#name}.${id}`);
  }

  /** Sends all that waits; resolves when nothing more can go. */
  flush() {
    this.#wanted = true;
    this.#running ??= this.#rounds().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  // A call made while a round is ending leads to one more, so no entry is left behind.
  async #rounds() {
    while (this.#wanted) {
      this.#wanted = false;
      await this.#exclusively(() => this.#drain());
    }
  }

  // Another page of ours may be sending: then this one tries again a little later.
  async #exclusively(work) {
    if (!navigator.locks) return work();
    return navigator.locks.request(`welltimed-${this.#name}`, { ifAvailable: true }, (lock) =>
      lock ? work() : this.#retryAfter(FIRST_WAIT_MS),
    );
  }

  async #drain() {
    clearTimeout(this.#timer);
    const early = this.#notBefore - Date.now();
    if (early > 0) {
      this.#retryAfter(early);
      this.#onWait();
      return;
    }
    const tried = new Set();
    for (;;) {
      const next = this.entries().find((entry) => !entry.held && !tried.has(entry.id));
      if (!next || device() === null) return;
      tried.add(next.id);
      if (!(await this.#send(next))) return;
    }
  }

  // Returns whether it makes sense to go on with the next entry.
  async #send(entry) {
    try {
      await this.#deliver(entry);
      this.#failures = 0;
      return true;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return false;
      if (!(error instanceof Unreachable)) throw error;
      this.#failures += 1;
      // A wait the server asks for binds every trigger; our own back-off only the timer.
      const asked = Math.min((error.retryAfterSeconds ?? 0) * 1_000, LONGEST_WAIT_MS);
      this.#notBefore = Date.now() + asked;
      this.#retryAfter(asked || this.#backOff());
      this.#onWait();
      return false;
    }
  }

  // Doubling with jitter, so that many phones do not come back in the same second.
  #backOff() {
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#failures - 1));
    return wait * (0.75 + Math.random() / 2);
  }

  #retryAfter(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), milliseconds);
  }
}
