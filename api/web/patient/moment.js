// "Was this a good moment?": asked after some answers, one tap to say, and nothing to do to pass.

import * as actions from "/app/actions.js";
import { announce, button, el } from "/app/dom.js";
import * as storage from "/app/storage.js";

const ENOUGH = 3;
const REST_MS = 7 * 24 * 3_600_000;

/**
 * Returns the question about a prompt that was answered just now, or null where none is due: the
 * server says which prompts ask, and who passed three in a row is left in peace for a week.
 */
export function momentQuestion(prompt) {
  const { passed, at } = storage.read("moment") ?? { passed: 0, at: 0 };
  if (!prompt.asks_moment || (passed >= ENOUGH && Date.now() - at < REST_MS)) return null;
  storage.write("moment", { passed: passed + 1, at: Date.now() });
  const card = el("section", { class: "card", "aria-labelledby": "moment" });
  const say = (good) => {
    storage.write("moment", { passed: 0, at: Date.now() });
    actions.markMoment(prompt.id, good);
    card.replaceChildren(el("p", { text: good ? "Noted as a good moment." : "Noted as not a good moment." }));
    card.removeAttribute("aria-labelledby");
    announce("Thank you, noted.");
  };
  card.append(el("h2", { id: "moment", text: "Was this a good moment for you?" }),
    el("div", { class: "row" }, button("Yes", "quiet", () => say(true)), button("No", "quiet", () => say(false))),
    el("p", { class: "help", text: "It helps to choose better moments. You need not say." }));
  return card;
}
