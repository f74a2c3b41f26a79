// The screens beside answering: connecting the phone, today, and parts they share.

import * as actions from "/app/actions.js";
import { Refused } from "/app/api.js";
import { begun, promptCard, unfinishedCard } from "/app/cards.js";
import { announce, button, el, show } from "/app/dom.js";
import { offers, offersCard } from "/app/offers.js";
import * as outbox from "/app/outbox.js";
import * as prompts from "/app/prompts.js";
import { enrol, plainCode } from "/app/session.js";
import * as storage from "/app/storage.js";

const CANNOT_REACH = "The server cannot be reached just now. Please check that you are online and try again.";

/** Shows the screen that asks for the code. `lost`: this phone was connected before. */
export function enrolScreen({ lost, onEnrolled }) {
  const input = el("input", {
    type: "text", id: "code", class: "code", autocomplete: "off", autocapitalize: "characters",
    spellcheck: "false", required: true, maxlength: 40, "aria-describedby": "code-help code-fault",
  });
  input.value = codeFromLink();
  const fault = el("p", { class: "fault", id: "code-fault", role: "alert" });
  const submit = el("button", { type: "submit", class: "button primary wide", text: "Connect" });
  const form = el("form", { class: "card stack", novalidate: true },
    el("label", { class: "ask", for: "code", text: "Your code" }),
    el("p", { class: "help", id: "code-help", text: "Capital or small letters, spaces and dashes do not matter." }),
    input, fault, submit);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    const problem = await tryCode(input.value, onEnrolled);
    submit.disabled = false;
    if (problem === null) return;
    fault.textContent = problem;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  });
  show(el("div", { class: "screen" }, el("h1", { text: "Connect this phone" }),
    ...(lost ? [lostNote()] : []),
    el("p", { text: "Your therapist gives you a code. With it, your prompts come to this phone." }),
    notices({ urgentOnly: true }), form, plainWords()));
}

async function tryCode(text, onEnrolled) {
  if (plainCode(text) === "") return "Please type the code your therapist gave you.";
  try {
    await enrol(text);
  } catch (error) {
    if (!(error instanceof Refused)) return CANNOT_REACH;
    const about = error.errors.find(({ field }) => field === "code");
    return about?.message ?? error.message;
  }
  await onEnrolled();
  return null;
}

// A link such as /app/#code=ABCD-2345 fills the field; the patient still presses Connect.
const codeFromLink = () => new URLSearchParams(location.hash.slice(1)).get("code") ?? "";

function lostNote() {
  const count = outbox.entries().length;
  const kept = count === 0 ? "" : ` ${saved(count)} and will be sent once it is connected again.`;
  const text = `This phone is no longer connected. Your therapist can give you a new code.${kept}`;
  return el("p", { class: "card", text });
}

const saved = (count) =>
  count === 1 ? "One answer is saved on this phone" : `${count} answers are saved on this phone`;

function plainWords() {
  return el("div", { class: "stack" },
    el("h2", { text: "Good to know" }),
    el("ul", {},
      el("li", { text: "Your answers are not read at once. Your therapist sees them later." }),
      el("li", { text: "This is not an emergency service. If you are in danger or cannot wait, call your local emergency number or go to someone you trust." }),
      el("li", { text: "Answers under way are kept on this phone until they are sent. Signing out removes them." })));
}

/** Shows what there is to do, and how the week goes. Returns the cards by prompt id. */
export function homeScreen({ onStart, onTimes, settings }, { focus = true } = {}) {
  const open = prompts.open();
  const cards = open.map((prompt) => [prompt, promptCard(prompt, onStart)]);
  const unfinished = prompts.unfinished().map((draft) => unfinishedCard(draft, onStart));
  const nothing = el("p", { class: "card calm", text: "Nothing to do now. The next prompt comes by itself." });
  show(el("div", { class: "screen" }, el("h1", { text: "Today" }), notices(), outboxNote(),
    ...cards.map(([, card]) => card), ...unfinished,
    open.length + unfinished.length === 0 ? nothing : null,
    weekCard(), offersCard(onStart), timesDoor(onTimes), settings), { focus });
  return cards;
}

