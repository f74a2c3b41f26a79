// When the patient usually gets up, goes to bed and works: asked once after connecting, and kept
// under "My times". It helps to choose moments and keeps no prompt away.

import * as actions from "/app/actions.js";
import { announce, button, el, shortField, show } from "/app/dom.js";
import { notices } from "/app/views.js";

const NAMES = ["wake", "bed", "work_start", "work_end"];
const WORDS = { wake: "Getting up", bed: "Going to bed", work_start: "Work, from", work_end: "Work, until" };
const NO_HOURS = { wake: null, bed: null, work_start: null, work_end: null };

/** Shows the step after connecting; `onDone` follows saving and skipping alike. */
export function hoursScreen(onDone) {
  show(el("div", { class: "screen" }, el("h1", { text: "Your usual day" }), notices({ urgentOnly: true }),
    el("p", { text: "When do you usually get up, go to bed and work? It helps to choose good moments from the first day on. Your therapist can see it." }),
    hoursForm(NO_HOURS, 0, { save: "Save and go on", onSaved: onDone }),
    button("Skip this", "quiet", onDone),
    el("p", { class: "help", text: "You find it later under My times." })));
  return { name: "hours" };
}

/** Returns {node, renew}: the part of "My times" about it; `renew` takes in what the server said. */
export function hoursSection() {
  const body = el("div", { class: "stack" });
  const node = el("section", { class: "stack", "aria-labelledby": "usual-day" },
    el("h2", { id: "usual-day", text: "Your usual day" }),
    el("p", { text: "It helps to choose good moments. It keeps no prompt away; quiet hours do." }), body);
  let shown = null;
  const renew = () => {
    const [known, unsent, refused] = [actions.knownHours(), actions.unsentHours(), actions.refusedHours()];
    node.hidden = known === null && unsent === null && refused === null;
    const stands = JSON.stringify([known?.version, refused, unsent !== null]);
    if (node.hidden || stands === shown) return;
    shown = stands;
    const wanted = refused?.hours ?? unsent?.hours ?? known;
    const state = el("p", { class: "help", role: "status", text: stateWords(unsent, known) });
    const form = hoursForm(wanted, known?.version ?? unsent?.version ?? 0, { save: "Save my usual day", refused });
    body.replaceChildren(form, state);
  };
  return { node, renew };
}

function stateWords(unsent, known) {
  if (unsent !== null) return "Saved on this phone; it is sent as soon as the server can be reached.";
  return NAMES.some((name) => known?.[name]) ? "This is what you told us." : "You have not told us yet.";
}

function hoursForm(hours, version, { save, refused = null, onSaved = () => undefined }) {
  const fault = el("div", { class: "card fault", role: "alert", hidden: true });
  const labels = ["I get up at", "I go to bed at", "Work begins at", "Work ends at"];
  const fields = NAMES.map((name, place) => shortField("time", labels[place], hours[name]));
  const [wake, bed, start, end] = fields;
  const form = el("form", { class: "form", novalidate: true }, fault,
    el("div", { class: "card" }, el("div", { class: "parts lone" }, wake.node, bed.node)),
    el("div", { class: "card" }, el("div", { class: "parts lone" }, start.node, end.node),
      el("p", { class: "help", text: "On work days. Leave it empty if you do not work, or if your hours change." })),
    el("button", { type: "submit", class: "button primary wide", text: save }));
  if (refused) tell(fault, [refused.message, ...refused.errors.map(({ field, message }) => `${WORDS[field] ?? "Times"}: ${message}`)]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const problems = [...check(wake, bed, "getting up and going to bed"), ...check(start, end, "work")];
    fault.hidden = true;
    if (problems.length > 0) return tell(fault, problems);
    const told = Object.fromEntries(NAMES.map((name, place) => [name, fields[place].input.value || null]));
    actions.declareHours(told, version);
    announce(navigator.onLine ? "Saved." : "Saved on this phone.");
    return onSaved();
  });
  return form;
}

function check({ input: first }, { input: last }, about) {
  if ((first.value === "") !== (last.value === "")) return [`Please give both times for ${about}, or neither.`];
  return first.value !== "" && first.value === last.value ? [`The two times for ${about} must differ.`] : [];
}

function tell(fault, sentences) {
  fault.replaceChildren(...sentences.map((text) => el("p", { text })));
  fault.hidden = false;
  fault.scrollIntoView({ block: "center" });
}
