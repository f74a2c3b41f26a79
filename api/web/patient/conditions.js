// show_if conditions, evaluated by the same rules as on the server.

const ORDER = {
  lt: (left, right) => left < right,
  le: (left, right) => left <= right,
  gt: (left, right) => left > right,
  ge: (left, right) => left >= right,
};

/**
 * Returns whether a condition holds. A missing answer, or one of another kind than the value it
 * is compared with, makes a comparison false whatever its operator (so `not` of it is true).
 */
export function holds(condition, answers) {
  if (condition.all) return condition.all.every((part) => holds(part, answers));
  if (condition.any) return condition.any.some((part) => holds(part, answers));
  if (condition.not) return !holds(condition.not, answers);
  const answer = answers[condition.item];
  if (answer === undefined || answer === null || answer.length === 0) return false;
  return condition.op === "answered" || compare(condition.op, answer, condition.value);
}

function compare(op, answer, value) {
  // "in" against the chosen codes of a multi item: one of them is enough.
  if (op === "in") return [answer].flat().some((one) => value.includes(one));
  if (typeof answer !== typeof value) return false;
  if (op === "eq") return answer === value;
  if (op === "ne") return answer !== value;
  return ORDER[op](answer, value);
}

/**
 * Returns {shown, answers}: ids of the items to show, and the answers of those alone.
 * Items name only earlier ones, so one pass is enough; a hidden item's answer counts as missing.
 */
export function reachable(items, given) {
  const shown = new Set();
  const answers = {};
  for (const item of items) {
    if (item.show_if && !holds(item.show_if, answers)) continue;
    shown.add(item.id);
    if (given[item.id] !== undefined) answers[item.id] = given[item.id];
  }
  return { shown, answers };
}
