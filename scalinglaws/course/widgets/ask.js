// Ask the model: a trained transformer that adds, computed here.
function open({ n, top, s, w }) {
  const level = (text, i) => { const c = text.charCodeAt(i); return c - (c > 92 ? 36 : 35); };
  const out = new Float32Array(w.length);
  for (let i = 0; i < w.length; i++) out[i] = (level(w, i) - 45) * top * 2 ** (-level(s, i % n) / 8);
  return { n, w: out };
}
function times(x, { n, w }) {
  const out = new Float32Array(n);
  for (let i = 0; i < x.length; i++) if (x[i]) for (let j = 0; j < n; j++) out[j] += x[i] * w[i * n + j];
  return out;
}
function norm(x) {
  const mean = x.reduce((s, v) => s + v, 0) / x.length, va = x.reduce((s, v) => s + (v - mean) ** 2, 0) / x.length;
  return x.map((v) => (v - mean) / Math.sqrt(va + 1e-5));
}
function softmax(x) {
  const top = Math.max(...x), e = Array.from(x, (v) => Math.exp(v - top)), sum = e.reduce((s, v) => s + v, 0);
  return e.map((v) => v / sum);
}
// The probabilities of the next token after these; the same sums as in learners/transformer.py.
function next(net, tokens) {
  const d = net.embedding.n, each = d / net.heads;
  let xs = tokens.map((t, p) => Float32Array.from({ length: d }, (_, i) => net.embedding.w[t * d + i] + net.position.w[p * d + i]));
  for (const { way_in, way_out } of net.blocks) {
    const made = xs.map((x) => times(norm(x), way_in));
    xs = xs.map((x, p) => {
      const joined = new Float32Array(5 * d);
      for (let h = 0; h < net.heads; h++) {
        const scores = [];
        for (let k = 0; k <= p; k++) {
          let dot = 0;
          for (let i = h * each; i < (h + 1) * each; i++) dot += made[p][i] * made[k][d + i];
          scores.push(dot / Math.sqrt(each));
        }
        softmax(scores).forEach((share, k) => { for (let i = h * each; i < (h + 1) * each; i++) joined[i] += share * made[k][2 * d + i]; });
      }
      for (let i = 0; i < 4 * d; i++) joined[d + i] = Math.max(0, made[p][3 * d + i]) ** 2;
      const change = times(joined, way_out);
      return x.map((v, i) => v + change[i]);
    });
  }
  return softmax(times(norm(xs[xs.length - 1]), net.head));
}

