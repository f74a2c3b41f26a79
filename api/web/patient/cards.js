// The card of one prompt on the home screen: start it, put it off, or say that it does not suit.

import * as actions from "/app/actions.js";
import { announce, button, el } from "/app/dom.js";
import * as prompts from "/app/prompts.js";
import { clockTime } from "/app/time.js";

const MINUTES = [15, 30, 60];
const REASONS = [
  ["driving", "Driving"], ["work", "At work"], ["asleep", "Asleep"], ["other", "Something else"],
];

const CHOICES = {
  later: { word: "Later", make: laterChoices },
  unsuited: { word: "Not now", make: reasonChoices },
};

// The choices open on a card, {id, name}: a home screen drawn anew opens them again.
let choosing = null;

// The prompts whose "Why now?" is open, for the same reason.
const reading = new Set();

/** Returns whether an answer to this prompt was begun on this phone. */
export const begun = (id) => Object.keys(prompts.draft(id)?.answers ?? {}).length > 0;

/** Returns the card of a prompt that can be answered now, or that is put off. */
export function promptCard(prompt, onStart) {
  const away = prompts.isAway(prompt.id);
  const { content } = prompt;
  const start = button(startWord(prompt.id), away ? "quiet" : "primary", () => {
    choosing = null;
    onStart(prompt);
  });
  start.setAttribute("aria-describedby", `about-${prompt.id}`);
  const choices = el("div", { class: "stack" });
  choices.append(el("div", { class: "row" }, start, ...(away ? [] : others(prompt, choices))));
  if (choosing?.id === prompt.id && !away) showChoices(prompt, choosing.name, choices);
  return el("section", { class: away ? "card" : "card new", "data-prompt": prompt.id },
    el("h2", { text: heading(prompt) }),
    el("p", { id: `about-${prompt.id}`, text: content.title }),
    el("p", { class: "help", text: timing(prompt, away) }),
    el("p", { class: "fault", text: prompts.snooze(prompt.id)?.fault ?? "" }),
    choices, whyNow(prompt));
}

// Not of a prompt that was put off: then it is the patient who chose the time.
function whyNow({ id, why }) {
  if (!why || prompts.snooze(id)?.until) return null;
  const node = el("details", { open: reading.has(id) }, el("summary", { text: "Why now?" }), el("p", { class: "help", text: why }));
  node.addEventListener("toggle", () => (node.open ? reading.add(id) : reading.delete(id)));
  return node;
}

function startWord(id) {
  if (begun(id)) return "Continue";
  return prompts.isAway(id) ? "Start now" : "Start";
}

function heading({ id, content }) {
  const snooze = prompts.snooze(id);
  if (prompts.isAway(id)) return `Comes back at ${clockTime(onThisPhone(snooze.until))}`;
  if (begun(id)) return `You have begun this one, about ${content.minutes} min`;
  if (prompts.started(id)) return `You started this, about ${content.minutes} min`;
  return `${snooze?.until ? "Back again" : "New prompt"}, about ${content.minutes} min`;
}

const timing = (prompt, away) =>
  away ? "You put it off. You can also start it now." : `Open until ${clockTime(prompt.expires_at)}`;

// `until` counts in the server's time; people read their own phone's clock.
const onThisPhone = (until) => until - prompts.serverNow() + Date.now();

// The buttons that open further choices in place of the first row.
function others(prompt, choices) {
  if (prompts.started(prompt.id)) return [];
  const openers = Object.entries(CHOICES).map(([name, { word }]) => {
    const opener = button(word, "quiet", () => {
      showChoices(prompt, name, choices);
      choices.querySelector("button").focus();
    });
    opener.dataset.opens = name;
    return opener;
  });
  return openers.slice(prompts.snooze(prompt.id)?.left === 0 ? 1 : 0);
}

function showChoices(prompt, name, choices) {
  choosing = { id: prompt.id, name };
  const row = [...choices.childNodes];
  choices.replaceChildren(...CHOICES[name].make(prompt, () => {
    choosing = null;
    choices.replaceChildren(...row);
    choices.querySelector(`[data-opens="${name}"]`).focus();
  }));
}

function laterChoices(prompt, back) {
  const buttons = MINUTES.map((minutes) => button(`${minutes} min`, "quiet", () => {
    choosing = null;
    actions.putOff(prompt, minutes);
    announce(`Put off for ${minutes} minutes.`);
  }));
  return [el("p", { class: "ask", text: "Bring it back in" }),
    el("div", { class: "row" }, ...buttons, button("Cancel", "plain", back))];
}

function reasonChoices(prompt, back) {
  const buttons = REASONS.map(([reason, words]) => button(words, "quiet", () => {
    choosing = null;
    actions.decline(prompt, reason);
    announce("Thank you. It does not count as missed.");
  }));
  return [el("p", { class: "ask", text: "What is in the way?" }),
    el("div", { class: "row" }, ...buttons, button("Cancel", "plain", back)),
    el("p", { class: "help", text: "This one then does not come back, and does not count as missed. Your therapist sees the reason." })];
}

/** Returns the card of an answer that was begun and whose prompt is over. */
export function unfinishedCard({ prompt }, onStart) {
  const card = el("section", { class: "card" },
    el("h2", { text: "You had begun this one" }),
    el("p", { text: prompt.content.title }),
    el("p", { class: "help", text: "Its time has passed. You can still send it, or let it go." }),
    el("div", { class: "row" },
      button("Continue", "primary", () => onStart(prompt)),
      button("Let it go", "quiet", () => {
        prompts.dropDraft(prompt.id);
        card.remove();
        announce("Let go.");
      })));
  return card;
}
