// Pages are whole without this: it keeps a form from being sent twice, which the page would answer with "has changed meanwhile",
// and shows what goes on as it goes on, for which a reload does as well.
"use strict";
addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  // After the form's data were gathered, which a button must not be missing from.
  setTimeout(() => event.target.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
});
// A page that is come back to by the browser's history may be sent again.
addEventListener("pageshow", () => document.querySelectorAll("button:disabled").forEach((button) => { button.disabled = false; }));

// Pieces of this page that its server made again, each for the place that bears its name.
const events = new URL("live", document.currentScript.src);
let source = null;
function show(pieces) {
  for (const [id, piece] of Object.entries(pieces)) {
    const place = document.getElementById(id);
    if (!place || !place.hasAttribute("data-live")) continue;
    const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
    place.innerHTML = piece;
    if (focused) document.getElementById(focused)?.focus();
  }
}
function listen() {
  if (source || document.hidden || !document.querySelector("[data-live]")) return;
  const lost = document.getElementById("lost");
  source = new EventSource(events);
  source.addEventListener("pieces", (event) => { lost.hidden = true; show(JSON.parse(event.data)); });
  source.addEventListener("error", () => { lost.hidden = false; });
}
// A page that nobody looks at takes no connection from those that are looked at.
function pause() {
  source?.close();
  source = null;
}
document.addEventListener("visibilitychange", () => { if (document.hidden) pause(); else listen(); });
addEventListener("pagehide", pause);
addEventListener("pageshow", listen);
