// One HTTP call to the JSON API, and the two ways it can end badly.

import { stamp } from "/app/time.js";

const PATIENCE_MS = 15_000;

/** The server answered with a problem document (RFC 9457): it was understood and refused. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.errors = Array.isArray(problem.errors) ? problem.errors : [];
  }
}

/** No usable answer: offline, time-out, overload, or something between us and the server. */
export class Unreachable extends Error {
  constructor(reason, retryAfterSeconds = null, status = null) {
    super(reason);
    this.retryAfterSeconds = retryAfterSeconds;
    this.status = status;
  }
}

/**
 * Returns the JSON of a 2xx answer (null for 204). `ifMatch` is the version that is changed.
 * Throws Refused for a 4xx problem document, Unreachable for everything else. A login page of a
 * public network answers 200 or 401 with HTML: that counts as Unreachable, never as a reply.
 */
export async function call(method, path, { body, credential, ifMatch } = {}) {
  const headers = { Accept: "application/json", "Device-Time": stamp() };
  if (ifMatch !== undefined) headers["If-Match"] = `"${ifMatch}"`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (credential) headers.Authorization = `Bearer ${credential}`;
  const reply = await attempt(path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (reply.status === 204) return null;
  const json = await jsonOf(reply);
  if (reply.ok && json !== null) return json;
  const temporary = [408, 425, 429].includes(reply.status) || reply.status >= 500;
  if (temporary || json === null) throw new Unreachable(`status ${reply.status}`, waitOf(reply), reply.status);
  throw new Refused(reply.status, json);
}

async function attempt(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    throw new Unreachable(String(error));
  }
}

async function jsonOf(reply) {
  if (!/[/+]json\b/.test(reply.headers.get("Content-Type") ?? "")) return null;
  try {
    return await reply.json();
  } catch {
    return null;
  }
}

function waitOf(reply) {
  const seconds = Number(reply.headers.get("Retry-After"));
  return seconds > 0 ? seconds : null;
}
