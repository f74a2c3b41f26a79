// Shows the preview of a schedule without leaving the form. Without this file the same buttons
// load the same pages; nothing here is needed.

document.addEventListener("submit", async (event) => {
  const { target: form, submitter: button } = event;
  const action = button?.getAttribute("formaction");
  if (!action || !form.matches("[data-preview]") || form.dataset.plain) return;
  event.preventDefault();
  try {
    const body = new URLSearchParams(new FormData(form));
    const reply = await fetch(action, { method: "POST", body });
    if (reply.redirected) location.assign(reply.url);
    else show(new DOMParser().parseFromString(await reply.text(), "text/html"));
  } catch {
    form.dataset.plain = "yes"; // no network: the ordinary way, so the browser itself tells
    form.requestSubmit(button);
  }
});

function show(page) {
  const main = document.querySelector("main");
  for (const field of page.querySelectorAll("[autofocus]")) field.removeAttribute("autofocus");
  main.replaceChildren(...page.querySelector("main").childNodes);
  const target = main.querySelector("[aria-invalid]") ?? main.querySelector("#problem, #preview");
  target?.focus();
  target?.scrollIntoView({ block: target.id === "preview" ? "start" : "center" });
}
