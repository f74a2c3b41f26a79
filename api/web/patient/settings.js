// This phone: notifications, and signing out.

import { Unreachable } from "/app/api.js";
import { announce, button, el } from "/app/dom.js";
import * as outbox from "/app/outbox.js";
import { signOut } from "/app/session.js";
import { testPanel } from "/app/testing.js";

const NEUTRAL = "You have a new prompt.";

/** Returns the folded panel with the settings of this phone. */
export function settingsPanel({ onSignedOut }) {
  const line = el("div", { class: "stack" });
  const tell = () => line.replaceChildren(...notificationState(tell));
  return el("details", { class: "settings", on: { toggle: tell } },
    el("summary", { text: "This phone" }),
    el("div", { class: "stack" }, line, testPanel(), leaving(onSignedOut)));
}

function notificationState(again) {
  const state = "Notification" in window ? Notification.permission : "unsupported";
  const words = {
    granted: "Notifications are on. They only say that there is a new prompt, never what it is about.",
    denied: "Notifications are off for this page. You can allow them in the settings of your browser.",
    unsupported: "This browser shows no notifications. New prompts appear here while the page is open.",
    default: "A notification can tell you when a new prompt comes. It never says what it is about.",
  };
  const ask = async () => {
    await Notification.requestPermission();
    again();
    announce(words[Notification.permission]);
  };
  const sentence = el("p", { text: words[state] });
  return state === "default" ? [sentence, button("Allow notifications", "quiet", ask)] : [sentence];
}

function leaving(onSignedOut) {
  const open = button("Sign this phone out", "quiet", () => confirmLeaving(onSignedOut));
  return el("div", {}, open);
}

function confirmLeaving(onSignedOut) {
  const unsent = outbox.entries().length;
  const loss = unsent === 0 ? "" : ` ${unsent === 1 ? "One answer is" : `${unsent} answers are`} not sent yet and would be lost.`;
  const fault = el("p", { class: "fault", role: "alert" });
  const leave = button("Sign out", "primary", async () => {
    leave.disabled = true;
    try {
      await signOut();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      leave.disabled = false;
      fault.textContent = "Signing out needs a connection. Please try again when you are online.";
      return;
    }
    dialog.close();
    onSignedOut();
  });
  const dialog = el("dialog", { class: "card", "aria-labelledby": "leave-title" },
    el("h2", { id: "leave-title", text: "Sign this phone out?" }),
    el("p", { text: `No more prompts come to this phone, and what is kept here is removed.${loss}` }),
    fault,
    el("div", { class: "row" }, leave, button("Stay connected", "quiet", () => dialog.close())));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Shows a notification with neutral words, if allowed and the page is out of sight. */
export async function notify(promptId) {
  if (document.visibilityState === "visible") return;
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const options = { body: NEUTRAL, tag: promptId, icon: "/app/icon-180.png" };
  const worker = await navigator.serviceWorker?.getRegistration("/app/");
  if (worker) await worker.showNotification("Welltimed", options);
  else new Notification("Welltimed", options);
}

/** Takes the notification of a prompt away once the prompt is opened. */
export async function withdraw(promptId) {
  const worker = await navigator.serviceWorker?.getRegistration("/app/");
  const shown = (await worker?.getNotifications?.({ tag: promptId })) ?? [];
  for (const notification of shown) notification.close();
}
