// Updates an open page: the server sends an event after a change, and the script fetches the page
// again. Without scripts the page works too, by reloading.

const connection = document.getElementById("connection");
const showConnection = (text) => {
  if (connection && connection.textContent !== text) connection.textContent = text;
};

/** Fetches the page and replaces the parts that have changed. */
const refresh = async () => {
  const response = await fetch(location.href, { headers: { accept: "text/html" } });
  if (response.status === 401) showConnection("Logged out: reload to log in");
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const part = fresh.getElementById(old.id);
    if (part && part.innerHTML !== old.innerHTML) replace(old, part);
  }
  if (fresh.title !== document.title) document.title = fresh.title;
};

/** Replaces the content of a part; a focused link or button keeps the focus. */
const replace = (old, part) => {
  const selector = old.contains(document.activeElement) ? selectorOf(document.activeElement) : null;
  old.replaceChildren(...part.childNodes);
  old.toggleAttribute("data-refresh", part.hasAttribute("data-refresh"));
  if (selector) old.querySelector(selector)?.focus({ preventScroll: true });
};

const selectorOf = (element) => {
  const name = ["href", "value"].find((one) => element.hasAttribute(one));
  return name ? `[${name}="${CSS.escape(element.getAttribute(name))}"]` : null;
};

let busy = false;
let again = false;
const refreshSoon = async () => {
  again = true;
  if (busy) return;
  busy = true;
  while (again) {
    again = false;
    // The stream reconnects when the server is back; until then the old content stays.
    await refresh().catch(() => {});
  }
  busy = false;
};

let missed = false;
const events = new EventSource("/events");
events.addEventListener("open", () => {
  showConnection("Live");
  if (missed) refreshSoon();
  missed = false;
});
events.addEventListener("error", () => {
  missed = true;
  showConnection(events.readyState === EventSource.CLOSED ? "Not live" : "Reconnecting…");
});
events.addEventListener("changed", refreshSoon);
events.addEventListener("progress", ({ data }) => {
  const place = document.getElementById("progress");
  if (place) place.innerHTML = data;
  if (document.querySelector("[data-refresh]")) refreshSoon();
});

// Relative times age without events.
setInterval(() => {
  if (!document.hidden) refreshSoon();
}, 60_000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && missed) refreshSoon();
});
