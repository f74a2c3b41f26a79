// One field for each item type. A field is {node, read, focus}: `read()` returns {value} with
// undefined for "no answer", or {fault} with a sentence saying what is allowed.

import { button, el, paragraphs } from "/app/dom.js";

/** Returns the field of one item. `value` is a kept answer; `changed` is called on every edit. */
export function fieldFor(item, value, changed) {
  const make = MAKERS[item.type];
  if (!make) throw new TypeError(`unknown item type ${item.type}`);
  return make(item, value, changed);
}

const idOf = (item, part) => `item-${item.id}-${part}`;

const described = (item) =>
  [item.help && idOf(item, "help"), idOf(item, "fault")].filter(Boolean).join(" ");

const mark = (item) =>
  item.required ? el("span", { class: "needed", text: " (required)" }) : null;

const help = (item) =>
  item.help ? el("p", { class: "help", id: idOf(item, "help"), text: item.help }) : null;

const faultLine = (item) => el("p", { class: "fault", id: idOf(item, "fault"), hidden: true });

// A question asked by one control, with a real label.
function single(item, control, ...rest) {
  return el("div", { class: "item" }, labelFor(item, control), help(item), control, ...rest, faultLine(item));
}

function labelFor(item, control) {
  const label = el("label", { class: "ask", for: control.id, text: item.ask ?? item.id });
  label.append(mark(item) ?? "");
  return label;
}

// A question asked by several radio buttons or checkboxes.
function group(item, role, ...rest) {
  const legend = el("legend", { class: "ask", text: item.ask ?? item.id });
  legend.append(mark(item) ?? "");
  const attributes = {
    class: "item", role, "aria-describedby": described(item),
    "aria-required": role && item.required ? "true" : null,
  };
  return el("fieldset", attributes, legend, help(item), ...rest, faultLine(item));
}

function optionRow(item, type, option, index, checked) {
  const id = idOf(item, `option-${index}`);
  const input = el("input", { type, id, name: idOf(item, "options"), value: String(index) });
  input.checked = checked;
  return { input, row: el("label", { class: "option", for: id }, input, el("span", { text: option.text ?? option.code })) };
}

// `options`: [{code, text}]; a code may be a string or, for yes and no, a boolean.
function oneOf(item, options, value, changed) {
  const rows = options.map((option, index) =>
    optionRow(item, "radio", option, index, option.code === value),
  );
  const chosen = () => rows.findIndex(({ input }) => input.checked);
  const clear = clearer(item, () => {
    for (const { input } of rows) input.checked = false;
    rows[0].input.focus();
    update();
  });
  const update = () => {
    clear.hidden = item.required || chosen() < 0;
    changed();
  };
  const list = el("div", { class: "options", on: { change: update } }, ...rows.map(({ row }) => row));
  clear.hidden = item.required || chosen() < 0;
  return {
    node: group(item, "radiogroup", list, clear),
    read: () => ({ value: options[chosen()]?.code }),
    focus: () => rows[Math.max(0, chosen())].input.focus(),
  };
}

function clearer(item, onClick) {
  const node = button("Clear", "plain", onClick);
  node.setAttribute("aria-label", `Clear the answer to: ${item.ask}`);
  return node;
}

const choice = (item, value, changed) => oneOf(item, item.options, value, changed);

function yesno(item, value, changed) {
  const options = [
    { code: true, text: "Yes" },
    { code: false, text: "No" },
  ];
  return oneOf(item, options, value, changed);
}

function multi(item, value, changed) {
  const kept = new Set(value ?? []);
  const rows = item.options.map((option, index) =>
    optionRow(item, "checkbox", option, index, kept.has(option.code)),
  );
  const list = el("div", { class: "options", on: { change: changed } }, ...rows.map(({ row }) => row));
  const read = () => {
    const codes = item.options.filter((_, index) => rows[index].input.checked).map((it) => it.code);
    return { value: codes.length > 0 ? codes : undefined };
  };
  return { node: group(item, null, list), read, focus: () => rows[0].input.focus() };
}

