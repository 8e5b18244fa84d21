// Pages are whole without this. It keeps a form from being sent twice, which the page would answer with "has changed meanwhile".
"use strict";
addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  // After the form's data were gathered, which a button must not be missing from.
  setTimeout(() => event.target.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
});
// A page that is come back to by the browser's history may be sent again.
addEventListener("pageshow", () => document.querySelectorAll("button:disabled").forEach((button) => { button.disabled = false; }));
