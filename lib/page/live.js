// Keeps a page up to date while it is open: the server tells when something has changed, and the
// page is asked for anew. Without this script everything else works, by reloading.

const connection = document.getElementById("connection");
const say = (text) => {
  if (connection && connection.textContent !== text) connection.textContent = text;
};

/** Puts the parts of a fresh page that have changed in place of the old ones. */
const refresh = async () => {
  const response = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const part = fresh.getElementById(old.id);
    if (part && part.innerHTML !== old.innerHTML) replace(old, part);
  }
  if (fresh.title !== document.title) document.title = fresh.title;
};

/** Replaces what is in a part; whoever was on a link by keyboard stays on it. */
const replace = (old, part) => {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const href = focused?.getAttribute("href");
  old.replaceChildren(...part.childNodes);
  if (href) old.querySelector(`[href="${CSS.escape(href)}"]`)?.focus({ preventScroll: true });
};

let busy = false;
let again = false;
const refreshSoon = async () => {
  again = true;
  if (busy) return;
  busy = true;
  while (again) {
    again = false;
    // The stream tells when the server is back; until then the page stays as it is.
    await refresh().catch(() => {});
  }
  busy = false;
};

let missed = false;
const events = new EventSource("/events");
events.addEventListener("open", () => {
  say("Live");
  if (missed) refreshSoon();
  missed = false;
});
events.addEventListener("error", () => {
  missed = true;
  say(events.readyState === EventSource.CLOSED ? "Not live" : "Connecting again…");
});
events.addEventListener("changed", refreshSoon);
events.addEventListener("progress", ({ data }) => {
  const place = document.getElementById("progress");
  if (place) place.innerHTML = data;
});

// Ages grow although nothing happens.
setInterval(() => {
  if (!document.hidden) refreshSoon();
}, 60_000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && missed) refreshSoon();
});
