// Builds elements from data by properties and text nodes, never by markup, so nothing a server
// or a patient wrote can become code.

const SPOKEN_MS = 10_000;
let fading = null;

/**
 * Returns a new element.
 * `attributes`: `text`, `on` ({event: listener}), booleans, or plain attribute values; null and
 * false leave the attribute out. Inline style is refused (the page's policy forbids it).
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "style") throw new TypeError("style attributes are forbidden here; use a class");
    if (name === "text") node.textContent = value;
    else if (name === "on") listen(node, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function listen(node, listeners) {
  for (const [event, listener] of Object.entries(listeners)) node.addEventListener(event, listener);
}

/** Returns a button that never submits a form by accident. `look`: primary, quiet or plain. */
export function button(text, look, onClick) {
  return el("button", { type: "button", class: `button ${look}`, text, on: { click: onClick } });
}

let fields = 0;

/** Returns {input, node}: a short field of this type under its label. */
export function shortField(type, label, value) {
  fields += 1;
  const input = el("input", { type, id: `field-${fields}`, class: "short" });
  input.value = value ?? "";
  return { input, node: el("label", { class: "part", for: input.id }, el("span", { text: label }), input) };
}

/** Returns paragraphs, one for each block of text between empty lines. */
export function paragraphs(text, attributes = {}) {
  const blocks = String(text ?? "").split(/\n\s*\n/);
  return blocks.filter((block) => block.trim()).map((text) => el("p", { ...attributes, text }));
}

/** Says one short sentence to screen readers through the page's live region. */
export function announce(sentence) {
  const region = document.getElementById("status");
  region.textContent = sentence;
  // Said once: whoever reads on to the end of the page later should not find it there.
  clearTimeout(fading);
  fading = setTimeout(() => region.replaceChildren(), SPOKEN_MS);
}

/** Replaces the screen, moves focus to its heading and names the page after it. */
export function show(node, { focus = true } = {}) {
  document.getElementById("main").replaceChildren(node);
  const heading = node.querySelector("h1");
  document.title = heading ? `${heading.textContent} - Welltimed` : "Welltimed";
  if (!focus || !heading) return;
  heading.setAttribute("tabindex", "-1");
  heading.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}
