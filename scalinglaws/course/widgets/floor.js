// Floor and range: eight runs of a law with a floor, the band of a line, and how often it holds.
function render({ model, el }) {
  const data = model.get("data"), { runs, reach, beyond } = data, [t6, t5] = data.t;
  const level = (i) => { const c = data.noise.charCodeAt(i); return c - (c > 92 ? 36 : 35); };
  const noise = Array.from({ length: data.noise.length / 2 }, (_, i) => reach * ((2 * (91 * level(2 * i) + level(2 * i + 1))) / 8280 - 1));
  const series = noise.length / runs;
  const root = frame(el, "Floor and range: does the band of a line hold the law?");
  const panels = make("div", { class: "panels" }), rows = make("div", { class: "rows" });
  root.append(panels);
  const get = (name) => model.get(name);
  const put = (name, value) => { model.set(name, value); model.save_changes(); };
  const law = (x) => get("floor") + (1 - get("floor")) * x ** -get("alpha");
  // All that depends on the places of the runs alone.
  const design = (decades) => {
    const u = Array.from({ length: runs }, (_, i) => (Math.log(10) * decades * i) / (runs - 1)), mean = u[runs - 1] / 2;
    const v = u.map((a) => a - mean), spread = v.reduce((s, a) => s + a * a, 0), far = u[runs - 1] + Math.log(beyond) - mean;
    const q = v.map((a) => a * a - spread / runs), bow = q.reduce((s, a) => s + a * a, 0);
    const truth = u.map((a) => Math.log(law(Math.exp(a)))), at = Math.log(law(Math.exp(far + mean)));
    return { u, mean, v, spread, far, q, bow, truth, at };
  };
  const fit = (d, k) => {
    const y = d.truth.map((a, i) => a + (get("noise") / 100) * noise[k * runs + i]);
    let level = 0, slope = 0, square = 0, total = 0;
    y.forEach((a, i) => { level += a / runs; slope += (d.v[i] * a) / d.spread; square += d.q[i] * a; });
    y.forEach((a) => { total += (a - level) ** 2; });
    const left = total - slope * slope * d.spread, rest = left - (square * square) / d.bow;
    const half = (v) => t6 * Math.sqrt((left / (runs - 2)) * (1 / runs + (v * v) / d.spread));
    const line = (v) => level + slope * v;
    return { y, slope, line, half, r2: 1 - left / total, holds: Math.abs(line(d.far) - d.at) < half(d.far), bend: Math.sqrt((left / rest - 1) * (runs - 3)) > t5 };
  };
  const tally = (decades) => {
    const d = design(decades), n = { holds: 0, bend: 0, silent: 0 };
    for (let k = 0; k < series; k++) { const f = fit(d, k); n.holds += f.holds; n.bend += f.bend; n.silent += !f.holds && !f.bend; }
    return n;
  };
  const left = plot(panels, {
    label: "Eight runs and the line through them with its band, both logarithmic; uncovered, the law behind them",
    height: 280,
    painter: (axes) => {
      const d = design(get("decades")), f = fit(d, get("series")), end = d.u[runs - 1] + Math.log(beyond) * 1.35;
      const low = Math.exp(Math.min(f.line(end - d.mean) - f.half(end - d.mean), Math.log(law(Math.exp(end))))) * 0.97;
      const p = axes({ low: 0.8, high: Math.exp(end), log: true, label: "compute x" }, { low, high: 1.08, log: true, say: (t) => String(+t.toFixed(2)) }, "loss");
      const grid = Array.from({ length: 41 }, (_, i) => (end * i) / 40), X = (u) => p.X(Math.exp(u)), band = (s) => (u) => p.Y(Math.exp(f.line(u - d.mean) + s * f.half(u - d.mean)));
      const path = (y, us) => us.map((u, i) => (i ? "L" : "M") + X(u) + " " + y(u)).join("");
      draw(p.svg, "path", { d: path(band(1), grid) + path(band(-1), [...grid].reverse()).replace("M", "L") + "Z", fill: "var(--band)" });
      const line = (us) => us.map((u) => [Math.exp(u), Math.exp(f.line(u - d.mean))]);
      p.line(line([0, d.u[runs - 1]]), { stroke: "var(--blue)" });
      p.line(line([d.u[runs - 1], end]), { stroke: "var(--blue)", "stroke-dasharray": "6 4" });
      if (get("truth")) {
        p.line(grid.map((u) => [Math.exp(u), law(Math.exp(u))]), { stroke: "var(--red)" });
        if (get("floor") > low) p.line([[0.8, get("floor")], [Math.exp(end), get("floor")]], { stroke: "var(--grey)", "stroke-dasharray": "2 4" });
        p.dot(Math.exp(d.far + d.mean), Math.exp(d.at), { r: 6, fill: f.holds ? "var(--green)" : "none", stroke: f.holds ? "var(--paper)" : "var(--red)", "stroke-width": 2, class: "opened" });
      }
      f.y.forEach((y, i) => p.dot(Math.exp(d.u[i]), Math.exp(y), { fill: "var(--ink)" }));
    },
  });
  const right = plot(panels, {
    label: "For each range of the runs, in how many of 200 series the band holds the law, the bend shows, and neither",
    height: 280,
    painter: (axes) => {
      const p = axes({ low: 0.5, high: 4, label: "range of the eight runs (decades)" }, { low: 0, high: series * 1.25 }, `of ${series} series`);
      if (!get("truth")) {
        draw(p.svg, "rect", { x: p.left, y: p.top, width: p.right - p.left, height: p.bottom - p.top, fill: "var(--grid)", opacity: 0.55 });
        draw(p.svg, "text", { x: (p.left + p.right) / 2, y: (p.top + p.bottom) / 2, "text-anchor": "middle" }, "covered");
        return;
      }
      const all = Array.from({ length: 15 }, (_, i) => 0.5 + i / 4).map((d) => [d, tally(d)]);
      p.line([[get("decades"), 0], [get("decades"), series * 1.04]], { stroke: "var(--soft)", "stroke-dasharray": "4 3", "stroke-width": 1 });
      [["holds", "green", "band holds"], ["bend", "blue", "bend shows"], ["silent", "red", "missed, no warning"]].forEach(([key, color, words], k) => {
        p.line(all.map(([d, n]) => [d, n[key]]), { stroke: `var(--${color})` });
        p.dot(get("decades"), tally(get("decades"))[key], { fill: `var(--${color})` });
        // Where there is little room the longest words get a line of their own.
        const narrow = k === 2 && p.right - p.left < 300;
        draw(p.svg, "text", { x: [p.left + 6, p.left + 0.46 * (p.right - p.left), p.right - 2][k], y: p.top + (narrow ? 32 : 16), "text-anchor": ["start", "middle", "end"][k], style: `fill:var(--${color})` }, words);
      });
    },
  });
  root.append(rows);
  const steps = (name, label, low, high, n, format, log) => {
    const of = (i) => +(log ? low * (high / low) ** (i / n) : low + ((high - low) * i) / n).toPrecision(3);
    const it = slider(rows, label, 0, n, 1, (i) => format(of(i)), (i) => put(name, clamp(of(i), low, high)));
    return () => {
      it.set(Math.round(n * (log ? Math.log(get(name) / low) / Math.log(high / low) : (get(name) - low) / (high - low))));
      it.input.nextElementSibling.textContent = format(get(name));
      it.input.setAttribute("aria-valuetext", format(get(name)));
    };
  };
  const shows = [
    steps("alpha", "Exponent α", 0.02, 0.6, 100, (v) => v.toPrecision(2), true),
    steps("floor", "Floor E", 0, 0.7, 70, (v) => (v ? `${Math.round(100 * v)} % of start` : "none")),
    steps("noise", "Noise", 0.1, 5, 100, (v) => v.toPrecision(2) + " %", true),
    steps("decades", "Range", 0.5, 4, 35, (v) => v.toFixed(1) + " decades"),
  ];
  const line = make("div", { class: "line" }), open = make("button", { type: "button", onclick: () => put("truth", !get("truth")) });
  line.append(make("span", {}, "Series"), make("button", { type: "button", onclick: () => put("series", (get("series") + 1) % series) }, "Draw the noise again"), open);
  rows.append(line);
  const say = speaker(root);
  const refresh = () => {
    const d = design(get("decades")), f = fit(d, get("series"));
    shows.forEach((show) => show());
    open.textContent = get("truth") ? "Cover the law" : "Uncover the law";
    open.setAttribute("aria-pressed", !!get("truth"));
    left();
    right();
    const ends = [-1, 1].map((s) => Math.exp(f.line(d.far) + s * f.half(d.far)).toFixed(3)), n = get("truth") && tally(get("decades"));
    say(`The line has slope ${(-f.slope).toFixed(4)} and R² = ${f.r2.toFixed(3)}. Ten times beyond the last run its 95 % band reaches from ${ends[0]} to ${ends[1]}. ` +
      (n ? `The law has ${Math.exp(d.at).toFixed(3)} there, ${f.holds ? "inside" : "outside"}; the bend ${f.bend ? "shows" : "does not show"} in this series. Of ${series} series the band holds the law in ${n.holds}, the bend shows in ${n.bend}, and ${n.silent} miss it without a warning.` :
        "Does it hold the law? Decide, then uncover it."));
  };
  for (const name of ["alpha", "floor", "noise", "decades", "series", "truth"]) model.on("change:" + name, refresh);
  refresh();
}

export default { render };
