"use strict";
// Shows times in the reader's time zone, chooses all rows, and shows a page again when it has changed.

const READABLE = { dateStyle: "medium", timeStyle: "short" };

function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const local = new Date(time.dateTime).toLocaleString(undefined, READABLE);
    if ("exact" in time.dataset) time.textContent = local;
    time.title = `${local} (${time.dateTime})`;
  }
}

function isInUse(main) {
  const field = document.activeElement;
  return main.querySelector("input[name]:checked:not([name=needs_attention])") !== null
    || (main.contains(field) && /^(INPUT|SELECT|TEXTAREA)$/.test(field.tagName));
}

async function showAgain(main) {
  const answer = await fetch(location.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const other = page.querySelector("main[data-changes]");
  if (!answer.ok || !other) { location.reload(); return; }
  localTimes(other);
  main.replaceChildren(...other.childNodes);
}

function watch(main) {
  const news = document.querySelector(".news");
  const address = new URL(main.dataset.changes, location.href);
  let source = null;

  function open() {
    source = new EventSource(address);
    source.addEventListener("changed", (event) => {
      address.searchParams.set("seen", event.lastEventId);
      if (isInUse(main)) news.hidden = false;
      else showAgain(main).catch(() => { news.hidden = false; });
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) news.hidden = false; // such as a session that has ended
    });
  }

  // A browser has six connections for a host: streams of pages that nobody looks at would use them up.
  document.addEventListener("visibilitychange", () => {
    source?.close();
    source = null;
    if (!document.hidden) open();
  });
  if (!document.hidden) open();
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-all]")) return;
  for (const box of event.target.form.querySelectorAll("input[type=checkbox][name]")) box.checked = event.target.checked;
});

// A button that is touched twice sends its form once.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if ("sent" in event.target.dataset) event.preventDefault();
  event.target.dataset.sent = "";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

localTimes(document);
const main = document.querySelector("main[data-changes]");
if (main) watch(main);
