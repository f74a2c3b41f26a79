// "My times": what patients set for themselves. It only makes prompts fewer, never more.

import * as actions from "/app/actions.js";
import { announce, button, el, shortField, show } from "/app/dom.js";
import { hoursSection } from "/app/hours.js";
import { comingDays, schedule } from "/app/offers.js";
import { serverNow } from "/app/prompts.js";
import { isoDate } from "/app/time.js";
import { notices } from "/app/views.js";

const MOST = 12;

/** Shows the screen; returns {name, renew}: `renew` takes in what the server has said since. */
export function timesScreen(onBack) {
  const body = el("div", { class: "stack" });
  const state = el("p", { class: "help", role: "status" });
  const coming = el("section", { class: "card", "aria-labelledby": "coming" });
  const hours = hoursSection();
  show(el("div", { class: "screen" }, button("Back", "plain back", onBack), notices({ urgentOnly: true }),
    el("h1", { text: "My times" }),
    el("p", { text: "Here you say when you want to be left alone. It only makes prompts fewer, never more. Your therapist can see it." }),
    body, hours.node, coming));
  let shown = null;
  const renew = () => {
    fillComing(coming);
    hours.renew();
    const stands = JSON.stringify([actions.knownRules()?.version, actions.refusedRules(), actions.unsentRules() !== null]);
    if (stands === shown) return;
    shown = stands;
    body.replaceChildren(...formOrWord(state));
  };
  renew();
  return { name: "times", renew };
}

function fillComing(card) {
  const days = comingDays();
  const lines = days.map(([day, hours]) => el("p", {}, el("strong", { text: `${day}: ` }), hours.join(", ")));
  if (days.length === 0) lines.push(el("p", { text: "None." }));
  card.hidden = schedule() === null;
  card.replaceChildren(el("h2", { id: "coming", text: "When prompts may come" }),
    el("p", { class: "help", text: "In the coming two days, as far as this phone knows." }), ...lines);
}

function formOrWord(state) {
  const refused = actions.refusedRules();
  const unsent = actions.unsentRules();
  const known = actions.knownRules();
  const rules = refused?.rules ?? unsent?.rules ?? known?.rules;
  if (rules === undefined) {
    return [el("p", { class: "card", text: "Your times are not on this phone yet. Please come back when you are online." })];
  }
  state.textContent = stateWords(unsent, known);
  return [rulesForm(rules, { refused, version: known?.version ?? unsent.version, state })];
}

function stateWords(unsent, known) {
  if (unsent !== null) return "Saved on this phone; it is sent as soon as the server can be reached.";
  return known.version > 0 ? "This is how it is set now." : "Nothing is set yet.";
}

function rulesForm(rules, { refused, version, state }) {
  const fault = el("div", { class: "card fault", role: "alert", hidden: true });
  const quiet = listOf("Quiet hours", "quiet hours", rules.quiet_hours ?? [], quietRow);
  const pauses = listOf("Pause", "a pause", rules.pauses ?? [], pauseRow);
  const most = mostField(rules.per_day);
  const save = el("button", { type: "submit", class: "button primary wide", text: "Save my times" });
  const form = el("form", { class: "form", novalidate: true }, fault,
    card(quiet, "No prompt comes in these hours. They may run past midnight, such as 22:00 to 07:00."),
    card(pauses, "No prompt comes on these days. Without a last day, the pause goes on until you take it away."),
    el("section", { class: "card" }, most.node), save, state);
  if (refused) tell(fault, [refused.message, ...refused.errors.map(({ field, message }) => `${placeOf(field)}: ${message}`)]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const problems = [...quiet.check(), ...pauses.check()];
    fault.hidden = true;
    if (problems.length > 0) return tell(fault, problems);
    const wanted = { ...rules, quiet_hours: quiet.read(), pauses: pauses.read() };
    delete wanted.per_day;
    if (most.read() !== null) wanted.per_day = most.read();
    actions.changeRules(wanted, version);
    announce(navigator.onLine ? "Saved." : "Saved on this phone.");
  });
  return form;
}

