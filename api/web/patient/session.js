// Who this phone is: enrolment, the credential, and losing it.

import { call, Refused } from "/app/api.js";
import * as storage from "/app/storage.js";
import { zone } from "/app/time.js";

/** Everything other modules announce: "revoked", "prompts", "sent", "waiting", "held", ... */
export const events = new EventTarget();

/** Sends one named event with a detail to whoever listens. */
export function emit(name, detail = null) {
  events.dispatchEvent(new CustomEvent(name, { detail }));
}

/** Returns {device_id, credential, channel} or null before enrolment. */
export const device = () => storage.read("device");

/** Returns a code as it is compared: capital letters and digits, without spaces and dashes. */
export function plainCode(text) {
  return text.toUpperCase().replace(/[^A-Z0-9]/g, "");
}

/** Turns a code into a credential and keeps it. Throws Refused or Unreachable. */
export async function enrol(code) {
  const body = { code: plainCode(code), zone: zone(), platform: "web", push_token: null };
  const reply = await call("POST", "/v1/devices", { body });
  storage.remove("push-token");
  storage.write("device", reply);
  storage.write("zone", body.zone);
  return reply;
}

/** Calls the API as this device. A 401 forgets the credential and announces "revoked". */
export async function authorised(method, path, body, ifMatch) {
  const mine = device();
  if (mine === null) throw new Refused(401, { detail: "This phone is not connected." });
  try {
    return await call(method, path, { body, credential: mine.credential, ifMatch });
  } catch (error) {
    // A late 401 to a former credential must not sign out the new one.
    const current = device()?.credential === mine.credential;
    if (error instanceof Refused && error.status === 401 && current) revoke();
    throw error;
  }
}

/** Asks the server by which channel prompts come now; returns whether that changed. */
export async function renewChannel() {
  const { channel } = await authorised("GET", "/v1/device");
  const mine = device();
  if (mine === null || JSON.stringify(channel) === JSON.stringify(mine.channel)) return false;
  storage.write("device", { ...mine, channel });
  return true;
}

/** Tells the server when this phone is in another zone than it said last. */
export async function tellZone() {
  const here = zone();
  if (storage.read("zone") === here) return;
  await authorised("PUT", "/v1/device/zone", { zone: here });
  storage.write("zone", here);
}

// Unsent answers, drafts and safety notes stay: they belong to the patient, not to the credential.
function revoke() {
  for (const key of ["device", "push-token", "zone", "prompts", "week", "offers", "schedule", "hours"]) storage.remove(key);
  emit("revoked");
}

/** Signs this phone out at the server, then forgets everything. Throws Unreachable. */
export async function signOut() {
  try {
    await authorised("DELETE", "/v1/device");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  storage.clear();
}
