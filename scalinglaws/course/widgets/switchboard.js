// The switchboard: sixteen ways to train and to count, and the exponent that each makes.
function render({ model, el }) {
  const data = model.get("data"), { switches, windows } = data, names = Object.keys(switches);
  const root = frame(el, "The switchboard: from 2020 to 2022, one choice at a time");
  const panels = make("div", { class: "panels" }), rows = make("div", { class: "rows" });
  root.append(panels);
  const get = (name) => model.get(name);
  const put = (values) => { for (const name in values) model.set(name, values[name]); model.save_changes(); };
  const cells = {};
  for (const at in data.cells) {
    const { L, bowls, ...rest } = data.cells[at], { C, N } = data.counts[at[0]];
    cells[at] = { ...rest, C, best: bowls.map(([, c1, c2, center]) => Math.exp(center - c1 / (2 * c2))), bowls: bowls.map((fit, k) => ({ N: N[k], L: L[k], fit })) };
  }
  const key = () => names.map((name) => switches[name].indexOf(get(name))).join("");
  const colors = ["blue", "orange", "green", "purple"].map((c) => `var(--${c})`);
  const on = (k) => { const [from, to] = windows[get("budgets")]; return k >= from && k < to; };
  const a = (at = key()) => cells[at].a[Object.keys(windows).indexOf(get("budgets"))];
  const line = (at) => {
    const { C, best } = cells[at], ks = C.map((_, k) => k).filter(on), mean = (f) => ks.reduce((s, k) => s + Math.log(f[k]), 0) / ks.length;
    const x = mean(C), y = mean(best), [slope] = a(at);
    return (c) => Math.exp(y + slope * (Math.log(c) - x));
  };
  const every = Object.values(cells), sizes = every.flatMap((c) => c.bowls.flatMap((b) => b.N)), losses = every.flatMap((c) => c.bowls.flatMap((b) => b.L));
  const range = (values, by) => ({ low: Math.min(...values) / by, high: Math.max(...values) * by, log: true });
  const left = plot(panels, {
    label: "Loss against parameters at four budgets, with a parabola each and a ring at its lowest point",
    height: 280,
    painter: (axes) => {
      const p = axes({ ...range(sizes, 1.3), label: "parameters N, as counted" }, { low: Math.min(...losses) - 0.05, high: Math.min(Math.max(...losses), 3.6), say: (t) => t.toFixed(1) }, "loss (nats per token)");
      cells[key()].bowls.forEach((b, k) => {
        const [c0, c1, c2, center] = b.fit, at = (u) => c0 + (c1 + c2 * (u - center)) * (u - center), ends = [b.N[0], b.N[b.N.length - 1]].map(Math.log), low = center - c1 / (2 * c2);
        const style = on(k) ? { stroke: colors[k] } : { stroke: "var(--grey)", "stroke-dasharray": "3 4" };
        p.line(Array.from({ length: 31 }, (_, i) => ends[0] + ((ends[1] - ends[0]) * i) / 30).map((u) => [Math.exp(u), at(u)]).filter(([, l]) => p.Y(l) > p.top), style);
        b.N.forEach((N, i) => { if (p.Y(b.L[i]) > p.top) p.dot(N, b.L[i], { r: 3, fill: style.stroke }); });
        p.dot(Math.exp(low), at(low), { r: 6, fill: "none", stroke: style.stroke, "stroke-width": 2 });
      });
    },
  });
  const right = plot(panels, {
    label: "Best size against budget, both logarithmic, with the line through the chosen budgets and, in grey, the rules of 2020 and of 2022",
    height: 280,
    painter: (axes) => {
      const { C, best } = cells[key()], p = axes({ ...range(every.flatMap((c) => c.C), 2), label: "budget C (FLOPs), as counted", say: power }, range(every.flatMap((c) => c.best), 1.6), "best size");
      const ends = (c) => [c[0] / 1.5, c[3] * 1.5];
      for (const [at, words] of [["0000", "2020"], ["1111", "2022"]]) if (at !== key()) {
        const f = line(at), [from, to] = ends(cells[at].C);
        p.line([[from, f(from)], [to, f(to)]], { stroke: "var(--grey)", "stroke-dasharray": "5 4", "stroke-width": 1.2 });
        p.text(to, f(to), words, { dx: -4, dy: -6, "text-anchor": "end" });
      }
      const f = line(key()), used = C.filter((_, k) => on(k)), [from, to] = ends(C);
      p.line([[from, f(from)], [to, f(to)]], { stroke: "var(--red)", "stroke-width": 1.2, "stroke-dasharray": "5 4" });
      p.line([used[0], used[used.length - 1]].map((c) => [c, f(c)]), { stroke: "var(--red)" });
      best.forEach((N, k) => p.dot(C[k], N, { r: 5, fill: on(k) ? colors[k] : "var(--paper)", stroke: on(k) ? "var(--paper)" : "var(--grey)" }));
      draw(p.svg, "text", { x: p.left + 8, y: p.top + 16, class: "head" }, `a = ${a()[0].toFixed(2)}`);
    },
  });
  root.append(rows);
  const labels = { count: "N counts", warmup: "Warm-up", cooldown: "Cooldown", rate: "Rate and batch" };
  const shows = names.map((name) => toggles(rows, labels[name], switches[name], (i) => put({ [name]: switches[name][i] })));
  const window = toggles(rows, "Budgets", Object.keys(windows), (i) => put({ budgets: Object.keys(windows)[i] }));
  const all = (i) => Object.fromEntries(names.map((name) => [name, switches[name][i]]));
  const both = toggles(rows, "All at once", ["rules of 2020", "rules of 2022"], (i) => put(all(i)));
  const say = speaker(root);
  const interval = ([value, low, high]) => `${value.toFixed(2)} (95 % interval ${low.toFixed(2)} to ${high.toFixed(2)})`;
  const refresh = () => {
    const { best, sure } = cells[key()], [value] = a();
    names.forEach((name, k) => shows[k]((i) => switches[name][i] === get(name)));
    window((i) => Object.keys(windows)[i] === get("budgets"));
    both((i) => key() === String(i).repeat(4));
    left();
    right();
    const flips = names.map((name, k) => { const at = [...key()]; at[k] = "10"[at[k]]; const d = a(at.join(""))[0] - value; return `${labels[name]} ${d < 0 ? "−" : "+"}${Math.abs(d).toFixed(2)}`; });
    say(`By the parabolas a = ${interval(a())}` + (sure ? "" : ", and in some draws of the noise a bowl has no lowest point") + `. Best sizes at the four budgets: ${best.map((N) => count(+N.toPrecision(3))).join(", ")} parameters. ` +
      `By this rule ten times the budget means ${(10 ** value).toFixed(1)} times the model and ${(10 ** (1 - value)).toFixed(1)} times the text. Flip one switch more, and a changes by: ${flips.join("; ")}.`);
  };
  for (const name of [...names, "budgets"]) model.on("change:" + name, refresh);
  refresh();
}

export default { render };
