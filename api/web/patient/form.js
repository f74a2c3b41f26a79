// The form of one content item: shows what the conditions allow, reads, checks, marks faults.

import { reachable } from "/app/conditions.js";
import { announce } from "/app/dom.js";
import { fieldFor } from "/app/fields.js";

const MISSING = {
  choice: "Please choose one answer.",
  multi: "Please choose at least one answer.",
  slider: "Please move the slider, or tap the place that fits.",
  number: "Please enter a number.",
  text: "Please write a few words.",
  yesno: "Please choose yes or no.",
  time: "Please enter a time.",
};

/** The fields of `items`, filled from kept answers; `onChange` is called after every edit. */
export class Form {
  #items;
  #fields = new Map();
  #onChange;

  constructor(items, kept, onChange) {
    this.#items = items;
    this.#onChange = onChange;
    for (const item of items) {
      this.#fields.set(item.id, fieldFor(item, kept[item.id], () => this.#edited(item.id)));
    }
    this.#branch();
  }

  /** The fields' elements, in the order asked. */
  get nodes() {
    return [...this.#fields.values()].map((field) => field.node);
  }

  /** Returns whether there is an item of this id, shown at present. */
  has(id) {
    return this.#fields.has(id) && !this.#fields.get(id).node.hidden;
  }

  /** Returns every readable answer, hidden ones too: this is what a draft keeps. */
  kept() {
    const answers = {};
    for (const [id, field] of this.#fields) {
      const { value } = field.read();
      if (value !== undefined) answers[id] = value;
    }
    return answers;
  }

  /** Returns the answers to send: those of shown items alone. */
  answers() {
    return reachable(this.#items, this.kept()).answers;
  }

  /** Checks shown items, marks faults and moves to the first; returns whether all is well. */
  check() {
    const { shown } = reachable(this.#items, this.kept());
    const faults = {};
    for (const item of this.#items.filter((it) => shown.has(it.id))) {
      const { value, fault } = this.#fields.get(item.id).read();
      const missing = item.required && value === undefined && !fault;
      if (fault || missing) faults[item.id] = fault ?? MISSING[item.type];
    }
    this.mark(faults);
    return Object.keys(faults).length === 0;
  }

  /** Marks faults {item id: sentence}, clears all others and moves focus to the first. */
  mark(faults) {
    for (const id of this.#fields.keys()) this.#markOne(id, faults[id] ?? null);
    const first = this.#items.find((item) => faults[item.id]);
    if (!first) return;
    this.#fields.get(first.id).focus();
    const count = Object.keys(faults).length;
    announce(count === 1 ? "One answer needs a look." : `${count} answers need a look.`);
  }

  #edited(id) {
    this.#markOne(id, null);
    this.#branch();
    this.#onChange();
  }

  #branch() {
    const { shown } = reachable(this.#items, this.kept());
    for (const [id, field] of this.#fields) field.node.hidden = !shown.has(id);
  }

  #markOne(id, sentence) {
    const { node } = this.#fields.get(id);
    const line = node.querySelector(":scope > .fault");
    if (!line) return;
    line.textContent = sentence ?? "";
    line.hidden = sentence === null;
    node.classList.toggle("faulty", sentence !== null);
    // Radio buttons are invalid as a group, everything else by itself.
    const radios = node.getAttribute("role") === "radiogroup";
    for (const control of radios ? [node] : node.querySelectorAll("input, textarea")) {
      if (sentence === null) control.removeAttribute("aria-invalid");
      else control.setAttribute("aria-invalid", "true");
    }
  }
}
