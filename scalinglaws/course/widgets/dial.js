// The dial that makes laws: bowls of loss against rate, and the line that a choice of rates makes.
function render({ model, el }) {
  const data = model.get("data"), { widths, C, rule, lr, L, bowls, doubt } = data, n = widths.length;
  const ranges = ["all widths", "no smallest", "no largest"];
  const root = frame(el, "The dial that makes laws: one rate for all widths, or the rule");
  const panels = make("div", { class: "panels" }), rows = make("div", { class: "rows" });
  root.append(panels);
  const get = (name) => model.get(name);
  const put = (values) => { for (const name in values) model.set(name, values[name]); model.save_changes(); };
  const colors = ["orange", "green", "blue", "purple", "red"].map((c) => `var(--${c})`);
  const color = (i) => colors[i % colors.length];
  const bowl = (i, rate) => { const x = Math.log(rate / rule[i]), b = bowls[i]; return Math.exp((b[0] * x + b[1]) * x + b[2]); };
  const low = Math.min(...rule), high = Math.max(...rule);
  const one = () => get("recipe") === "one rate";
  const rateOf = (i) => (one() ? get("rate") : rule[i]);
  const beyond = (i, rate = rateOf(i)) => rate < lr[i][0] / 1.001 || rate > lr[i][lr[i].length - 1] * 1.001;
  // Slope, interval and line of the widths in the range; `minus` takes the rule's from it.
  const fit = (rates, minus) => {
    const on = widths.map((_, i) => i).filter((i) => !(i === 0 && get("range") === ranges[1]) && !(i === n - 1 && get("range") === ranges[2]));
    const u = on.map((i) => Math.log(C[i])), mean = u.reduce((s, v) => s + v, 0) / u.length;
    const spread = u.reduce((s, v) => s + (v - mean) ** 2, 0);
    let a = 0, level = 0, variance = 0, total = 0, rest = 0;
    on.forEach((i, k) => {
      const w = -(u[k] - mean) / spread, x = Math.log(rates(i) / rule[i]), at = [x * x, x, minus ? 0 : 1], d = doubt[i];
      const y = at.reduce((s, v, j) => s + v * bowls[i][j], 0);
      a += w * y;
      level += y / on.length;
      variance += w * w * (at[0] * at[0] * d[0] + 2 * at[0] * at[1] * d[1] + 2 * at[0] * at[2] * d[2] + at[1] * at[1] * d[3] + 2 * at[1] * at[2] * d[4] + at[2] * at[2] * d[5]);
    });
    const at = (c) => Math.exp(level - a * (Math.log(c) - mean));
    on.forEach((i) => { const y = Math.log(bowl(i, rates(i))); total += (y - level) ** 2; rest += (y - Math.log(at(C[i]))) ** 2; });
    const far = data.t * Math.sqrt(variance);
    return { on, a, low: a - far, high: a + far, at, r2: 1 - rest / total };
  };
  const x = { low: Math.min(...lr.flat()) / 1.15, high: Math.max(...lr.flat()) * 1.15, log: true, label: "learning rate of the blocks", say: (v) => String(+v.toPrecision(2)) };
  const top = Math.max(...widths.map((_, i) => bowl(i, low)), ...L.flat()) * 1.03, least = Math.min(...L.flat()) / 1.05;
  const y = { low: least, high: top, log: true, say: (v) => v.toFixed(1) };
  const left = plot(panels, {
    label: "Loss against learning rate, a bowl for each width, with the rate that each width gets",
    height: 270,
    drag: (rate) => put({ recipe: "one rate", rate: +clamp(rate, low, high).toPrecision(4) }),
    painter: (axes) => {
      const p = axes(x, y, "loss (nats per token)");
      if (one()) p.line([[get("rate"), least], [get("rate"), top]], { stroke: "var(--red)", "stroke-dasharray": "5 4" });
      else p.line(widths.map((_, i) => [rule[i], bowl(i, rule[i])]), { stroke: "var(--soft)", "stroke-dasharray": "5 4" });
      widths.forEach((w, i) => {
        const points = Array.from({ length: 61 }, (_, k) => x.low * (x.high / x.low) ** (k / 60)).map((r) => [r, bowl(i, r)]).filter(([, l]) => l <= top);
        p.line(points, { stroke: color(i), "stroke-dasharray": "2 4", "stroke-width": 1.2 });
        p.line(points.filter(([r]) => !beyond(i, r)), { stroke: color(i) });
        L[i].forEach((l, k) => p.dot(lr[i][k], l, { r: 3, fill: "var(--paper)", stroke: color(i), "stroke-width": 1.5 }));
        p.text(lr[i][0], L[i][0], "width " + w, { dx: 6, dy: -8 });
        p.dot(rateOf(i), bowl(i, rateOf(i)), { r: 6, fill: beyond(i) ? "var(--paper)" : color(i), stroke: beyond(i) ? color(i) : "var(--paper)", "stroke-width": 2, class: "chosen" });
      });
    },
  });
  const right = plot(panels, {
    label: "Loss of each width against compute, both logarithmic, with the line through them and the line that the rule makes",
    height: 270,
    painter: (axes) => {
      const p = axes({ low: C[0] / 2.5, high: C[n - 1] * 2.5, log: true, label: "compute C (FLOPs)", say: power }, y, "loss at those rates");
      const f = fit(rateOf), usual = fit((i) => rule[i]), ends = [C[f.on[0]] / 2, C[f.on[f.on.length - 1]] * 2];
      p.line(ends.map((c) => [c, usual.at(c)]), { stroke: "var(--grey)", "stroke-dasharray": "5 4", "stroke-width": 1.2 });
      p.line(ends.map((c) => [c, f.at(c)]), { stroke: one() ? "var(--red)" : "var(--soft)" });
      widths.forEach((_, i) => p.dot(C[i], bowl(i, rateOf(i)), f.on.includes(i) ? { r: 5, fill: color(i) } : { r: 4, fill: "var(--paper)", stroke: "var(--grey)" }));
      draw(p.svg, "text", { x: p.right - 4, y: p.top + 16, "text-anchor": "end", class: "head" }, `α = ${f.a.toFixed(4)}`);
      if (one()) draw(p.svg, "text", { x: p.right - 4, y: p.top + 34, "text-anchor": "end" }, `dashed, the rule: ${usual.a.toFixed(4)}`);
    },
  });
  root.append(rows);
  const recipe = toggles(rows, "Learning rate", ["the rule: 0.15 / width", "one rate for all"], (k) => put({ recipe: ["the rule", "one rate"][k] }));
  const rate = slider(rows, "The one rate", 0, 120, 1, (k) => (low * (high / low) ** (k / 120)).toPrecision(3),
    (k) => put({ recipe: "one rate", rate: +clamp(low * (high / low) ** (k / 120), low, high).toPrecision(6) }));
  const part = toggles(rows, "Line through", ranges, (k) => put({ range: ranges[k] }));
  const say = speaker(root);
  const times = (v) => count(+v.toPrecision(3));
  const refresh = () => {
    const f = fit(rateOf), usual = fit((i) => rule[i]), d = fit(rateOf, true), out = f.on.filter((i) => beyond(i)).map((i) => widths[i]);
    recipe((k) => (k === 1) === one());
    rate.set(Math.round((120 * Math.log(get("rate") / low)) / Math.log(high / low)));
    part((k) => ranges[k] === get("range"));
    left();
    right();
    say(`${one() ? `One rate, ${(+get("rate")).toPrecision(3)}, for all` : "By the rule"}: α = ${f.a.toFixed(4)} (95 % interval ${f.low.toFixed(4)} to ${f.high.toFixed(4)}), R² = ${f.r2.toFixed(3)}. ` +
      `Halving the loss takes ${times(2 ** (1 / f.a))} times the compute` +
      (one() ? `, by the rule ${times(2 ** (1 / usual.a))} times. α less that of the rule: ${d.a > 0 ? "+" : ""}${d.a.toFixed(4)} (${d.low.toFixed(4)} to ${d.high.toFixed(4)}).` : ".") +
      (out.length ? ` Nobody tried this rate at width ${out.join(", ")}: there the dotted parabola stands in.` : ""));
  };
  for (const name of ["recipe", "rate", "range"]) model.on("change:" + name, refresh);
  refresh();
}

export default { render };
