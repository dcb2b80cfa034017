// How far dare you: a forecast, its band, and the runs beyond, opened budget by budget.
function render({ model, el }) {
  const data = model.get("data"), { C, best, first } = data, n = C.length;
  const root = frame(el, "How far dare you? A law, what it was fitted to, and the runs beyond");
  const panels = make("div", { class: "panels" }), rows = make("div", { class: "rows" });
  root.append(panels);
  const get = (name) => model.get(name);
  const put = (name, value) => { model.set(name, value); model.save_changes(); };
  const state = () => {
    const reach = get("reach"), at = reach - first, e = data.entrants[get("entrant")];
    const ahead = Math.min(get("ahead"), n - 1 - reach), end = reach + ahead;
    const mine = data.of.map((i, k) => [i, k]).filter(([i]) => i > reach);
    const resampled = get("band") === "resampling" && e.resampling;
    const [noise, drift] = e.record[at];
    const runs = mine.map(([i, k], j) => ({
      i, best: data.isBest[k] === "1", miss: e.miss[at][j] / 10,
      half: resampled ? e.resampling[at][j] : Math.hypot(noise, drift * Math.log(C[i] / C[reach])),
    }));
    const each = [];
    for (let i = reach + 1; i < n; i++) {
      const here = runs.filter((r) => r.i === i), top = here.filter((r) => r.best);
      const miss = top.reduce((s, r) => s + r.miss, 0) / top.length;
      each.push({ i, C: C[i], value: best[i] / Math.exp(miss / 100), half: Math.max(...top.map((r) => r.half)) });
    }
    return { reach, end, ahead, e, runs, each, resampled };
  };
  const band = (p, points) => {
    const d = points.map(([x, , high], i) => (i ? "L" : "M") + p.X(x) + " " + p.Y(high)).join("") +
      [...points].reverse().map(([x, low]) => "L" + p.X(x) + " " + p.Y(low)).join("") + "Z";
    draw(p.svg, "path", { d, fill: "var(--band)" });
  };
  const curtain = (p, from, to) => {
    if (p.right - p.X(from) < 4) return;
    draw(p.svg, "rect", { x: p.X(from), y: p.top, width: p.right - p.X(from), height: p.bottom - p.top, fill: "var(--grid)", opacity: 0.55 });
    if (p.right - p.X(from) > 70) draw(p.svg, "text", { x: (p.X(from) + p.right) / 2, y: p.top + 16, "text-anchor": "middle" }, "not opened");
  };
  const between = (i) => Math.sqrt(C[i] * C[Math.min(i + 1, n - 1)] * (i + 1 < n ? 1 : 4));
  const x = { low: C[0] / 2, high: C[n - 1] * 2, log: true, label: "budget C (FLOPs)", say: power };
  const left = plot(panels, {
    label: "Lowest loss at each budget: what the law was fitted to, its forecast with a band, and the runs that are opened",
    painter: (axes) => {
      const s = state(), p = axes(x, { low: best[n - 1] * 0.85, high: best[0] * 1.05, log: true, say: (t) => t.toFixed(1) }, "lowest loss (nats per token)");
      curtain(p, between(s.end));
      band(p, s.each.map((f) => [f.C, f.value * Math.exp(-f.half / 100), f.value * Math.exp(f.half / 100)]));
      p.line(s.each.map((f) => [f.C, f.value]), { stroke: "var(--blue)", "stroke-dasharray": "6 4" });
      best.forEach((L, i) => {
        if (i <= s.reach) p.dot(C[i], L, { fill: "var(--blue)" });
        else if (i <= s.end) p.dot(C[i], L, { fill: "var(--red)", r: 5, class: "opened" });
      });
    },
  });
  const right = plot(panels, {
    label: "Runs near the best that are opened: by how many per cent they lie above the forecast, with the band",
    painter: (axes) => {
      const s = state(), most = Math.max(3, ...s.runs.filter((r) => r.i <= s.end).map((r) => Math.abs(r.miss) * 1.15), ...s.each.map((f) => Math.min(f.half * 1.1, 12)));
      const p = axes(x, { low: -most, high: most, say: (t) => (t > 0 ? "+" : "") + t }, "measured above forecast (%)");
      curtain(p, between(s.end));
      const cut = (v) => clamp(v, -most, most);
      band(p, s.each.map((f) => [f.C, cut(-f.half), cut(f.half)]));
      p.line([[C[0], 0], [C[n - 1], 0]], { stroke: "var(--blue)", "stroke-dasharray": "6 4" });
      for (const r of s.runs) if (r.i <= s.end) {
        const held = Math.abs(r.miss) <= r.half;
        p.dot(C[r.i], r.miss, held ? { fill: "var(--green)" } : { fill: "none", stroke: "var(--red)", "stroke-width": 2 });
      }
    },
  });
  root.append(rows);
  const entrant = choice(rows, "Law and its runs", data.entrants.map((e, i) => [i, e.name]), (i) => put("entrant", +i));
  const kind = choice(rows, "Band of 95 %", [["record", "from past misses"], ["resampling", "from resampling"]], (b) => put("band", b));
  const reach = slider(rows, "Fitted up to", first, n - 2, 1, (i) => power(C[i]) + " FLOPs", (i) => put("reach", i));
  const ahead = slider(rows, "Open", 0, n - 1 - first, 1, (k) => (k ? `${k} further` : "none"), (k) => put("ahead", Math.min(k, n - 1 - get("reach"))));
  const say = speaker(root);
  const refresh = () => {
    const s = state();
    entrant.set(get("entrant"));
    kind.input.options[1].disabled = !s.e.resampling;
    kind.set(s.resampled ? "resampling" : "record");
    reach.set(s.reach);
    ahead.input.max = n - 1 - s.reach;
    ahead.set(s.ahead);
    left();
    right();
    const opened = s.runs.filter((r) => r.i <= s.end), held = opened.filter((r) => Math.abs(r.miss) <= r.half).length;
    const last = s.each[Math.max(0, s.ahead - 1)], factor = last.C / C[s.reach];
    say(`${factor < 100 ? factor.toPrecision(2) : Math.round(factor)} times beyond the fit the forecast is ${last.value.toFixed(3)}, with a band of ${last.half.toFixed(1)} % to either side. ` +
      (opened.length ? `Measured: ${best[last.i].toFixed(3)}. In the band: ${held} of ${opened.length} runs opened (${Math.round((100 * held) / opened.length)} %).` : "How many of the runs beyond will lie in the band? Decide, then open them."));
  };
  for (const name of ["entrant", "reach", "ahead", "band"]) model.on("change:" + name, refresh);
  refresh();
}

export default { render };