/** Returns a text that changes exactly when the home screen would look different. */
export function homeState() {
  const open = prompts.open().map(({ id, expires_at: end }) =>
    [id, end, begun(id), prompts.isAway(id), prompts.snooze(id)]);
  const unfinished = prompts.unfinished().map(({ prompt }) => prompt.id);
  const unsent = outbox.entries().map((entry) => [entry.id, entry.held]);
  const { startable, reports } = offers();
  return JSON.stringify([open, unfinished, unsent, unsentActions(), startable, reports,
    storage.keys("notice.").sort(), prompts.week()]);
}

// What goes by itself within a moment is not worth a word while there is a connection.
const unsentActions = () => (navigator.onLine ? 0 : actions.entries().length);

function timesDoor(onTimes) {
  return el("section", { class: "card", "aria-labelledby": "my-times" },
    el("h2", { id: "my-times", text: "My times" }),
    el("p", { class: "help", text: "Hours in which you want to be left alone, days off, fewer prompts, your usual day." }),
    button("Set my times", "quiet", onTimes));
}

function outboxNote() {
  const all = outbox.entries();
  const held = all.filter((entry) => entry.held).map(heldCard);
  const count = all.length - held.length;
  const unsent = unsentWords(count, unsentActions());
  if (unsent === null) return held.length > 0 ? el("div", { class: "stack" }, ...held) : null;
  const line = el("div", { class: "card" }, el("p", { text: unsent }), button("Try now", "quiet", () => {
    outbox.flush();
    actions.flush();
  }));
  return el("div", { class: "stack" }, line, ...held);
}

function unsentWords(answers, others) {
  if (answers > 0) return `${saved(answers)} and will be sent when you are online.`;
  if (others > 0) return "What you chose is saved on this phone and will be sent when you are online.";
  return null;
}

function heldCard(entry) {
  const card = el("div", { class: "card" },
    el("p", { text: `Your answer to "${entry.title}" could not be delivered: ${entry.held}` }),
    el("div", { class: "row" },
      button("Try again", "quiet", () => {
        outbox.release(entry.id);
        outbox.flush();
      }),
      button("Remove it", "quiet", () => {
        outbox.drop(entry.id);
        card.remove();
        announce("Removed.");
      })));
  return card;
}

function weekCard() {
  const week = prompts.week();
  if (!week) return null;
  return el("section", { class: "card" }, weekFigures(week),
    el("p", { class: "help", text: "Every answer helps, and a missed one is no problem." }));
}

/** Returns the week in words and as a bar. */
export function weekFigures({ answered, sent }) {
  if (sent === 0) return el("p", { text: "This week: no prompts yet." });
  const bar = el("progress", { max: sent, value: answered, "aria-labelledby": "week" });
  return el("div", { class: "week" },
    el("p", { id: "week", text: `This week: ${answered} of ${sent} answered` }), bar);
}

/** Keeps a note until the patient closes it. `urgent` ones are set apart. */
export function keepNotice(id, title, texts, urgent) {
  storage.write(`notice.${id}`, { title, texts, urgent, at: Date.now() });
}

/** Returns the notes not yet closed, urgent ones first. */
export function notices({ urgentOnly = false } = {}) {
  const kept = storage.keys("notice.").map((key) => ({ key, ...storage.read(key) }));
  const all = kept.filter(({ urgent }) => urgent || !urgentOnly);
  all.sort((one, other) => other.urgent - one.urgent || one.at - other.at);
  const nodes = all.map(({ key, title, texts, urgent }) => {
    const close = button("Close this note", "quiet", () => {
      storage.remove(key);
      node.remove();
    });
    const node = el("section", { class: urgent ? "card safety" : "card", role: urgent ? "alert" : null },
      el("h2", { text: title }), ...texts.map((text) => el("p", { text })), close);
    return node;
  });
  return el("div", { class: "stack", id: "notices" }, ...nodes);
}
