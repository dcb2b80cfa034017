// The valley: the loss along one budget, and the line through the best sizes of all.
function exponent(x, y, noise, usual) {
  const n = x.length, mean = (v) => v.reduce((s, a) => s + a, 0) / n, mx = mean(x), my = mean(y);
  const spread = x.reduce((s, a) => s + (a - mx) ** 2, 0), w = x.map((a) => (a - mx) / spread);
  const a = w.reduce((s, v, i) => s + v * y[i], 0);
  let surplus = 0, variance = 0;
  for (let i = 0; i < n; i++) {
    surplus += (y[i] - my - a * (x[i] - mx)) ** 2 / noise(i, i);
    for (let j = 0; j < n; j++) variance += w[i] * w[j] * noise(i, j);
  }
  const far = 1.959964 * Math.sqrt(variance * Math.max(1, surplus / usual[n - 3]));
  return { a, low: a - far, high: a + far, at: (v) => my + a * (v - mx) };
}

function render({ model, el }) {
  const data = model.get("data"), { C, budgets, law } = data;
  const root = frame(el, "The valley: what a wrong size costs, and where the exponent comes from");
  const panels = make("div", { class: "panels" }), rows = make("div", { class: "rows" });
  root.append(panels);
  const get = (name) => model.get(name);
  const put = (name, value) => { model.set(name, value); model.save_changes(); };
  const curveOf = (i) => {
    const fit = data.fits[get("sizes")], [c0, c1, c2, center] = fit.curves[i];
    const at = (u) => c0 + (c1 + c2 * (u - center)) * (u - center);
    return { at, best: center - c1 / (2 * c2), used: fit.used[i] };
  };
  // ln D between and beyond the sizes that were trained: what ln N + ln D leaves is interpolated.
  const tokens = (b, u) => {
    const x = b.N.map(Math.log), y = b.D.map((d, i) => Math.log(d) + x[i]);
    let k = 1;
    while (k < x.length - 1 && u > x[k]) k++;
    const part = clamp((u - x[k - 1]) / (x[k] - x[k - 1]), 0, 1);
    return y[k - 1] + part * (y[k] - y[k - 1]) - u;
  };
  const surface = (b, u) => law[0] + law[1] * Math.exp(-law[2] * u) + law[3] * Math.exp(-law[4] * tokens(b, u));
  const edges = (b) => [Math.log(b.N[0] / 1.25), Math.log(b.N[b.N.length - 1] * 1.25)];
  const line = () => {
    const fit = data.fits[get("sizes")], on = get("fitted");
    const noise = (i, j) => { const p = on[i], q = on[j]; return fit.noise[Math.max(p, q)][Math.min(p, q)]; };
    return exponent(on.map((i) => Math.log(C[i])), on.map((i) => curveOf(i).best), noise, data.usual);
  };
  const grid = ([low, high], n = 60) => Array.from({ length: n + 1 }, (_, i) => low + ((high - low) * i) / n);

  const left = plot(panels, {
    label: "Loss against parameters along the chosen budget: measured sizes, the parabola, the surface law, and your size",
    drag: (N) => put("times", +(N / Math.exp(curveOf(get("budget")).best)).toPrecision(4)),
    painter: (axes) => {
      const i = get("budget"), b = budgets[i], c = curveOf(i), [low, high] = edges(b);
      const u = clamp(Math.log(get("times")) + c.best, low, high);
      const us = grid([low, high]), top = Math.max(...b.L) + 0.02, bottom = Math.min(...b.L) - 0.03;
      const p = axes({ low: Math.exp(low), high: Math.exp(high), log: true, label: "parameters N" },
        { low: bottom, high: top, say: (t) => t.toFixed(2) }, "loss (nats per token)");
      const inside = (f) => us.map((v) => [Math.exp(v), f(v)]).filter(([, l]) => l <= top && l >= bottom);
      p.line(inside((v) => surface(b, v)), { stroke: "var(--grey)", "stroke-dasharray": "2 4" });
      // Said between the arms of the parabola, where no curve is.
      const middle = (p.left + p.right) / 2;
      draw(p.svg, "line", { x1: middle - 68, x2: middle - 46, y1: p.top + 11, y2: p.top + 11, stroke: "var(--grey)", "stroke-width": 1.8, "stroke-dasharray": "2 4" });
      draw(p.svg, "text", { x: middle - 40, y: p.top + 15, style: "paint-order:stroke;stroke:var(--paper);stroke-width:4px" }, "law of approach 3");
      p.line(inside(c.at), { stroke: "var(--blue)" });
      b.N.forEach((N, k) => p.dot(N, b.L[k], c.used[k] === "1" ? { fill: "var(--blue)" } : { fill: "var(--paper)", stroke: "var(--blue)", "stroke-width": 1.5 }));
      const y = clamp(c.at(u), bottom, top), N = Math.exp(u);
      p.line([[Math.exp(c.best), c.at(c.best)], [N, c.at(c.best)], [N, y]], { stroke: "var(--red)", "stroke-width": 1.2 });
      p.line([[Math.exp(c.best), bottom], [Math.exp(c.best), c.at(c.best)]], { stroke: "var(--soft)", "stroke-width": 1, "stroke-dasharray": "4 3" });
      p.dot(N, y, { r: 7, fill: "var(--red)", stroke: "var(--paper)", "stroke-width": 2, class: "yours" });
    },
  });
  const right = plot(panels, {
    label: "Best size against budget, both logarithmic, with the line through the budgets that are fitted",
    painter: (axes) => {
      const best = C.map((_, i) => Math.exp(curveOf(i).best)), on = get("fitted"), fit = data.fits[get("sizes")], l = line();
      const p = axes({ low: C[0] / 2, high: C[C.length - 1] * 2, log: true, label: "budget C (FLOPs)", say: power },
        { low: Math.min(...best) / 2, high: Math.max(...best) * 2, log: true }, "best size");
      const run = (from, to) => [from, to].map((c) => [c, Math.exp(l.at(Math.log(c)))]);
      p.line(run(C[0] / 1.6, C[C.length - 1] * 1.6), { stroke: "var(--green)", "stroke-dasharray": "5 4", "stroke-width": 1.2 });
      p.line(run(C[on[0]], C[on[on.length - 1]]), { stroke: "var(--green)" });
      best.forEach((N, i) => {
        const sd = Math.sqrt(fit.noise[i][i]) * 1.96, used = on.includes(i);
        p.line([[C[i], N * Math.exp(-sd)], [C[i], N * Math.exp(sd)]], { stroke: used ? "var(--green)" : "var(--grey)" });
        p.dot(C[i], N, { fill: used ? "var(--green)" : "var(--paper)", stroke: used ? "var(--paper)" : "var(--grey)", r: i === get("budget") ? 6 : 4 });
      });
    },
  });

  root.append(rows);
  const budget = slider(rows, "Budget", 0, C.length - 1, 1, (i) => power(C[i]) + " FLOPs", (i) => put("budget", i));
  const size = slider(rows, "Your size N", 0, 400, 1, (k) => {
    const [low, high] = edges(budgets[get("budget")]);
    return count(Math.exp(low + ((high - low) * k) / 400));
  }, (k) => {
    const i = get("budget"), [low, high] = edges(budgets[i]);
    put("times", +Math.exp(low + ((high - low) * k) / 400 - curveOf(i).best).toPrecision(4));
  });
  const sizes = choice(rows, "Parabola through", Object.keys(data.fits).map((name) => [name, name === "all" ? "all sizes" : "sizes " + name]), (name) => put("sizes", name));
  const n = C.length, half = Math.floor((n + 1) / 2), all = C.map((_, i) => i);
  const presets = { all, "lower half": all.slice(0, half), "upper half": all.slice(n - half) };
  const names = Object.keys(presets), same = (p) => String(p) === String(get("fitted"));
  const preset = toggles(rows, "Line through", names, (k) => put("fitted", presets[names[k]]));
  const each = toggles(rows, "Budgets in it", C.map(power), (i) => {
    const on = get("fitted"), next = on.includes(i) ? on.filter((k) => k !== i) : [...on, i].sort((p, q) => p - q);
    if (next.length >= 3) put("fitted", next);
    else say("A line needs three budgets: choose another before you leave this one out.");
  });
  const say = speaker(root);

  const refresh = () => {
    const i = get("budget"), b = budgets[i], c = curveOf(i), [low, high] = edges(b), on = get("fitted");
    const u = Math.min(high, Math.max(low, Math.log(get("times")) + c.best)), l = line();
    budget.set(i);
    size.set(Math.round((400 * (u - low)) / (high - low)));
    sizes.set(get("sizes"));
    preset((k) => same(presets[names[k]]));
    each((k) => on.includes(k));
    left();
    right();
    const D = Math.exp(tokens(b, u)), N = Math.exp(u);
    say(`${count(N)} parameters, ${Math.exp(u - c.best).toFixed(2)} times the best size, read ${(D / N).toFixed(1)} tokens each. ` +
      `By the parabola the loss is ${c.at(u).toFixed(3)}, ${(c.at(u) - c.at(c.best)).toFixed(4)} nats above the best. ` +
      `Through ${on.length} budgets: a = ${l.a.toFixed(3)}, 95 % interval ${l.low.toFixed(3)} to ${l.high.toFixed(3)}.`);
  };
  for (const name of ["budget", "times", "sizes", "fitted"]) model.on("change:" + name, refresh);
  refresh();
}

export default { render };
