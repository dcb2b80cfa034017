// The marking machine: the same models, drawn anew for each way of marking them.
function unpack([low, high, text]) {
  const level = (i) => { const c = text.charCodeAt(i); return c - (c > 92 ? 36 : 35); };
  return Array.from({ length: text.length / 2 }, (_, i) => low + ((high - low) * (91 * level(2 * i) + level(2 * i + 1))) / 8280);
}
// Largest share of the whole change within one doubling of x, interpolated in log x.
function sharpness(x, m) {
  const u = x.map(Math.log2), n = u.length, top = Math.max(...m), bottom = Math.min(...m);
  const at = (v) => { let k = 1; while (k < n - 1 && v > u[k]) k++; return m[k - 1] + ((v - u[k - 1]) / (u[k] - u[k - 1])) * (m[k] - m[k - 1]); };
  const starts = [...u, ...u.map((v) => v - 1)].map((v) => clamp(v, u[0], u[n - 1] - 1));
  return top === bottom ? NaN : Math.max(...starts.map((v) => Math.abs(at(v + 1) - at(v)))) / (top - bottom);
}

function render({ model, el }) {
  const data = model.get("data"), { digits, questions } = data, names = Object.keys(data.tasks), marks = Object.keys(data.marks);
  const root = frame(el, "The marking machine: the same models, marked as you like");
  const panels = make("div", { class: "panels" }), rows = make("div", { class: "rows" });
  root.append(panels);
  const get = (name) => model.get(name);
  const put = (name, value) => { model.set(name, value); model.save_changes(); };
  const tasks = {};
  for (const name of names) {
    const t = data.tasks[name];
    tasks[name] = { params: t.params, seeds: t.seeds, marks: Object.fromEntries(marks.map((mark) => [mark, unpack(t.marks[mark])])) };
  }
  const listed = () => get("task") === names[0];
  // One curve for each seed.
  const curves = (mark) => {
    const t = tasks[get("task")], sizes = t.params.length;
    const block = listed() ? digits.indexOf(get("digits")) * questions.length + questions.indexOf(get("questions")) : 0;
    const all = t.marks[mark].slice(block * sizes * t.seeds, (block + 1) * sizes * t.seeds);
    return Array.from({ length: t.seeds }, (_, s) => t.params.map((_, k) => all[k * t.seeds + s]));
  };
  const sharp = (mark) => { const S = curves(mark).map((m) => sharpness(tasks[get("task")].params, m)); return { S, low: Math.min(...S), high: Math.max(...S), mean: S.reduce((s, v) => s + v, 0) / S.length }; };
  const range = ({ low, high, mean }) => (isNaN(low) ? "not defined" : `${low.toFixed(2)} to ${high.toFixed(2)}, mean ${mean.toFixed(2)},`);
  const left = plot(panels, {
    label: "The chosen mark against the number of parameters, a line for each seed and one for their mean",
    height: 280,
    painter: (axes) => {
      const t = tasks[get("task")], mark = get("mark"), lines = curves(mark), n = t.params.length, log = get("axis") !== "plain";
      const top = mark === "log_loss" || mark === "brier" ? Math.max(...t.marks[mark]) * 1.05 : 1.02;
      const p = axes({ low: log ? t.params[0] / 1.2 : 0, high: t.params[n - 1] * (log ? 1.2 : 1.04), log, label: "parameters of the blocks" }, { low: 0, high: top }, data.marks[mark]);
      lines.forEach((m) => {
        p.line(m.map((v, k) => [t.params[k], v]), { stroke: "var(--blue)", "stroke-width": 0.8, opacity: 0.5 });
        m.forEach((v, k) => p.dot(t.params[k], v, { r: 2.5, fill: "var(--blue)", opacity: 0.7 }));
      });
      p.line(t.params.map((x, k) => [x, lines.reduce((s, m) => s + m[k], 0) / lines.length]), { stroke: "var(--red)", "stroke-width": 2.2 });
    },
  });
  const right = plot(panels, {
    label: "Sharpness of all six marks for the same answers: the range over the seeds",
    height: 280,
    painter: (axes) => {
      const t = tasks[get("task")], p = axes({ low: 0, high: 1.02, label: "sharpness S, range over the seeds" }, { low: 0, high: 6, say: () => "" }, "S of each mark");
      const even = 1 / Math.log2(t.params[t.params.length - 1] / t.params[0]);
      p.line([[even, 0], [even, 6]], { stroke: "var(--grey)", "stroke-dasharray": "2 4" });
      marks.forEach((mark, k) => {
        const { low, high, mean } = sharp(mark), y = 5.3 - k, on = mark === get("mark"), color = on ? "var(--red)" : "var(--blue)";
        if (!isNaN(low)) {
          p.line([[low, y], [high, y]], { stroke: color, "stroke-width": 3 });
          p.dot(mean, y, { fill: color });
        }
        const [at, dx, dy, anchor] = isNaN(low) ? [0, 6, 4, "start"] : low > 0.45 ? [low, -8, 4, "end"] : high < 0.6 ? [high, 8, 4, "start"] : [(low + high) / 2, 0, -7, "middle"];
        p.text(at, y, data.marks[mark] + (isNaN(low) ? ": no change" : ""), { dx, dy, "text-anchor": anchor, class: on ? "head" : "" });
      });
    },
  });
  root.append(rows);
  const task = choice(rows, "What is asked", names.map((name) => [name, name]), (name) => put("task", name));
  const mark = choice(rows, "Mark", marks.map((name) => [name, data.marks[name]]), (name) => put("mark", name));
  const first = toggles(rows, "Digits that count", digits.map((k) => (k === digits[digits.length - 1] ? `all ${k}` : `first ${k}`)), (i) => put("digits", digits[i]));
  const asked = toggles(rows, "Questions", questions.map(String), (i) => put("questions", questions[i]));
  const only = [...rows.children].slice(-2).flatMap((line) => [...line.querySelectorAll("button")]);
  const axis = toggles(rows, "Axis of size", ["logarithmic", "plain"], (i) => put("axis", ["logarithmic", "plain"][i]));
  const say = speaker(root);
  const refresh = () => {
    const t = tasks[get("task")], k = get("digits"), S = sharp(get("mark")), name = (mark) => data.marks[mark].replace(/ \(.*/, "");
    task.set(get("task"));
    mark.set(get("mark"));
    first((i) => digits[i] === k);
    asked((i) => questions[i] === get("questions"));
    axis((i) => ["logarithmic", "plain"][i] === get("axis"));
    only.forEach((b) => { b.disabled = !listed(); });
    left();
    right();
    const all = marks.map((m) => [name(m), sharp(m)]).filter(([, s]) => !isNaN(s.low)).sort((a, b) => b[1].mean - a[1].mean);
    const doublings = Math.log2(t.params[t.params.length - 1] / t.params[0]);
    say(name(get("mark")).replace(/^./, (c) => c.toUpperCase()) + (listed() ? `, ${k === 1 ? "the first digit" : k === digits[digits.length - 1] ? `all ${k} digits` : `the first ${k} digits`}, ${get("questions")} questions` : ", whole answers") +
      `: S = ${range(S)} over ${t.seeds} seeds. Spread evenly over ${doublings.toFixed(1)} doublings it would be ${(1 / doublings).toFixed(2)}. ` +
      (all.length < 2 ? "" : `On average the sharpest mark of the same answers is ${all[0][0]} (${all[0][1].mean.toFixed(2)}), the gentlest ${all[all.length - 1][0]} (${all[all.length - 1][1].mean.toFixed(2)}).`));
  };
  for (const name of ["task", "mark", "digits", "questions", "axis"]) model.on("change:" + name, refresh);
  refresh();
}

export default { render };
