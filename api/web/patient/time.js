// Instants as this device's clock reads them. The server corrects for a wrong clock with the
// Device-Time header.

const two = (number) => String(number).padStart(2, "0");

/** Returns an ISO 8601 instant with the local offset, such as 2026-11-24T13:42:05.123+01:00. */
export function stamp(at = new Date()) {
  const east = -at.getTimezoneOffset();
  const shifted = new Date(at.getTime() + east * 60_000);
  const size = Math.abs(east);
  const offset = `${east < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  return shifted.toISOString().slice(0, -1) + offset;
}

/** Returns the local wall time of an instant for reading, such as 14:35. */
export function clockTime(instant) {
  return new Date(instant).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
}

/** Returns the IANA name of this device's zone; UTC where the browser does not tell. */
export function zone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** Returns an id for something made on this phone (UUID version 4), also outside HTTPS. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Returns the day of an instant as people call it at `now`: Today, Tomorrow, Fri 27 Nov. */
export function dayName(instant, now) {
  const days = Math.round((midnight(instant) - midnight(now)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Tomorrow";
  return new Date(instant).toLocaleDateString([], { weekday: "short", day: "numeric", month: "short" });
}

const midnight = (instant) => new Date(instant).setHours(0, 0, 0, 0);

/** Returns the local date of an instant as a date field has it, such as 2026-11-24. */
export function isoDate(instant) {
  const at = new Date(instant);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