function tell(fault, sentences) {
  fault.replaceChildren(...sentences.map((text) => el("p", { text })));
  fault.hidden = false;
  fault.scrollIntoView({ block: "center" });
}

// Where in the form the server found something, in words: "quiet_hours[1].to" is "Quiet hours 2".
function placeOf(field) {
  const [, name, place] = /^(\w+)(?:\[(\d+)\])?/.exec(field ?? "") ?? [];
  const words = { quiet_hours: "Quiet hours", pauses: "Pause", per_day: "Prompts a day" }[name] ?? "Times";
  return place === undefined ? words : `${words} ${Number(place) + 1}`;
}

function card(list, hint) {
  return el("section", { class: "card" }, el("h2", { text: list.title }), el("p", { class: "help", text: hint }), list.node);
}

// A list of rows of two fields, the last of which can be added and each taken away.
function listOf(title, noun, values, rowOf) {
  const rows = [];
  const node = el("div", { class: "stack" });
  const add = (value) => {
    const row = rowOf(value, () => {
      rows.splice(rows.indexOf(row), 1);
      row.node.remove();
      more.focus();
    });
    rows.push(row);
    more.before(row.node);
    return row;
  };
  const more = button(`Add ${noun}`, "quiet", () => add(null).focus());
  node.append(more);
  for (const value of values) add(value);
  const filled = () => rows.map((row) => row.read()).filter((value) => value !== null);
  return { title, node, check: () => rows.flatMap((row) => row.check()), read: filled };
}

function quietRow(value, onRemove) {
  const [from, to] = [shortField("time", "From", value?.from), shortField("time", "Until", clockField(value?.to))];
  const check = () => {
    if (!complete(from, to)) return ["Quiet hours need both times."];
    const empty = from.input.value !== "" && from.input.value === to.input.value;
    return empty ? ["Quiet hours must not begin and end at the same time."] : [];
  };
  return row(from, to, "Remove these quiet hours", onRemove, check);
}

// The day's end is written 24:00, which a time field cannot show.
const clockField = (time) => (time === "24:00" ? "00:00" : time);

function pauseRow(value, onRemove) {
  const today = value === null ? isoDate(serverNow()) : undefined;
  const [from, to] = [shortField("date", "From", value?.from ?? today), shortField("date", "Until", value?.to)];
  const check = () => {
    if (from.input.value === "" && to.input.value !== "") return ["A pause needs its first day."];
    const backwards = to.input.value !== "" && to.input.value < from.input.value;
    return backwards ? ["The last day of a pause must not be before its first."] : [];
  };
  return row(from, to, "Remove this pause", onRemove, check);
}

const complete = (one, other) => (one.input.value === "") === (other.input.value === "");

function row(from, to, removal, onRemove, check) {
  const remove = button("Remove", "plain", onRemove);
  remove.setAttribute("aria-label", removal);
  const read = () => {
    if (from.input.value === "") return null;
    return to.input.value === "" ? { from: from.input.value } : { from: from.input.value, to: to.input.value };
  };
  return { node: el("div", { class: "parts" }, from.node, to.node, remove), read, check, focus: () => from.input.focus() };
}

function mostField(current) {
  const numbers = Array.from({ length: Math.max(MOST, current ?? 0) }, (_, index) => index + 1);
  const option = (value, text) => el("option", { value, text, selected: value === String(current ?? "") });
  const select = el("select", { id: "times-most" }, option("", "As many as planned"),
    ...numbers.map((number) => option(String(number), `At most ${number}`)));
  const node = el("div", { class: "stack" },
    el("h2", {}, el("label", { for: "times-most", text: "Prompts a day" })), select);
  return { node, read: () => (select.value === "" ? null : Number(select.value)) };
}
