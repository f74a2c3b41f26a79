// show_if conditions, evaluated by the same rules as on the server.

const COMPARE = {
  eq: (answer, value) => answer === value,
  ne: (answer, value) => answer !== value,
  lt: (answer, value) => answer < value,
  le: (answer, value) => answer <= value,
  gt: (answer, value) => answer > value,
  ge: (answer, value) => answer >= value,
  in: (answer, value) => value.includes(answer),
};

/** Returns whether a condition holds. A missing answer makes every comparison false. */
export function holds(condition, answers) {
  if (condition.all) return condition.all.every((part) => holds(part, answers));
  if (condition.any) return condition.any.some((part) => holds(part, answers));
  if (condition.not) return !holds(condition.not, answers);
  const answer = answers[condition.item];
  const known = answer !== undefined && answer !== null;
  if (condition.op === "answered") return known;
  return known && COMPARE[condition.op](answer, condition.value);
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