// A range input always has a value, so "not answered" is kept apart: the thumb stays hidden until
// the patient moves or taps the scale, or presses Space or Enter on it.
function slider(item, value, changed) {
  const { min, max, step = 1, ends, unit = "" } = item;
  const id = idOf(item, "input");
  const input = el("input", {
    type: "range", class: "scale", id, min, max, step, "aria-describedby": described(item),
  });
  const output = el("output", { class: "reading", for: id });
  let touched = false;
  const clear = clearer(item, () => {
    set(false);
    input.focus();
    changed();
  });
  const text = () => `${input.value}${unit === "%" ? "" : " "}${unit}`.trim();
  function set(now) {
    touched = now;
    input.classList.toggle("untouched", !touched);
    const spoken = spokenEnd(Number(input.value), item, text());
    input.setAttribute("aria-valuetext", touched ? spoken : "not answered yet");
    output.textContent = touched ? text() : "Not answered yet";
    clear.hidden = !touched;
  }
  const touch = () => {
    set(true);
    changed();
  };
  input.addEventListener("input", touch);
  input.addEventListener("click", touch);
  input.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    touch();
  });
  if (value !== undefined) input.value = String(value);
  set(value !== undefined);
  const scaleEnds = ends && el("p", { class: "ends", "aria-hidden": "true" },
    el("span", { text: ends[0] }), el("span", { text: ends[1] }));
  return {
    node: single(item, input, scaleEnds, el("p", { class: "under" }, output, clear)),
    read: () => ({ value: touched ? Number(input.value) : undefined }),
    focus: () => input.focus(),
  };
}

function spokenEnd(value, { min, max, ends }, text) {
  if (ends && value === min) return `${text}, ${ends[0]}`;
  if (ends && value === max) return `${text}, ${ends[1]}`;
  return text;
}

// A text input: a number input hides what was typed when it is not a number, and wheels away.
function number(item, value, changed) {
  const { min, max, unit } = item;
  const input = el("input", {
    type: "text", inputmode: min < 0 ? "text" : "decimal", autocomplete: "off", class: "short",
    id: idOf(item, "input"), "aria-describedby": described(item), on: { input: changed },
  });
  input.value = value ?? "";
  const read = () => {
    const text = input.value.trim();
    if (text === "") return { value: undefined };
    const number = /^-?\d+([.,]\d+)?$/.test(text) ? Number(text.replace(",", ".")) : NaN;
    const allowed = number >= min && number <= max && onStep(number, item);
    return allowed ? { value: number } : { fault: `Please enter ${rangeOf(item)}.` };
  };
  const row = el("div", { class: "row" }, input, unit ? el("span", { text: unit }) : null);
  const node = el("div", { class: "item" }, labelFor(item, input), help(item), row, faultLine(item));
  return { node, read, focus: () => input.focus() };
}

function rangeOf({ min, max, step }) {
  const range = `a number from ${min} to ${max}`;
  if (step === undefined) return range;
  return step === 1 ? `a whole number from ${min} to ${max}` : `${range} in steps of ${step}`;
}

// Steps such as 0.1 are not exact in binary, hence the tolerance.
function onStep(number, { min, step }) {
  if (step === undefined) return true;
  const steps = (number - min) / step;
  return Math.abs(steps - Math.round(steps)) < 1e-6;
}

// Characters as the server counts them: an emoji is one.
const lengthOf = (text) => [...text].length;

function text(item, value, changed) {
  const most = item.max_chars;
  const input = el("textarea", {
    id: idOf(item, "input"), rows: most && most <= 120 ? 2 : 4, "aria-describedby": described(item),
  });
  const left = el("p", { class: "help", hidden: true });
  const count = () => {
    const remaining = most - lengthOf(input.value.trim());
    left.hidden = !most || remaining > 50;
    left.textContent = remaining < 0 ? `${-remaining} characters too many` : `${remaining} characters left`;
  };
  input.value = value ?? "";
  input.addEventListener("input", () => {
    count();
    changed();
  });
  count();
  const read = () => {
    const value = input.value.trim();
    if (value === "") return { value: undefined };
    if (most && lengthOf(value) > most) return { fault: `Please use at most ${most} characters.`, value };
    return { value };
  };
  return { node: single(item, input, left), read, focus: () => input.focus() };
}

function time(item, value, changed) {
  const input = el("input", {
    type: "time", class: "short", id: idOf(item, "input"), "aria-describedby": described(item),
    on: { input: changed },
  });
  input.value = value ?? "";
  const read = () => {
    if (input.validity.badInput) return { fault: "Please enter a time such as 14:30." };
    return { value: input.value ? input.value.slice(0, 5) : undefined };
  };
  return { node: single(item, input), read, focus: () => input.focus() };
}

function info(item) {
  const node = el("div", { class: "item info" }, ...paragraphs(item.text ?? item.ask));
  return { node, read: () => ({ value: undefined }), focus: () => undefined };
}

const MAKERS = { choice, multi, slider, number, text, yesno, time, info };
