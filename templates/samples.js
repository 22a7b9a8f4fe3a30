// The browser of records: filters by the index, searches texts piece by piece, shows an attempt next to its parent.
"use strict";
(async () => {
  const form = document.getElementById("samples-form");
  const COLUMNS = ["heuristic", "outcome", "reason", "verdict", "language"];
  const MARKS = { trained: "✓", rejected: "✗" };
  const MOST_CELLS = 4_000_000; // of a comparison of words; longer texts are shown without marks
  const KEPT_PIECES = 12;

  const index = await payload.unpack("samples-index");
  const lineages = index.attempts.length;
  const starts = sums(index.attempts); // a lineage's first attempt
  const pieceStarts = sums(index.pieces); // a piece's first lineage
  const pieces = new Map(); // the last used, oldest first
  const list = pagedList(document.getElementById("samples-list"), { head, body });
  let hits = null; // 1 for each attempt that matches the filters; null: no filter is set
  let needle = "";
  let run = 0;

  for (const name of COLUMNS) {
    const pairs = index.words[name].map((word, n) => [String(n), name === "outcome" ? index.outcomes[word] : word]);
    fill(form[name], pairs.filter(([, text]) => text));
  }
  fill(form.round, [...new Set(index.round)].sort((a, b) => a - b).map((n) => [String(n), n ? `r${n}` : "r0 (seed)"]));
  onFilter(form, apply);
  apply();

  function sums(counts) {
    let sum = 0;
    return counts.map((count) => (sum += count) - count);
  }

  async function piece(number) {
    let found = pieces.get(number);
    pieces.delete(number);
    if (!found) found = payload.unpack(`samples-${number}`);
    pieces.set(number, found);
    if (pieces.size > KEPT_PIECES) pieces.delete(pieces.keys().next().value);
    return found;
  }

  async function texts(lineage) {
    let low = 0;
    let high = pieceStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (pieceStarts[middle] <= lineage) low = middle;
      else high = middle - 1;
    }
    return (await piece(low))[lineage - pieceStarts[low]].map(
      ([id, parent, instruction, response, detail, flags]) => ({ id, parent, instruction, response, detail, flags }),
    );
  }

  function fitsIndex() {
    const wanted = ["round", ...COLUMNS].filter((name) => form[name].value !== "").map((name) => [index[name], Number(form[name].value)]);
    if (!wanted.length) return null;
    const fits = new Uint8Array(index.round.length);
    for (let step = 0; step < fits.length; step++) fits[step] = wanted.every(([column, value]) => column[step] === value) ? 1 : 0;
    return fits;
  }

  function within(fits, lineage) {
    return !fits || fits.subarray(starts[lineage], starts[lineage] + index.attempts[lineage]).includes(1);
  }

  async function apply() {
    const own = ++run;
    const fits = fitsIndex();
    needle = form.text.value.trim().toLowerCase();
    const candidates = [];
    for (let lineage = 0; lineage < lineages; lineage++) if (within(fits, lineage)) candidates.push(lineage);
    if (!needle) {
      hits = fits;
      await list.show(candidates);
      if (own === run) say(candidates.length);
      return;
    }
    await search(own, fits, candidates);
  }

  // Searches the texts of all candidates; matches appear at once.
  async function search(own, fits, candidates) {
    const found = [];
    hits = new Uint8Array(index.round.length);
    list.show([]);
    let shown = 0;
    let last = performance.now();
    let at = 0;
    for (let number = 0; number < pieceStarts.length && at < candidates.length; number++) {
      const end = pieceStarts[number] + index.pieces[number];
      if (candidates[at] >= end) continue;
      const opened = await (pieces.get(number) ?? payload.unpack(`samples-${number}`));
      if (own !== run) return;
      for (; at < candidates.length && candidates[at] < end; at++) {
        const lineage = candidates[at];
        let any = false;
        opened[lineage - pieceStarts[number]].forEach(([id, , instruction, response], n) => {
          const step = starts[lineage] + n;
          if (fits && !fits[step]) return;
          if (`${id}\n${instruction}\n${response}`.toLowerCase().includes(needle)) { hits[step] = 1; any = true; }
        });
        if (any) found.push(lineage);
      }
      if (performance.now() - last > 200) {
        last = performance.now();
        list.say(`Searching, ${Math.round((100 * end) / lineages)} %: ${found.length.toLocaleString("en")} found`);
        if (found.length > shown) { shown = found.length; list.show(found.slice(), true); }
      }
    }
    await list.show(found, true);
    if (own === run) say(found.length);
  }

  function say(count) {
    const all = lineages.toLocaleString("en");
    list.say(`${count.toLocaleString("en")} of ${all} seeds, ${index.round.length.toLocaleString("en")} records in all`);
  }

  const word = (name, step) => index.words[name][index[name][step]];

  async function head(lineage) {
    const steps = await texts(lineage);
    const marks = steps.map((_, n) => {
      const outcome = word("outcome", starts[lineage] + n);
      const round = index.round[starts[lineage] + n];
      return `r${round} ${MARKS[outcome] ?? "−"}`;
    });
    const first = steps[0].instruction.trim().split("\n")[0].slice(0, 300) || "(empty instruction)";
    return [element("span", { className: "first", textContent: first }), element("span", { className: "marks", textContent: marks.join("  ") })];
  }

  async function body(lineage) {
    const steps = await texts(lineage);
    const places = new Map(); // the accepted step that an id names: a rejected attempt can have its parent's name
    const shown = steps.map((step, n) => {
      const made = drawStep(step, starts[lineage] + n, steps[places.get(step.parent)]);
      if (word("outcome", starts[lineage] + n) !== "rejected") places.set(step.id, n);
      return made;
    });
    return element("div", { className: "body" }, ...shown);
  }

  function drawStep(step, number, before) {
    const [round, heuristic, outcome, reason, verdict, language] = ["round", ...COLUMNS].map((name) => (name === "round" ? index.round[number] : word(name, number)));
    const kind = outcome === "trained" ? "good" : ["not_merged", "held_out"].includes(outcome) ? "" : "bad";
    const title = element("h3", {}, round ? `Round ${round}: ${heuristic} ` : "Seed ", badge(index.outcomes[outcome], kind));
    if (verdict) title.append(badge([language, verdict].filter(Boolean).join(": "), verdict === "ran" ? "good" : ""));
    else if (language) title.append(badge(language));
    for (const flag of step.flags) title.append(badge(`flag: ${flag}`, "bad"));
    const why = [reason, step.detail].filter(Boolean).join(": ");
    const [old, now] = before ? differences(before.instruction, step.instruction) : [null, marked(step.instruction, needle)];
    const made = element("section", { className: "step" }, title);
    made.classList.toggle("hit", Boolean(hits && hits[number]));
    if (why) made.append(element("p", { className: "why", textContent: why }));
    made.append(element("p", { className: "note why", textContent: step.id }));
    const pair = element("div", { className: "pair" });
    if (old) pair.append(panel("Instruction before", old));
    pair.append(panel(old ? "Instruction after" : "Instruction", step.instruction ? now : ["(none)"]));
    const answer = step.response ? panel("Answer", marked(step.response, needle)) : null;
    if (old) made.append(pair, ...(answer ? [answer] : []));
    else { if (answer) pair.append(answer); made.append(pair); }
    return made;
  }

  function badge(text, kind = "") {
    return element("span", { className: `badge ${kind}`, textContent: text });
  }

  function panel(title, parts) {
    const text = element("pre", { tabIndex: 0 }, ...parts);
    text.setAttribute("aria-label", title);
    return element("section", {}, element("h4", { className: "quiet", textContent: title }), text);
  }

  // Returns both texts in parts, with the words that only one of them has as <del> and <ins>.
  function differences(before, after) {
    const a = before.match(/\s+|\w+|[^\w\s]/gu) ?? [];
    const b = after.match(/\s+|\w+|[^\w\s]/gu) ?? [];
    if (a.length * b.length > MOST_CELLS) return [[before], [after]];
    const width = b.length + 1;
    const common = new Uint32Array((a.length + 1) * width); // length of the longest common subsequence from here on
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        common[i * width + j] = a[i] === b[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    const old = [];
    const now = [];
    let i = 0;
    let j = 0;
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) { put(old, "", a[i++]); put(now, "", b[j++]); }
      else if (j < b.length && (i === a.length || common[i * width + j + 1] >= common[(i + 1) * width + j])) put(now, "ins", b[j++]);
      else put(old, "del", a[i++]);
    }
    return [old, now].map((parts) => parts.map(([tag, text]) => (tag ? element(tag, {}, text) : text)));
  }

  function put(parts, tag, text) {
    const last = parts.at(-1);
    if (last && last[0] === tag) last[1] += text;
    else parts.push([tag, text]);
  }
})();
