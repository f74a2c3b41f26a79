// Service worker of the patient page: opens the shell without a network and handles taps on
// notifications. It answers only requests for the files named here, so nothing from /v1 (prompts,
// answers) ever enters a cache.
//
// The shell is served from the cache first. Each opening of the page then fetches the whole set in
// the background and replaces it only when every file came: two versions are never mixed.
"use strict";

const CACHE = "welltimed-shell";
const HOME = "/app/";
const SHELL = [
  HOME,
  "/app/app.css",
  "/app/icon.svg",
  "/app/icon-180.png",
  "/app/manifest.webmanifest",
  "/app/main.js",
  "/app/actions.js",
  "/app/answering.js",
  "/app/api.js",
  "/app/cards.js",
  "/app/channel.js",
  "/app/conditions.js",
  "/app/dom.js",
  "/app/fields.js",
  "/app/form.js",
  "/app/hours.js",
  "/app/moment.js",
  "/app/mytimes.js",
  "/app/offers.js",
  "/app/outbox.js",
  "/app/prompts.js",
  "/app/queue.js",
  "/app/receipts.js",
  "/app/session.js",
  "/app/settings.js",
  "/app/storage.js",
  "/app/sync.js",
  "/app/testing.js",
  "/app/time.js",
  "/app/views.js",
];

async function renew() {
  const replies = await Promise.all(SHELL.map((path) => fetch(path, { cache: "no-cache" })));
  const sound = replies.every((reply) => reply.ok && !reply.redirected);
  if (!sound) throw new Error("the shell could not be fetched whole");
  const cache = await caches.open(CACHE);
  await Promise.all(SHELL.map((path, index) => cache.put(path, replies[index])));
}

async function fromShell(path, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(renew());
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  const opening = request.mode === "navigate" && url.pathname.startsWith(HOME);
  const path = opening ? HOME : url.pathname;
  if (!SHELL.includes(path)) return;
  event.respondWith(fromShell(path, request));
  // Offline this fails, and the cached set stays as it is.
  if (opening) event.waitUntil(renew().catch(() => undefined));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(bringForward());
});

async function bringForward() {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const open = pages.find((page) => new URL(page.url).pathname.startsWith(HOME));
  return open ? open.focus() : self.clients.openWindow(HOME);
}
