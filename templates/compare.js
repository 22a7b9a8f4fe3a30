// Blind comparison. The rater's name determines the order of the items and which model is A. Votes are stored in this browser,
// can be saved as a file, and are sent to the server if there is one.
"use strict";
(async () => {
  const at = (id) => document.getElementById(id);
  const comparison = await payload.unpack("comparison");
  const served = location.protocol.startsWith("http");
  const pending = []; // votes that the server does not have yet
  let rater = "";
  let order = [];
  let votes = []; // [item, choice] in the order of voting
  let sending = false;

  at("server-note").hidden = at("over-server").hidden = !served;
  at("none").hidden = comparison.items.length > 0;
  at("start").hidden = comparison.items.length === 0;
  at("start").addEventListener("submit", (event) => { event.preventDefault(); begin(event.target.rater.value); });
  for (const button of document.querySelectorAll("[data-side]")) button.addEventListener("click", () => vote(button.dataset.side));
  at("undo").addEventListener("click", undo);
  at("save").addEventListener("click", save);
  const KEYS = { a: () => vote("A"), b: () => vote("B"), t: () => vote("tie"), x: () => vote("both_bad"), u: undo, s: save };
  Object.assign(KEYS, { ArrowLeft: KEYS.a, ArrowRight: KEYS.b });
  document.addEventListener("keydown", (event) => {
    if (!rater || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.matches("input")) return;
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act) { event.preventDefault(); act(); }
  });

  // A number in 0..1 computed from a text (FNV-1a, then murmur3's finalizer).
  function chance(text) {
    let h = 0x811c9dc5;
    for (const unit of new TextEncoder().encode(text)) h = Math.imul(h ^ unit, 0x01000193);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
  }

  const seed = (what, item) => chance(`${comparison.digest}\n${rater}\n${what}\n${item.id}`);
  const swapped = (item) => seed("side", item) < 0.5;
  const place = () => `votes ${comparison.digest} ${rater}`;

  async function begin(name) {
    rater = name;
    order = comparison.items.map((item) => [seed("order", item), item]).sort((x, y) => x[0] - y[0]).map(([, item]) => item);
    votes = [];
    try { votes = JSON.parse(localStorage.getItem(place())) ?? []; } catch { /* no storage, or nothing stored */ }
    if (served) await fromServer();
    at("start").hidden = true;
    at("work").hidden = false;
    at("done").max = order.length;
    show();
  }

  // The server's file also holds votes from other browsers; votes of this browser that it lacks are sent.
  async function fromServer() {
    const answer = await fetch(`/votes/${rater}.jsonl`);
    if (!answer.ok) return;
    const there = new Map();
    for (const { comparison: digest, item, choice } of (await answer.text()).split("\n").filter(Boolean).map(JSON.parse)) {
      if (digest !== comparison.digest) continue;
      there.delete(item);
      if (choice !== "undone") there.set(item, choice);
    }
    const missing = votes.filter(([item]) => !there.has(item));
    votes = [...there, ...missing];
    for (const [item, choice] of missing) pending.push(line(item, choice));
    send();
  }

  function current() {
    const rated = new Set(votes.map(([item]) => item));
    return order.find((item) => !rated.has(item.id));
  }

  function show() {
    const item = current();
    at("done").value = votes.length;
    at("count").textContent = `${votes.length} of ${order.length}`;
    at("undo").disabled = at("save").disabled = votes.length === 0;
    at("task").hidden = !item;
    at("over").hidden = Boolean(item);
    for (const button of document.querySelectorAll("[data-side]")) button.disabled = !item;
    if (item) {
      const [first, second] = swapped(item) ? [item.b, item.a] : [item.a, item.b];
      for (const [id, text] of [["instruction", item.instruction], ["answer-a", first], ["answer-b", second]])
        at(id).textContent = text || "(empty answer)";
    }
    at(item ? "item-title" : "over-title").focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  function vote(side) {
    const item = current();
    if (!item) return;
    const choice = side === "A" || side === "B" ? ((side === "A") === swapped(item) ? "b" : "a") : side;
    votes.push([item.id, choice]);
    keep(item.id, choice);
  }

  function undo() {
    const last = votes.pop();
    if (last) keep(last[0], "undone");
  }

  function keep(item, choice) {
    try { localStorage.setItem(place(), JSON.stringify(votes)); say(""); }
    catch { say("This browser cannot store votes. Save them as a file before you close the page."); }
    if (served) { pending.push(line(item, choice)); send(); }
    show();
  }

  const line = (item, choice) => ({ rater, comparison: comparison.digest, item, choice });

  // Sends one at a time and in order; what fails is sent again with the next vote.
  async function send() {
    if (sending) return;
    sending = true;
    try {
      while (pending.length) {
        const answer = await fetch("/votes", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(pending[0]) });
        if (!answer.ok) throw new Error(await answer.text());
        pending.shift();
      }
      say("Saved.");
    } catch (error) {
      say(`The server did not accept the vote (${error.message}). It is stored in this browser: save your votes as a file.`);
    } finally { sending = false; }
  }

  function save() {
    if (!votes.length) return;
    const text = votes.map(([item, choice]) => `${JSON.stringify(line(item, choice))}\n`).join("");
    const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: "application/jsonl" })), download: `${rater}.jsonl` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    say(`${votes.length} votes saved as ${rater}.jsonl.`);
  }

  function say(text) { at("said").textContent = text; }
})();
