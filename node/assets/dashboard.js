// The page is whole without this, by a reload: it shows what reads differently as soon as the node says so.
"use strict";
const lost = document.getElementById("lost");
let source = null;
function listen() {
  if (source || document.hidden) return;
  source = new EventSource(`/live?lang=${document.documentElement.lang}`);
  source.addEventListener("pieces", (event) => {
    lost.hidden = true;
    for (const [id, piece] of Object.entries(JSON.parse(event.data))) {
      const place = document.getElementById(id);
      // A reader who has the focus in it keeps what they read.
      if (place?.hasAttribute("data-live") && !place.contains(document.activeElement)) place.innerHTML = piece;
    }
  });
  source.addEventListener("open", () => { lost.hidden = true; });
  source.addEventListener("error", () => { lost.hidden = false; });
}
function pause() {
  source?.close();
  source = null;
}
document.addEventListener("visibilitychange", () => { if (document.hidden) pause(); else listen(); });
addEventListener("pagehide", pause);
addEventListener("pageshow", listen);
