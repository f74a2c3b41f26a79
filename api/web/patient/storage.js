// What stays on this phone between openings. One key a thing (never a shared list), so two open
// pages cannot overwrite each other's entries. Where the browser refuses to store, memory serves
// until the page closes, and `write` says so.

const PREFIX = "welltimed.";
const memory = new Map();

/** Returns the value kept under `key`, or `fallback` where there is none or it cannot be read. */
export function read(key, fallback = null) {
  if (memory.has(key)) return structuredClone(memory.get(key));
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

/** Keeps a JSON value; returns whether it will survive closing the page. */
export function write(key, value) {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
    memory.delete(key);
    return true;
  } catch {
    memory.set(key, structuredClone(value));
    return false;
  }
}

/** Forgets one key. */
export function remove(key) {
  memory.delete(key);
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // Storage is blocked: nothing of ours is in it.
  }
}

/** Returns all keys that begin with `start`. */
export function keys(start = "") {
  const found = new Set([...memory.keys()].filter((key) => key.startsWith(start)));
  try {
    for (let index = 0; index < localStorage.length; index += 1) {
      const key = localStorage.key(index);
      if (key.startsWith(PREFIX + start)) found.add(key.slice(PREFIX.length));
    }
  } catch {
    // As above.
  }
  return [...found];
}

/** Forgets everything the page ever kept. */
export function clear() {
  for (const key of keys()) remove(key);
}
