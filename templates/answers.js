// The browser of the models' answers to the benchmarks.
"use strict";
(async () => {
  const form = document.getElementById("answers-form");
  const questions = await payload.unpack("answers");
  const list = pagedList(document.getElementById("answers-list"), { head, body });
  const OUTCOMES = {
    gained: "gained: only the second model passes", lost: "lost: only the first model passes",
    both: "all pass", neither: "none passes", mixed: "some pass",
  };
  fill(form.benchmark, [...new Set(questions.map((q) => q.benchmark))].map((name) => [name, name]));
  const present = new Set(questions.map(outcome));
  fill(form.outcome, Object.entries(OUTCOMES).filter(([name]) => present.has(name)));
  onFilter(form, apply);
  apply();

  function outcome(question) {
    const passed = question.answers.map((answer) => answer.passed > 0);
    if (passed.every(Boolean)) return "both";
    if (!passed.some(Boolean)) return "neither";
    if (passed.length === 2) return passed[1] ? "gained" : "lost";
    return "mixed";
  }

  async function apply() {
    const needle = form.text.value.trim().toLowerCase();
    const found = [];
    questions.forEach((question, n) => {
      if (form.benchmark.value && question.benchmark !== form.benchmark.value) return;
      if (form.outcome.value && outcome(question) !== form.outcome.value) return;
      if (needle && !JSON.stringify(Object.values(question.answers.map((a) => a.text)).concat(question.task_id, question.prompt ?? "")).toLowerCase().includes(needle)) return;
      found.push(n);
    });
    await list.show(found);
    list.say(`${found.length.toLocaleString("en")} of ${questions.length.toLocaleString("en")} problems`);
  }

  function score(answer) {
    if (answer.samples === 1) return `${answer.label} ${answer.passed ? "✓" : "✗"}`;
    return `${answer.label} ${answer.passed} of ${answer.samples}`;
  }

  function head(n) {
    const { benchmark, task_id: task, answers } = questions[n];
    return [
      element("span", { className: "first", textContent: `${benchmark}: ${task}` }),
      element("span", { className: "marks", textContent: answers.map(score).join("  ") }),
    ];
  }

  function body(n) {
    const { prompt, answers } = questions[n];
    const needle = form.text.value.trim().toLowerCase();
    const panels = answers.map((answer) => element(
      "section", {},
      element("h3", {}, `${answer.label} `, element("span", { className: `badge ${answer.passed ? "good" : "bad"}`, textContent: answer.result })),
      element("pre", { tabIndex: 0 }, ...marked(answer.text || "(empty answer)", needle)),
    ));
    return element("div", { className: "body" },
      element("h3", { textContent: "Prompt" }),
      element("pre", { tabIndex: 0 }, ...marked(prompt ?? "(the benchmark is not available)", needle)),
      element("div", { className: "pair" }, ...panels));
  }
})();
