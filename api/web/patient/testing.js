// "Send me a test notification": asks for it, and tells how far it came.

import { Refused, Unreachable } from "/app/api.js";
import { button, el } from "/app/dom.js";
import { authorised, device } from "/app/session.js";

const OFTEN_MS = 1_000;
const SELDOM_MS = 5_000;
const OFTEN_FOR_MS = 20_000;

/** Returns the button with what it does in words, and a line that tells how far the test came. */
export function testPanel() {
  const line = el("p", { class: "test-line", role: "status" });
  const ask = button("Send me a test notification", "quiet", async () => {
    if (ask.getAttribute("aria-disabled") === "true") return;
    ask.setAttribute("aria-disabled", "true");
    line.textContent = "Asking for it ...";
    line.textContent = await run((words) => {
      line.textContent = words;
    });
    ask.removeAttribute("aria-disabled");
  });
  return el("div", { class: "stack" },
    el("p", { class: "help", text: "A test comes at once, also in your quiet hours, because you ask for it now. It says that there is a new prompt, but there is nothing to answer, and it counts for nothing." }),
    ask, line);
}

// Returns the last word on a test; `tell` gets what is known until then.
async function run(tell) {
  let test;
  try {
    test = await authorised("POST", "/v1/device/tests");
  } catch (error) {
    return refusal(error);
  }
  const asked = Date.now();
  while (!test.ended) {
    tell(words(test));
    await pause(Date.now() - asked < OFTEN_FOR_MS ? OFTEN_MS : SELDOM_MS);
    if (device() === null) return "";
    try {
      test = await authorised("GET", `/v1/device/tests/${encodeURIComponent(test.id)}`);
    } catch (error) {
      if (!(error instanceof Unreachable)) return refusal(error);
    }
  }
  return words(test);
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function refusal(error) {
  if (error instanceof Refused) return `It could not be sent: ${error.message}`;
  if (!(error instanceof Unreachable)) throw error;
  if (error.status !== 429) return "The server cannot be reached just now. Please try again when you are online.";
  const minutes = Math.max(Math.ceil((error.retryAfterSeconds ?? 60) / 60), 1);
  return `Three tests in ten minutes are enough. The next is possible in ${minutes === 1 ? "a minute" : `${minutes} minutes`}.`;
}

/** Returns how far a test came, in one sentence or two. */
export function words(test) {
  const { sent_at: sent, confirmed_at: confirmed, to_this_phone: here } = test;
  const whose = here === false ? "the phone you connected last" : "your phone";
  if (confirmed) return `Sent ${clock(sent ?? confirmed)}, ${whose} confirmed ${clock(confirmed)}.`;
  if (sent && test.state === "accepted") {
    if (!test.ended) return `Sent ${clock(sent)}. Waiting for ${whose} to confirm ...`;
    return `Sent ${clock(sent)}, but ${whose} did not confirm it. Please tell your therapist.`;
  }
  if (test.ended) return `It did not arrive: ${test.reason ?? "it could not be sent in time"}. Please tell your therapist.`;
  return `Asked for at ${clock(test.asked_at)}. Waiting for it to be sent ...`;
}

const clock = (instant) =>
  new Date(instant).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** Returns whether an id that came with a push is that of a test. */
export async function isTest(id) {
  try {
    await authorised("GET", `/v1/device/tests/${encodeURIComponent(id)}`);
    return true;
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
    return false;
  }
}
