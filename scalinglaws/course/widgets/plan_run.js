// Plan a training run: from money to machines, power, a model and its loss.
const words = (x) => {
  for (const [unit, name] of [[1e12, " trillion"], [1e9, " billion"], [1e6, " million"]])
    if (x >= unit * 0.9995) return (+(x / unit).toPrecision(3)).toLocaleString("en-US") + name;
  return (+x.toPrecision(3)).toLocaleString("en-US");
};
const power10 = (x) => { const e = Math.floor(Math.log10(x) + 1e-12); return `${(x / 10 ** e).toFixed(2)}×10` + [...String(e)].map((c) => RAISED[c]).join(""); };

function render({ model, el }) {
  const data = model.get("data"), { law, k, limits, measured } = data, [E, A, alpha, B, beta] = law;
  const root = frame(el, "Plan a training run: what does a budget buy?");
  const panels = make("div", { class: "panels" }), rows = make("div", { class: "rows" });
  root.append(panels);
  const get = (name) => model.get(name);
  const put = (name, value) => { model.set(name, value); model.save_changes(); };
  const G = ((alpha * A) / (beta * B)) ** (1 / (alpha + beta));
  const best = (C) => {
    const N = G * (C / k) ** (beta / (alpha + beta)), D = C / k / N;
    return { N, D, L: E + A * N ** -alpha + B * D ** -beta };
  };
  // The ends of an interval between the budgets at which they were computed.
  const ends = (rows, C) => {
    const at = clamp((Math.log10(C) - data.first) * 4, 0, rows.length - 1.001), i = Math.floor(at), part = at - i;
    return [0, 1].map((side) => rows[i][side] + part * (rows[i + 1][side] - rows[i][side]));
  };
  const flops = (money) => (money / get("price")) * data.peak * get("utilisation") * 3600;
  const state = () => {
    const money = get("money"), C = flops(money), b = best(C), hours = money / get("price");
    const gpus = Math.max(1, Math.ceil((hours / (24 * get("days"))) * (1 - 1e-9)));
    return { money, C, ...b, hours, gpus, L2: ends(data.L, C).map((d) => b.L + d), N2: ends(data.N, C).map((d) => b.N * Math.exp(d)), D2: ends(data.D, C).map((d) => b.D * Math.exp(d)) };
  };
  const band = (p, points) => draw(p.svg, "path", {
    d: points.map(([x, , high], i) => (i ? "L" : "M") + p.X(x) + " " + p.Y(high)).join("") + [...points].reverse().map(([x, low]) => "L" + p.X(x) + " " + p.Y(low)).join("") + "Z",
    fill: "var(--band)",
  });
  const moneys = Array.from({ length: 65 }, (_, i) => limits.money[0] * (limits.money[1] / limits.money[0]) ** (i / 64));
  const dollars = (x) => "$" + (x >= 1e9 ? x / 1e9 + "B" : x >= 1e6 ? x / 1e6 + "M" : x >= 1e3 ? x / 1e3 + "k" : x);
  const left = plot(panels, {
    label: "Expected loss against money, with the interval of the law; beyond the runs of its fit the line is dashed",
    height: 270,
    drag: (money) => put("money", +clamp(money, ...limits.money).toPrecision(3)),
    painter: (axes) => {
      const s = state(), all = moneys.map((m) => ({ m, C: flops(m), L: best(flops(m)).L }));
      const top = Math.max(2.7, s.L * 1.03);
      const p = axes({ low: limits.money[0] / 1.3, high: limits.money[1] * 4, log: true, label: "money (dollars)", say: dollars },
        { low: E - 0.1, high: top, say: (t) => t.toFixed(1) }, "expected loss (nats per token)");
      const shown = all.filter((a) => a.L < top);
      band(p, shown.map((a) => [a.m, ...ends(data.L, a.C).map((d) => a.L + d)]));
      const inside = (a) => a.C <= measured[1];
      p.line(shown.filter((a) => !inside(a)).map((a) => [a.m, a.L]), { stroke: "var(--blue)", "stroke-dasharray": "6 4" });
      p.line(shown.filter(inside).map((a) => [a.m, a.L]), { stroke: "var(--blue)" });
      p.line([[limits.money[0], E], [limits.money[1], E]], { stroke: "var(--grey)", "stroke-dasharray": "2 4" });
      draw(p.svg, "text", { x: p.left + 4, y: p.Y(E) - 5 }, "floor E of the law");
      p.line([[s.money, E - 0.1], [s.money, s.L]], { stroke: "var(--red)", "stroke-width": 1.2, "stroke-dasharray": "4 3" });
      p.dot(s.money, s.L, { r: 7, fill: "var(--red)", stroke: "var(--paper)", "stroke-width": 2, class: "yours" });
    },
  });
  const right = plot(panels, {
    label: "Parameters against training FLOPs: the best size by the law with its interval, real models, and yours",
    height: 270,
    painter: (axes) => {
      const s = state(), low = 1e18, high = 1e28, grid = Array.from({ length: 41 }, (_, i) => low * (high / low) ** (i / 40));
      const p = axes({ low, high, log: true, label: "training compute C (FLOPs)", say: power }, { low: 1e8, high: 1e14, log: true, say: power }, "parameters N");
      const C = (c) => clamp(c, low, high), cut = (n) => clamp(n, 1e8, 1e14);
      band(p, grid.map((c) => [c, ...ends(data.N, c).map((d) => cut(best(c).N * Math.exp(d)))]));
      p.line(grid.map((c) => [c, best(c).N]).filter(([, N]) => N === cut(N)), { stroke: "var(--blue)" });
      data.models.forEach(([name, c, N]) => {
        p.dot(c, N, { r: 3.5, fill: "var(--paper)", stroke: "var(--grey)", "stroke-width": 1.5 });
        if (["GPT-3", "Llama 3.1 405B", "Olmo 3 7B"].includes(name)) p.text(c, N, name.replace(" 405B", ""), { dx: name === "GPT-3" ? -6 : 6, dy: name === "GPT-3" ? -6 : 12, "text-anchor": name === "GPT-3" ? "end" : "start" });
      });
      p.dot(C(s.C), cut(s.N), { r: 7, fill: "var(--red)", stroke: "var(--paper)", "stroke-width": 2 });
    },
  });
  root.append(rows);
  const scale = (name, label, steps, format) => {
    const [low, high] = limits[name], of = (i) => +(low * (high / low) ** (i / steps)).toPrecision(3);
    const it = slider(rows, label, 0, steps, 1, (i) => format(of(i)), (i) => put(name, clamp(of(i), low, high)));
    return () => {
      it.set(Math.round((steps * Math.log(get(name) / low)) / Math.log(high / low)));
      const text = format(get(name));
      it.input.nextElementSibling.textContent = text;
      it.input.setAttribute("aria-valuetext", text);
    };
  };
  const shows = [
    scale("money", "Budget", 160, (x) => "$" + words(x)),
    scale("price", "Price, GPU-hour", 100, (x) => "$" + x.toFixed(2)),
    scale("utilisation", "Utilisation", 100, (x) => (100 * x).toFixed(0) + " %"),
    scale("days", "Days it may take", 100, (x) => x.toFixed(0)),
  ];
  const say = speaker(root);
  const refresh = () => {
    const s = state(), mw = (s.gpus * data.watts) / 1e6, far = s.C / measured[1], kwh = (s.hours * data.watts) / 1e3;
    shows.forEach((show) => show());
    left();
    right();
    say(`${words(s.hours)} GPU-hours: ${count(s.gpus)} GPU${s.gpus > 1 ? "s" : ""} of ${Math.round(data.peak / 1e12)} TFLOP/s for up to ${get("days").toFixed(0)} days, ${mw >= 1 ? mw.toPrecision(3) + " MW" : (1e3 * mw).toPrecision(3) + " kW"}, ${words(kwh)} kWh in all. ` +
      `${power10(s.C)} FLOPs are spent best on ${words(s.N)} parameters and ${words(s.D)} tokens, ${(s.D / s.N).toFixed(1)} each. ` +
      `Expected loss ${s.L.toFixed(3)}, 95 % interval ${s.L2[0].toFixed(3)} to ${s.L2[1].toFixed(3)}. ` +
      (far > 1 ? `That is ${words(far)} times the largest run of the fit: the interval trusts that the law goes on.` : s.C < measured[0] ? "That is less than the smallest run of the fit." : "That lies within the runs of the fit."));
    el.found = s;
  };
  for (const name of ["money", "price", "utilisation", "days"]) model.on("change:" + name, refresh);
  refresh();
}

export default { render };
