// Controls, and a plot in SVG, for the explorers that draw numbers.
function slider(rows, name, min, max, step, format, changed) {
  const value = make("output"), input = make("input", { type: "range", min, max, step });
  const show = () => { const text = format(+input.value); value.textContent = text; input.setAttribute("aria-valuetext", text); };
  input.setAttribute("aria-label", name);
  input.addEventListener("input", () => { show(); changed(+input.value); });
  rows.append(make("label", {}, make("span", {}, name), input, value));
  return { input, set: (x) => { input.value = x; show(); } };
}

function choice(rows, name, options, changed) {
  const input = make("select", { "aria-label": name }, ...options.map(([value, text]) => make("option", { value }, text)));
  input.addEventListener("change", () => changed(input.value));
  rows.append(make("label", {}, make("span", {}, name), input));
  return { input, set: (x) => { input.value = x; } };
}

function toggles(rows, name, texts, changed) {
  const line = make("div", { class: "line", role: "group", "aria-label": name }, make("span", {}, name));
  const buttons = texts.map((text, i) => make("button", { type: "button", onclick: () => changed(i) }, text));
  line.append(...buttons);
  rows.append(line);
  return (on) => buttons.forEach((b, i) => b.setAttribute("aria-pressed", on(i)));
}

function ticksOf(low, high, log, room) {
  if (!log || high / low < 3) {
    const raw = (high - low) / room, base = 10 ** Math.floor(Math.log10(raw));
    const step = base * [1, 2, 5, 10].find((m) => m * base >= raw), ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i++) ticks.push(+(i * step).toPrecision(10));
    return ticks;
  }
  const decades = Math.log10(high / low), ticks = [];
  const steps = decades > room ? [1] : decades > 1.5 ? [1, 3] : [1, 1.5, 2, 3, 5, 7];
  const skip = Math.max(1, Math.ceil(decades / room));
  for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++)
    if (e % skip === 0) for (const m of steps) if (m * 10 ** e >= low && m * 10 ** e <= high) ticks.push(m * 10 ** e);
  const every = Math.ceil(ticks.length / (room + 1));
  return ticks.filter((_, i) => i % every === 0);
}

// A plot that is drawn anew at its own width, so that its words keep their size on a phone.
function plot(parent, { label, height = 250, painter, drag }) {
  const svg = draw(parent, "svg", { role: "img", "aria-label": label, height });
  let axes;
  const paint = () => {
    const width = svg.clientWidth || 300;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren();
    painter((x, y, title) => {
      const left = 46, right = width - 10, top = 24, bottom = height - 38;
      const scale = (a, from, to) => {
        const f = a.log ? Math.log : (v) => v, low = f(a.low), span = f(a.high) - low;
        const at = (v) => from + ((f(v) - low) / span) * (to - from);
        at.back = (p) => { const v = low + ((p - from) / (to - from)) * span; return a.log ? Math.exp(v) : v; };
        return at;
      };
      const X = scale(x, left, right), Y = scale(y, bottom, top);
      draw(svg, "text", { x: left - 38, y: 13, class: "head" }, title);
      for (const t of ticksOf(x.low, x.high, x.log, width / 75)) {
        draw(svg, "line", { x1: X(t), x2: X(t), y1: top, y2: bottom, stroke: "var(--grid)" });
        draw(svg, "text", { x: X(t), y: bottom + 15, "text-anchor": "middle" }, (x.say || short)(t));
      }
      for (const t of ticksOf(y.low, y.high, y.log, 5)) {
        draw(svg, "line", { x1: left, x2: right, y1: Y(t), y2: Y(t), stroke: "var(--grid)" });
        draw(svg, "text", { x: left - 5, y: Y(t) + 4, "text-anchor": "end" }, (y.say || short)(t));
      }
      draw(svg, "path", { d: `M${left} ${top}V${bottom}H${right}`, fill: "none", stroke: "var(--soft)" });
      draw(svg, "text", { x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, x.label);
      const line = (points, style) => draw(svg, "path", {
        d: points.map(([a, b], i) => (i ? "L" : "M") + X(a).toFixed(1) + " " + Y(b).toFixed(1)).join(""),
        fill: "none", "stroke-width": 1.8, ...style });
      const dot = (a, b, style) => draw(svg, "circle", { cx: X(a), cy: Y(b), r: 4, ...style });
      const text = (a, b, words, style) => draw(svg, "text", { x: X(a), y: Y(b), ...style }, words);
      axes = { X, Y, left, right, top, bottom, width };
      return { svg, line, dot, text, ...axes };
    });
  };
  if (drag) {
    const follow = (e) => {
      const box = svg.getBoundingClientRect();
      drag(axes.X.back(clamp(e.clientX - box.left, axes.left, axes.right)));
    };
    svg.style.cursor = "ew-resize";
    svg.addEventListener("pointerdown", (e) => { svg.setPointerCapture(e.pointerId); follow(e); });
    svg.addEventListener("pointermove", (e) => { if (e.buttons) follow(e); });
  }
  new ResizeObserver(paint).observe(svg);
  return paint;
}
