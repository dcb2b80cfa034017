// The data wall: the loss of a ration that is read again and again, and what each reading is worth.
function render({ model, el }) {
  const data = model.get("data"), { widths, rations, params, most } = data, names = Object.keys(data.fits);
  const root = frame(el, "The data wall: what is another reading worth?");
  const panels = make("div", { class: "panels" }), rows = make("div", { class: "rows" });
  root.append(panels);
  const get = (name) => model.get(name);
  const put = (name, value) => { model.set(name, value); model.save_changes(); };
  const worth = (amount, base, scale) => base * (1 - scale * Math.expm1(-(amount / base - 1) / scale));
  const state = () => {
    const fit = data.fits[get("fit")], [E, A, alpha, B, beta, R_D, R_N] = fit.law;
    const w = widths.indexOf(get("width")), N = params[w], U = get("ration");
    const G = ((alpha * A) / (beta * B)) ** (1 / (alpha + beta)), suits = (D) => Math.min(N, G * (D * G) ** (beta / alpha));
    const at = (unlike, D) => E + A * worth(N, suits(unlike), R_N) ** -alpha + B * worth(D, unlike, R_D) ** -beta;
    const loss = (n) => at(U, n * U), fresh = (n) => at(n * U, n * U), N2 = worth(N, suits(U), R_N);
    // Rations of fresh text that take the same model to this loss.
    const reuse = (L) => {
      let [low, high] = [0, Math.log(most)];
      for (let i = 0; i < 40; i++) { const middle = (low + high) / 2; fresh(Math.exp(middle)) > L ? (low = middle) : (high = middle); }
      return Math.exp((low + high) / 2);
    };
    return { fit, N, U, N2, loss, fresh, reuse, R_D, runs: data.runs[fit.like][w][rations.indexOf(U)], open: data.runs[fit.like][w][rations.length] };
  };
  const grid = Array.from({ length: 61 }, (_, i) => most ** (i / 60));
  const x = { low: 0.9, high: most * 1.1, log: true, label: "readings of the ration" };
  const drag = (n) => put("readings", +clamp(n, 1, most).toPrecision(3));
  const left = plot(panels, {
    label: "Loss against readings: a ration that is repeated, and fresh text, by the law and as measured",
    height: 280, drag,
    painter: (axes) => {
      const s = state(), n = get("readings");
      const near = s.open.filter(([D]) => D / s.U >= 0.9 && D / s.U <= most * 1.05);
      const seen = [...s.runs, ...near].map(([, L]) => L), top = Math.max(...seen, s.loss(1), s.fresh(1)) + 0.05, low = Math.min(...seen, s.fresh(most)) - 0.08;
      const p = axes(x, { low, high: top, say: (t) => t.toFixed(1) }, "loss (nats per token)");
      p.line(grid.map((k) => [k, s.fresh(k)]), { stroke: "var(--grey)", "stroke-dasharray": "6 4" });
      p.line(grid.map((k) => [k, s.loss(k)]), { stroke: "var(--blue)" });
      near.forEach(([D, L]) => p.dot(D / s.U, L, { r: 3.5, fill: "var(--paper)", stroke: "var(--grey)", "stroke-width": 1.5 }));
      s.runs.forEach(([D, L]) => p.dot(D / s.U, L, { fill: "var(--blue)" }));
      draw(p.svg, "text", { x: p.right - 4, y: p.top + 14, "text-anchor": "end", style: "fill:var(--blue)" }, "one ration, stopped in time");
      draw(p.svg, "text", { x: p.right - 4, y: p.top + 30, "text-anchor": "end" }, "fresh text (dots: measured)");
      const L = s.loss(n), back = s.reuse(L);
      p.line([[n, L], [back, L]], { stroke: "var(--red)", "stroke-width": 1.2 });
      p.dot(n, L, { r: 7, fill: "var(--red)", stroke: "var(--paper)", "stroke-width": 2, class: "yours" });
    },
  });
  const right = plot(panels, {
    label: "What the readings are worth in rations of fresh text, against their number, both logarithmic",
    height: 280, drag,
    painter: (axes) => {
      const s = state(), n = get("readings"), p = axes(x, { low: 0.9, high: most * 1.1, log: true }, "worth in rations of fresh text");
      p.line([[1, 1], [most, most]], { stroke: "var(--grey)", "stroke-dasharray": "6 4" });
      p.text(8, 8, "if repeats were fresh", { dx: -6, dy: -2, "text-anchor": "end" });
      const half = s.fit.R_D.map((R) => grid.map((k) => [k, worth(k, 1, R)]));
      draw(p.svg, "path", { d: half[0].map(([a, b], i) => (i ? "L" : "M") + p.X(a) + " " + p.Y(b)).join("") + half[1].reverse().map(([a, b]) => "L" + p.X(a) + " " + p.Y(b)).join("") + "Z", fill: "var(--band)" });
      p.line(grid.map((k) => [k, worth(k, 1, s.R_D)]), { stroke: "var(--blue)" });
      p.line(grid.map((k) => [k, s.reuse(s.loss(k))]), { stroke: "var(--purple)" });
      draw(p.svg, "text", { x: p.left + 8, y: p.top + 16, style: "fill:var(--blue)" }, "tokens alone: D′ / U");
      draw(p.svg, "text", { x: p.left + 8, y: p.top + 33, style: "fill:var(--purple)" }, "whole law: effective reuse");
      p.dot(n, worth(n, 1, s.R_D), { r: 6, fill: "var(--blue)", stroke: "var(--paper)", "stroke-width": 2 });
      p.dot(n, s.reuse(s.loss(n)), { r: 6, fill: "var(--purple)", stroke: "var(--paper)", "stroke-width": 2 });
    },
  });
  root.append(rows);
  const fit = choice(rows, "Law", names.map((name) => [name, name]), (name) => put("fit", name));
  const width = toggles(rows, "Width", widths.map(String), (i) => put("width", widths[i]));
  const ration = toggles(rows, "Ration (tokens)", rations.map(count), (i) => put("ration", rations[i]));
  const times = (v) => `${+v.toPrecision(3)} reading${v === 1 ? "" : "s"}`;
  const read = slider(rows, "Readings", 0, 120, 1, (i) => times(most ** (i / 120)), (i) => put("readings", +(most ** (i / 120)).toPrecision(3)));
  const say = speaker(root);
  const refresh = () => {
    const s = state(), n = get("readings"), L = s.loss(n), each = s.U / s.N;
    fit.set(get("fit"));
    width((i) => widths[i] === get("width"));
    ration((i) => rations[i] === get("ration"));
    read.set(Math.round((120 * Math.log(n)) / Math.log(most)));
    read.input.nextElementSibling.textContent = times(n);
    left();
    right();
    say(`${times(n)} of ${count(s.U)} tokens, ${each < 1 ? each.toPrecision(2) : each.toFixed(1)} for each parameter: loss ${L.toFixed(3)} by the law, ${s.fresh(n).toFixed(3)} if all were fresh. ` +
      `With R_D = ${s.R_D.toFixed(2)} the tokens count as ${worth(n, 1, s.R_D).toFixed(2)} rations, the last reading as ${Math.exp(-(n - 1) / s.R_D).toFixed(3)} of a fresh one. ` +
      `By the whole law ${s.reuse(L).toFixed(2)} rations of fresh text would do the same for this model` + (s.N2 < s.N * 0.995 ? `, whose ${count(s.N)} parameters count as ${count(s.N2)} on so little text.` : "."));
  };
  for (const name of ["fit", "width", "ration", "readings"]) model.on("change:" + name, refresh);
  refresh();
}

export default { render };
