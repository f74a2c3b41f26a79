// How prompts reach the page: a live stream where the server offers one, and asking again every
// half minute as the fallback (and the only way on channel "poll").

import { call, Refused, Unreachable } from "/app/api.js";
import { note } from "/app/receipts.js";
import { authorised, device } from "/app/session.js";
import * as storage from "/app/storage.js";

const POLL_MS = 30_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/**
 * Listens for prompts until `stop()`; calls `onPrompt` whenever it is worth asking the server: when
 * one came, when the stream stands (again), and every half minute.
 */
export class Channel {
  #onPrompt;
  #poll = null;
  #retry = null;
  #source = null;
  #failures = 0;
  #stopped = true;

  constructor(onPrompt) {
    this.#onPrompt = onPrompt;
  }

  /** Starts polling and, on channel "emulator", the stream. Starting twice changes nothing. */
  start() {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#poll = setInterval(this.#onPrompt, POLL_MS);
    this.#connect();
  }

  /** Ends both. */
  stop() {
    this.#stopped = true;
    clearInterval(this.#poll);
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }

  async #connect() {
    const { kind, url } = device()?.channel ?? {};
    if (this.#stopped || kind !== "emulator") return;
    try {
      const token = await registration(url);
      if (!this.#stopped) this.#listen(`${url}/stream?token=${encodeURIComponent(token)}`);
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof Refused)) throw error;
      this.#again();
    }
  }

  #listen(address) {
    const source = new EventSource(address);
    this.#source = source;
    // What was sent before the stream stood (a page just opened, a tunnel) came to nobody here.
    source.addEventListener("open", () => {
      this.#failures = 0;
      this.#onPrompt();
    });
    source.addEventListener("message", (event) => {
      const id = promptIdOf(event.data);
      if (id) note(id, "delivered");
      this.#onPrompt(id);
    });
    // While the source is CONNECTING the browser retries by itself; CLOSED means it gave up.
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) this.#again();
    });
  }

  // A token the server keeps refusing may be dead: every second time, ask for a new one.
  #again() {
    if (this.#stopped) return;
    this.#failures += 1;
    if (this.#failures % 2 === 0) storage.remove("push-token");
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#failures - 1));
    this.#retry = setTimeout(() => this.#connect(), wait);
  }
}

async function registration(url) {
  const kept = storage.read("push-token");
  if (kept) return kept;
  const { token } = await call("POST", `${url}/registrations`, { body: {} });
  await authorised("PUT", "/v1/device/push-token", { push_token: token });
  storage.write("push-token", token);
  return token;
}

function promptIdOf(text) {
  try {
    return JSON.parse(text).prompt_id ?? null;
  } catch {
    return null;
  }
}