function render({ model, el }) {
  const data = model.get("data"), { digits, symbols, matrices } = data, most = 10 ** digits - 1;
  const net = { heads: data.heads, blocks: [] };
  for (const name of ["embedding", "position", "head"]) net[name] = open(matrices[name]);
  for (let i = 0; i < data.depth; i++) net.blocks.push({ way_in: open(matrices[`blocks.${i}.way_in`]), way_out: open(matrices[`blocks.${i}.way_out`]) });
  const get = (name) => model.get(name);
  const root = frame(el, "Ask the model: it adds on this page, digit by digit");
  const rows = make("div", { class: "rows" });
  root.append(rows);
  const put = (a, b) => { model.set("a", a); model.set("b", b); model.save_changes(); };
  const line = make("div", { class: "line" });
  const field = (name, label) => {
    const input = make("input", { type: "text", inputmode: "numeric", maxlength: digits, size: digits + 1, "aria-label": label });
    input.addEventListener("input", () => {
      const clean = input.value.replace(/\D/g, "");
      if (clean !== input.value) input.value = clean;
      if (clean !== "") { model.set(name, +clean); model.save_changes(); }
    });
    return input;
  };
  const a = field("a", `First number, up to ${digits} digits`), b = field("b", `Second number, up to ${digits} digits`);
  const draw2 = (places) => { const low = 10 ** (places - 1); return low + Math.floor(Math.random() * 9 * low); };
  const button = (text, f) => make("button", { type: "button", onclick: f }, text);
  line.append(a, "+", b, "=", button(`New, ${data.known} digits`, () => put(draw2(data.known), draw2(data.known))),
    button(`New, ${digits} digits`, () => put(draw2(digits), draw2(digits))),
    button("Move one place", () => { const x = get("a") * 10, y = get("b") * 10; if (x <= most && y <= most) put(x, y); else say(`There is no room: the form has ${digits} digits.`); }));
  rows.append(line);
  const holder = make("div", { style: "margin-top:.5em" });
  root.append(holder);
  let found = [], told = "";
  const paint = plot2(holder);
  const say = speaker(root);
  function plot2(parent) {
    const height = 260, svg = draw(parent, "svg", { role: "img", height, "aria-label": "Probability of each digit at each place of the answer" });
    const paint = () => {
      const width = svg.clientWidth || 300, n = digits + 1, left = 24, cell = (width - left - 4) / n, h = 19;
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.replaceChildren();
      const right = String(get("a") + get("b")).padStart(n, "0");
      for (let k = 0; k < 10; k++) draw(svg, "text", { x: 8, y: 26 + k * h + 14 }, k);
      found.forEach((p, place) => {
        const x = left + (n - 1 - place) * cell, best = p.indexOf(Math.max(...p)), want = +right[n - 1 - place];
        draw(svg, "text", { x: x + cell / 2, y: 14, "text-anchor": "middle" }, (10 ** place).toLocaleString("en-US").replace("100,000", "10⁵").replace("10,000", "10⁴"));
        for (let k = 0; k < 10; k++) {
          const y = 26 + k * h;
          draw(svg, "rect", { x: x + 2, y, width: cell - 4, height: h - 2, rx: 2, fill: "var(--grid)", opacity: 0.6 });
          draw(svg, "rect", { x: x + 2, y, width: (cell - 4) * p[k], height: h - 2, rx: 2, fill: k === want ? "var(--green)" : "var(--orange)" });
          if (k === want) draw(svg, "rect", { x: x + 2, y, width: cell - 4, height: h - 2, rx: 2, fill: "none", stroke: "var(--green)", "stroke-width": 2 });
        }
        const middle = { x: x + cell / 2, "text-anchor": "middle" }, sure = 100 * p[best];
        draw(svg, "text", { ...middle, y: height - 24, class: "head", "font-weight": 600 }, symbols[best]);
        draw(svg, "text", { ...middle, y: height - 7 }, (sure > 99.95 ? "100" : sure.toPrecision(3)) + "%");
      });
    };
    new ResizeObserver(paint).observe(svg);
    return paint;
  }
  const refresh = () => {
    const write = (v) => String(v).padStart(digits, "0");
    const tokens = [...(write(get("a")) + "+" + write(get("b")) + "=")].map((c) => symbols.indexOf(c));
    found = [];
    for (let i = 0; i <= digits; i++) {
      const p = next(net, tokens);
      found.push(p);
      tokens.push(p.indexOf(Math.max(...p)));
    }
    for (const [input, name] of [[a, "a"], [b, "b"]]) if (+input.value !== get(name) || !input.value) input.value = get(name);
    const wrote = tokens.slice(2 * digits + 2).reverse().map((t) => symbols[t]).join(""), right = get("a") + get("b");
    const sure = found.map((p) => Math.max(...p)).reduce((s, v) => s * v, 1);
    paint();
    told = `The model writes ${/^\d+$/.test(wrote) ? count(+wrote) : wrote}, ${+wrote === right ? "which is right" : `which is wrong: the sum is ${count(right)}`}. ` +
      `It gives this answer a probability of ${sure > 0.9995 ? "over 99.9" : (100 * sure).toPrecision(3)} %. It writes from the right, one digit after the other; the green frame is the right digit.`;
    say(told);
    el.found = found;
  };
  for (const name of ["a", "b"]) model.on("change:" + name, refresh);
  refresh();
}

export default { render };
