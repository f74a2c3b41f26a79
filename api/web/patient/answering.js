// The screen of one prompt: read, answer, send; and the screen after it.

import { announce, button, el, paragraphs, show } from "/app/dom.js";
import { Form } from "/app/form.js";
import { momentQuestion } from "/app/moment.js";
import * as outbox from "/app/outbox.js";
import * as prompts from "/app/prompts.js";
import { note } from "/app/receipts.js";
import { clockTime, newId, stamp } from "/app/time.js";
import { notices, weekFigures } from "/app/views.js";

const SENT = "Your answer has been sent.";
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Shows the form of a prompt; returns a function that puts the screen away. */
export function answerScreen(prompt, { onDone, onLeave }) {
  note(prompt.id, "opened");
  const draft = prompts.draft(prompt.id) ?? newDraft(prompt);
  prompts.keepDraft(draft);
  const { content } = draft.prompt;
  const form = new Form(content.items, draft.answers, () => {
    prompts.keepDraft({ ...draft, answers: form.kept(), faults: null });
  });
  const timing = el("p", { class: "timing" });
  const faults = el("div", { class: "card fault", role: "alert", hidden: true });
  const sendIt = () => {
    if (form.check()) onDone(queue({ ...draft, answers: form.kept() }, form.answers()));
  };
  show(layout(content, { timing, faults, form, sendIt, onLeave }));
  const timer = tellTiming(draft.prompt, timing);
  if (draft.faults) showFaults(draft.faults, form, faults);
  return () => clearTimeout(timer);
}

function newDraft(prompt) {
  return { prompt, response_id: newId(), answers: {}, opened_at: stamp(), faults: null };
}

function layout(content, { timing, faults, form, sendIt, onLeave }) {
  const send = el("button", { type: "submit", class: "button primary wide", text: "Send" });
  const body = el("form", { novalidate: true, class: "form" }, ...form.nodes, send);
  body.addEventListener("submit", (event) => {
    event.preventDefault();
    sendIt();
  });
  // Enter in a one-line field would send a half-filled form by accident.
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target instanceof HTMLInputElement) event.preventDefault();
  });
  return el(
    "div", { class: "screen", lang: content.language },
    button("Back", "plain back", onLeave),
    notices({ urgentOnly: true }),
    el("h1", { text: content.title }),
    timing,
    ...paragraphs(content.why, { class: "why" }),
    ...paragraphs(content.instruction),
    faults,
    body,
    el("p", { class: "help", text: "What you enter is kept on this phone until it is sent." }),
  );
}

// Says until when the prompt is open and, when that passes, that sending still works.
function tellTiming(prompt, line) {
  const tell = () => {
    const late = prompts.late(prompt);
    line.textContent = late
      ? "The time for this one has passed. You can still send it; it will be marked as late."
      : `Open until ${clockTime(prompt.expires_at)}`;
    return late;
  };
  if (tell()) return null;
  const wait = Date.parse(prompt.expires_at) - prompts.serverNow();
  return setTimeout(() => tell() && announce(line.textContent), Math.min(wait, LONGEST_TIMER_MS));
}

// Into the outbox first, out of the drafts second: at no moment is the answer in neither.
function queue(draft, answers) {
  const { prompt, response_id: id } = draft;
  const body = {
    prompt_id: prompt.id,
    content_id: prompt.content.id,
    content_version: prompt.content.version,
    answers,
    opened_at: draft.opened_at,
    answered_at: stamp(),
  };
  const durable = outbox.put(id, body, prompt.content.title);
  prompts.keepDraft({ ...draft, sent_as: id });
  prompts.markAnswered(prompt.id);
  return { id, durable, prompt };
}

/** Puts an answer the server found faulty back into its form, with the faults beside the items. */
export function reopen(entry, errors) {
  const { prompt_id: promptId, answers } = entry.body;
  const draft = prompts.draft(promptId);
  if (draft === null) return false;
  prompts.unmarkAnswered(promptId);
  prompts.keepDraft({ ...draft, answers, response_id: newId(), faults: errors });
  return true;
}

function showFaults(errors, form, summary) {
  const byItem = {};
  const others = [];
  for (const { field, message } of errors) {
    const [, id] = /^answers\.([^.[]+)/.exec(field ?? "") ?? [];
    if (id && form.has(id)) byItem[id] ??= message;
    else others.push(message);
  }
  const sentences = ["This answer could not be taken as it is. Please look at it again.", ...others];
  summary.replaceChildren(...sentences.map((text) => el("p", { text })));
  summary.hidden = false;
  form.mark(byItem);
}

/**
 * Shows the screen after sending; returns {id, ...} with one method for each thing that can
 * happen to the answer then (sent, elsewhere, waiting, already, held).
 */
export function doneScreen({ id, durable, prompt }, onHome) {
  const body = el("div", { class: "stack" });
  const heading = el("h1", { text: "Thank you" });
  let settled = false;
  const fill = (title, ...nodes) => {
    if (!body.isConnected) return;
    heading.textContent = title;
    body.replaceChildren(...nodes);
    announce(nodes.map((node) => node.textContent).join(" "));
  };
  const home = button("Back to today", "primary", onHome);
  const question = momentQuestion(prompt);
  show(el("div", { class: "screen" }, heading, notices(), body, question, home));
  body.replaceChildren(el("p", { text: durable ? "Saved on this phone. Sending ..." : "Sending ..." }));
  const settle = (title, ...nodes) => {
    settled = true;
    fill(title, ...nodes);
  };
  return {
    id,
    sent: (reply) => {
      if (reply.safety.length > 0) question?.remove();
      settle("Thank you", ...afterSending(reply));
    },
    elsewhere: () => settled || settle("Thank you", el("p", { text: SENT })),
    waiting: () => fill("Saved", el("p", { text: savedSentence(durable) })),
    already: () => settle("Already answered", el("p", { text: ALREADY })),
    held: (reason) => settle("Saved on this phone", el("p", { text: reason })),
  };
}

/** What to say when the server has another answer to the same prompt. */
export const ALREADY = "This prompt had been answered before, so there is nothing more to do.";

function afterSending(reply) {
  const late = reply.late ? el("p", { text: "It came after its time; it was kept and marked as late." }) : null;
  const feedback = reply.feedback.map((text) => el("p", { class: "feedback", text }));
  const sent = el("p", { text: SENT });
  return [sent, late, ...feedback, weekFigures(reply.progress)].filter(Boolean);
}

function savedSentence(durable) {
  if (!durable) return "This browser does not let us save. Please keep this page open until your answer is sent.";
  return navigator.onLine
    ? "Saved on this phone; it will be sent as soon as the server can be reached."
    : "Saved on this phone; it will be sent when you are online again.";
}
