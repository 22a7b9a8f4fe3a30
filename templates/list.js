// A paged list of entries that open. Only the entries of one page are in the document.
"use strict";
const PAGE_SIZE = 25;

// `head(id)` and `body(id)` return (promises of) an entry's elements; `show(ids)` sets the list's entries.
function pagedList(place, { head, body }) {
  const status = element("p", { className: "status" });
  status.setAttribute("role", "status");
  const entries = element("ol", { className: "entries" });
  const back = element("button", { type: "button", textContent: "Previous" });
  const next = element("button", { type: "button", textContent: "Next" });
  const where = element("span", {});
  place.append(status, entries, element("div", { className: "pages" }, back, next, where));
  let ids = [];
  let page = 0;
  let drawing = 0;
  let drawn = new Map(); // the entries of this page by id

  async function draw(keep = false) {
    const run = ++drawing;
    const shown = ids.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
    const made = await Promise.all(shown.map((id) => (keep && drawn.get(id)) || entry(id)));
    if (run !== drawing) return; // another draw has started since
    drawn = new Map(shown.map((id, n) => [id, made[n]]));
    made.forEach((item, n) => { if (entries.children[n] !== item) entries.insertBefore(item, entries.children[n] ?? null); });
    while (entries.children.length > made.length) entries.lastChild.remove();
    const pages = Math.max(1, Math.ceil(ids.length / PAGE_SIZE));
    where.textContent = `Page ${(page + 1).toLocaleString("en")} of ${pages.toLocaleString("en")}`;
    back.disabled = page === 0;
    next.disabled = page >= pages - 1;
  }

  async function entry(id) {
    const details = element("details", {}, element("summary", {}, ...(await head(id))));
    details.addEventListener("toggle", async () => {
      if (details.open && details.children.length === 1) details.append(await body(id));
    });
    return element("li", {}, details);
  }

  function turn(by) {
    page += by;
    draw().then(() => entries.querySelector("summary")?.focus());
  }
  back.addEventListener("click", () => turn(-1));
  next.addEventListener("click", () => turn(1));

  return {
    say(text) { status.textContent = text; },
    // A list that has only grown keeps its page and its open entries.
    show(found, grew = false) {
      ids = found;
      if (!grew) page = 0;
      return draw(grew);
    },
  };
}

// Fills a select with [value, text] pairs.
function fill(select, pairs) {
  select.append(...pairs.map(([value, text]) => element("option", { value, textContent: text })));
  select.disabled = pairs.length === 0;
}

// Calls `apply` when a form changes; a text that is typed waits until it rests.
function onFilter(form, apply) {
  let timer = 0;
  const soon = (wait) => { clearTimeout(timer); timer = setTimeout(apply, wait); };
  form.addEventListener("submit", (event) => { event.preventDefault(); soon(0); });
  form.addEventListener("input", (event) => soon(event.target.name === "text" ? 250 : 0));
  form.addEventListener("reset", () => soon(0)); // after the browser emptied the fields
}

// Returns a text in parts, with each occurrence of the needle marked.
function marked(text, needle) {
  if (!needle) return [text];
  const found = [];
  const low = text.toLowerCase();
  let from = 0;
  for (let at = low.indexOf(needle); at >= 0; at = low.indexOf(needle, from)) {
    found.push(text.slice(from, at), element("mark", {}, text.slice(at, at + needle.length)));
    from = at + needle.length;
  }
  return [...found, text.slice(from)];
}
