// Bets on the page: a card for every forecast that the chapter asks for, what answers it folded
// until the reader commits or skips, the score afterwards, and the record over the whole book.
// Beside a kernel the same card is a widget, and the record is Python's.
const bets = (() => {
  "use strict";
  const STORE = "scalinglaws.bets";
  const LEVEL = 0.8;
  const LATE = " Made when the answer was known: it does not count.";
  const root = document.documentElement;

  // ---- the rules of scalinglaws.course.forecast
  const score = (f) => {
    const outside = Math.max(f.low - f.answer, f.answer - f.high, 0);
    return f.high - f.low + (2 / (1 - f.level)) * outside;
  };
  const hit = (f) => f.low <= f.answer && f.answer <= f.high;
  const side = (f) => (hit(f) ? "bet-in" : "bet-out");
  const off = (f) => {
    const gap = f.answer - f.value;
    const half = gap > 0 ? f.high - f.value : f.value - f.low;
    return half ? gap / half : gap ? Math.sign(gap) * Infinity : 0;
  };
  const wilson = (share, n, z = 1.959964) => {
    const middle = (share + z ** 2 / (2 * n)) / (1 + z ** 2 / n);
    const spread = Math.sqrt((share * (1 - share)) / n + z ** 2 / (4 * n ** 2));
    const half = (z / (1 + z ** 2 / n)) * spread;
    return [Math.max(0, middle - half), Math.min(1, middle + half)];
  };
  const calibrated = (forecasts) => {
    const judged = forecasts.filter((f) => f.counts !== false);
    const hits = judged.filter(hit).length;
    const questions = new Set(judged.map((f) => f.key)).size;
    const expected = judged.reduce((sum, f) => sum + f.level, 0);
    const [low, high] = questions ? wilson(hits / judged.length, questions) : [0, 1];
    return { scored: judged.length, hits, expected, low, high, questions };
  };

  // ---- numbers
  const tidy = (text) => text.replace("e+", "e").replace("-", "−").replace("e-", "e−");
  const show = (x, figures = 4) => {
    if (!x) return "0";
    const size = Math.abs(x);
    if (size >= 1e7 || size < 1e-4) return tidy(String(Number(x.toPrecision(figures)).toExponential()));
    const rounded = Number(x.toPrecision(figures));
    return tidy(size >= 1e4 ? rounded.toLocaleString("en-US") : String(rounded));
  };
  const plain = (x) => String(Number(x.toPrecision(6))).replace("e+", "e");
  // 0,069 has a decimal comma; 1,200 has one where no number of the axis reaches 1,000.
  const parse = (text, most) => {
    const clean = text.trim().replace("−", "-").replace(/\s/g, "");
    if (/^-?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(clean) && (most >= 1000 || clean.split(",").length > 2 || clean.includes(".")))
      return Number(clean.replace(/,/g, ""));
    return clean ? Number(/^[^.,]*,\d+$/.test(clean) ? clean.replace(",", ".") : clean) : NaN;
  };
  const slug = (key) => key.replace(".", "-");
  const measure = (unit) => {
    const [first] = unit.split(" ");
    const lead = { "": "", of: "Out ", exponent: "An ", times: "How many " }[first] ?? "In ";
    return unit && `${lead}${unit.replace(/^%/, "per cent")}. `;
  };
  const units = (bet) => (bet.unit ? ` ${bet.unit}` : "");
  const range = (f) => `${show(f.value)} (${show(f.low)} to ${show(f.high)})`;
  const percent = (level) => `${Math.round(100 * level)}\u00a0%`;

  // ---- the record
  // `again` holds bets made when the answer was known; a bet that counts is never replaced.
  // `reached` names the bets whose answer the page has shown: before that the board does not score.
  let record = { version: 1, bets: {}, again: {}, skipped: [], seen: [], reached: [], drafts: {} };
  let refused = false;
  const load = () => {
    try {
      const kept = JSON.parse(localStorage.getItem(STORE));
      if (kept?.version !== 1) return;
      for (const [name, empty] of Object.entries(record))
        if (kept[name] && Array.isArray(kept[name]) === Array.isArray(empty) && typeof kept[name] === typeof empty) record[name] = kept[name];
      if (!kept.reached) record.reached = Object.keys(record.bets);
    } catch { /* begin anew */ }
  };
  const save = () => {
    try {
      localStorage.setItem(STORE, JSON.stringify(record));
    } catch {
      refused = true;
    }
  };
  // "*" stands for all bets: the reader reads without them, and what they have seen stays skipped.
  const without = () => record.skipped.includes("*");
  const skipped = (key) => record.skipped.includes(key) || without();
  const settled = (key) => key in record.bets || skipped(key);
  const waiting = () => [...document.querySelectorAll(".bet-card[data-key]")].filter((one) => !settled(one.dataset.key));
  const see = (key) => record.seen.includes(key) || record.seen.push(key);
  const reach = (key) => record.reached.includes(key) || record.reached.push(key);

  let data = {};
  const redo = new Set();
  const mine = () =>
    [...Object.entries(record.bets), ...Object.entries(record.again)]
      .filter(([key]) => key in data)
      .map(([key, f]) => ({ key, level: LEVEL, ...f, unit: data[key].unit, who: "you", answer: data[key].answer }));

  // ---- blocks
  const el = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value !== false && value != null) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child != null));
    return made;
  };
  const [p, div, span, ol] = ["p", "div", "span", "ol"].map((tag) => (kind, ...children) => el(tag, { class: `bet-${kind}` }, ...children));
  const button = (text, act, kind = "plain") =>
    el("button", { type: "button", class: `bet-button bet-${kind}`, onclick: act }, text);

  const scaleOf = (lo, hi, log) => {
    const [f, back] = log ? [Math.log, Math.exp] : [Number, Number];
    return {
      lo, hi, log,
      at: (x) => (log && x <= 0 ? -1 : (f(x) - f(lo)) / (f(hi) - f(lo))),
      from: (share) => {
        const x = back(f(lo) + share * (f(hi) - f(lo)));
        if (log) return Number(x.toPrecision(3));
        const step = 10 ** Math.floor(Math.log10((hi - lo) / 150));
        return Number((Math.round(x / step) * step).toPrecision(12));
      },
    };
  };
  const place = (share) => `${100 * Math.min(1, Math.max(0, share))}%`;
  const padded = (values, log) => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const pad = log ? (most / least) ** 0.06 : (most - least) * 0.06;
    return log ? scaleOf(least / pad, most * pad, true) : scaleOf(least - pad, most + pad, false);
  };
  const ticks = ({ lo, hi, log }) => {
    const found = [];
    if (log && hi > 5 * lo) {
      const decades = Math.log10(hi / lo);
      const of = decades > 2.2 ? [1] : [1, 2, 5];
      const every = Math.ceil(decades / 6);
      for (let e = Math.floor(Math.log10(lo)); e <= Math.log10(hi) + 1e-9; e += every)
        of.forEach((m) => found.push(Number(`${m}e${e}`)));
    } else {
      const rough = (hi - lo) / 5;
      const ten = 10 ** Math.floor(Math.log10(rough));
      const step = ten * [1, 2, 5, 10].find((m) => m * ten >= rough * 0.999);
      for (let x = Math.ceil(lo / step - 1e-9) * step; x <= hi + step * 1e-9; x += step) found.push(Number(x.toPrecision(12)));
    }
    return found.filter((x) => x >= lo * (1 - 1e-9) && x <= hi * (1 + 1e-9));
  };
  const tick = (x) => {
    const e = Math.log10(x);
    return x >= 1e5 && Math.abs(e - Math.round(e)) < 1e-9 ? ["10", el("sup", {}, String(Math.round(e)))] : [show(x, 6)];
  };
  const drawTicks = (scale, edge = 0) =>
    el("div", { class: "bet-ticks", "aria-hidden": "true" },
      ...ticks(scale).filter((x) => Math.abs(scale.at(x) - 0.5) <= 0.5 - edge + 1e-9).map((x) => el("span", { style: `left:${place(scale.at(x))}` }, ...tick(x))));

  // What stands behind the bet where it carries on measured points: the points, their axes, and a
  // dashed line where the next one will lie; across the plot where the bet is on x.
  const face = (plot, scale, cross) => {
    const [xs, ys] = plot.across ? [scale, cross] : [cross, scale];
    const [across, down] = [(x) => place(xs.at(x)), (y) => place(1 - ys.at(y))];
    const rule = (x1, y1, x2, y2, kind = "grid") => `<line class="bet-${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
    const upright = (x, kind) => rule(across(x), 0, across(x), "100%", kind);
    const level = (y, kind) => rule(0, down(y), "100%", down(y), kind);
    const made = el("div", { class: "bet-face" });
    made.innerHTML = `<svg width="100%" height="100%" role="img">${ticks(xs).map((x) => upright(x)).join("")}${ticks(ys).map((y) => level(y)).join("")}${
      (plot.across ? level : upright)(plot.at, "here")}${plot.x.map((x, i) => `<circle cx="${across(x)}" cy="${down(plot.y[i])}" r="5"/>`).join("")}</svg>`;
    made.firstChild.setAttribute("aria-label", `${plot.names[1]} against ${plot.names[0]}, ${plot.of}: ${
      plot.x.map((x, i) => `${show(plot.y[i], 3)} at ${show(x)}`).join(", ")}.`);
    const late = cross.at(plot.at) > 0.5;
    const label = (kind, style, ...words) => el("span", { class: `bet-${kind}`, style, "aria-hidden": "true" }, ...words);
    made.append(...ticks(xs).map((x) => label("x", `left:${across(x)}`, ...tick(x))),
      ...ticks(ys).map((y) => label("y", `top:${down(y)}`, ...tick(y))),
      label("next", plot.across ? `left:0;bottom:${place(cross.at(plot.at))}` :
        `${late ? "right" : "left"}:${place(late ? 1 - cross.at(plot.at) : cross.at(plot.at))}`, `${plot.here}: ?`));
    return made;
  };

  const line = (low, high, dot, truth) =>
    el("span", { class: "bet-line", "aria-hidden": "true" },
      el("i", { class: "bet-span", style: `left:${place(low)};right:${place(1 - high)}` }),
      el("i", { class: "bet-dot", style: `left:${place(dot)}` }),
      el("i", { class: "bet-truth", style: `left:${place(truth)}` }));

  // Where a bet is placed: the scale along which it lies, in a plot also the one across.
  const stage = ({ plot, axis, log }) => {
    if (!plot) return { start: "left", end: "right", middle: "", first: () => scaleOf(...axis, log) };
    const up = !plot.across;
    const [along, aside] = up ? ["y", "x"] : ["x", "y"];
    const [most, least] = [Math.max(...plot[along]), Math.min(...plot[along])];
    const around = most > least && padded([least, most], plot.log.includes(along));
    const ends = [least < axis[0] ? around.lo : axis[0], most > axis[1] ? around.hi : axis[1]];
    const cross = plot.side ? scaleOf(...plot.side, plot.log.includes(aside)) : padded([...plot[aside], plot.at], plot.log.includes(aside));
    return {
      plot, up, cross, start: up ? "bottom" : "left", end: up ? "top" : "right",
      middle: `${up ? "left" : "bottom"}:${place(cross.at(plot.at))}`,
      first: (...also) => scaleOf(Math.min(...ends, ...also), Math.max(...ends, ...also), plot.log.includes(along)),
    };
  };
  const framed = ({ plot, up }, words, ...inside) =>
    el("div", { class: `bet-plot ${up ? "bet-up" : "bet-across"}`, role: "group", "aria-label": "Your bet in the plot" },
      p("note", `The dots are ${plot.of}.${words}`), div("name", plot.names[1]), ...inside, div("name bet-name-x", plot.names[0]));

  // ---- the card
  const card = (key, bet, kernel) => {
    const box = el("section", { class: "bet-card", id: `bet-${slug(key)}`, "aria-label": `Your bet: ${bet.question}` });
    box.dataset.key = key;
    const render = (focus) => {
      box.replaceChildren();
      box.classList.toggle("bet-open", !settled(key));
      if (redo.has(key)) form();
      else if (key in record.bets) placed();
      else if (skipped(key)) passed();
      else form();
      if (focus) box.querySelector("[tabindex='-1'], input")?.focus({ preventScroll: true });
    };
    const head = () => [
      p("kicker", "Your bet"),
      p("question", bet.question),
    ];
    const placed = () => {
      const f = record.bets[key];
      const set = stage(bet);
      const scale = set.first(f.low, f.high);
      box.append(...head(),
        set.plot ? framed(set, "", div("track bet-set", face(set.plot, scale, set.cross),
          el("i", { class: "bet-bar", style: `${set.middle};${set.start}:${place(scale.at(f.low))};${set.end}:${place(1 - scale.at(f.high))}` }),
          ...["low", "high", "value"].map((name) =>
            el("i", { class: `bet-handle bet-${name}`, style: `${set.middle};${set.start}:${place(scale.at(f[name]))}` })))) : "",
        el("p", { class: "bet-kept", tabindex: -1 },
          el("b", {}, `${show(f.value)}${units(bet)}`), `, and with ${percent(f.level ?? LEVEL)} between ${show(f.low)} and ${show(f.high)}.`,
          f.counts ? "" : LATE, key in record.again ? ` Later you said ${range(record.again[key])}.` : ""),
        kernel ? p("note", "It stands in the record of this notebook's kernel, as forecast.load() shows.") : "",
        kernel ? div("buttons", button(f.answered ? "Bet anew (will not count)" : "Change it", () => anew())) : div("buttons",
          el("a", { href: `#told-${slug(key)}`, class: "bet-button" }, "Go to the answer"),
          button("Bet anew (will not count)", () => anew(), "quiet")));
    };
    const passed = () => {
      const first = without() && document.querySelector(".bet-card[data-key]") === box;
      box.append(el("p", { class: "bet-kept bet-passed", tabindex: -1 }, without() ? "You read without bets. " : "You skipped this bet. ",
        button("Bet after all (will not count)", () => anew(), "quiet"), first ? again() : null));
    };
    const anew = () => {
      redo.add(key);
      render(true);
    };

    const form = () => {
      const now = { low: NaN, value: NaN, high: NaN };
      const { plot, up, cross, start, end, middle, first } = stage(bet);
      const paint = () => (plot ? face(plot, scale, cross) : drawTicks(scale));
      let scale = first();
      const names = { low: "From", value: "Value", high: "To" };
      const id = (name) => `bet-${slug(key)}-${name}`;
      const inputs = {};
      const handles = {};
      const say = el("p", { class: "bet-say", role: "status" });
      const track = div("track");
      const bar = el("div", { class: "bet-bar", hidden: true, style: middle });
      let scaleTicks = paint();

      const problem = () => {
        const empty = (name) => !inputs[name].value.trim();
        const missing = Object.keys(now).filter(empty);
        if (missing.length === 3) return "Set a value and a range that holds the answer with 80 %.";
        const bad = Object.keys(now).find((name) => !empty(name) && !Number.isFinite(now[name]));
        if (bad) return `“${names[bad]}” is no number: write it as 0.25, 1200 or 3e26.`;
        if (missing.length) return `Still empty: ${missing.map((name) => names[name]).join(", ")}.`;
        if (!(now.low <= now.value && now.value <= now.high)) return "The value must lie in the range: From ≤ Value ≤ To.";
        if (now.low === now.high) return "The range needs a width.";
        return "";
      };
      const draw = () => {
        const numbers = Object.values(now).filter(Number.isFinite);
        const lo = Math.min(scale.lo, ...numbers.filter((x) => !scale.log || x > 0));
        const hi = Math.max(scale.hi, ...numbers);
        if (lo < scale.lo || hi > scale.hi) {
          const log = scale.log || (lo > 0 && hi / scale.hi > 30);
          scale = scaleOf(lo < scale.lo ? lo - (log ? 0 : (hi - lo) * 0.05) : log && lo <= 0 ? hi / 1e4 : lo, hi > scale.hi ? hi * (hi > 0 ? 1.1 : 0.9) : hi, log);
          const fresh = paint();
          scaleTicks.replaceWith(fresh);
          scaleTicks = fresh;
        }
        for (const name of Object.keys(now)) {
          const known = Number.isFinite(now[name]);
          handles[name].hidden = !known;
          if (!known) continue;
          handles[name].style[start] = place(scale.at(now[name]));
          const values = { now: now[name], min: scale.lo, max: scale.hi, text: show(now[name]) + units(bet) };
          for (const [part, x] of Object.entries(values)) handles[name].setAttribute(`aria-value${part}`, x);
        }
        bar.hidden = !(now.low < now.high);
        if (!bar.hidden) {
          bar.style[start] = place(scale.at(now.low));
          bar.style[end] = place(1 - scale.at(now.high));
        }
        const wrong = problem();
        say.textContent = wrong || `${show(now.value)}${units(bet)}; with 80\u00a0% between ${show(now.low)} and ${show(now.high)}.`;
        commit.setAttribute("aria-disabled", String(Boolean(wrong)));
        if (kernel || redo.has(key)) return;
        record.drafts[key] = { ...now };
        if (numbers.length) save();
      };
      const put = (name, x) => {
        now[name] = x;
        inputs[name].value = plain(x);
      };
      const move = (name, share) => {
        share = Math.min(1, Math.max(0, share));
        if (name === "value") {
          const old = held ? before : { ...now }; // in a drag from where it began: the edge eats no range
          const by = Number.isFinite(old.value) ? share - scale.at(old.value) : 0;
          put("value", scale.from(share));
          for (const [end, side] of [["low", -1], ["high", 1]]) {
            const to = Number.isFinite(old[end]) ? scale.at(old[end]) + by : share + side * 0.09;
            put(end, scale.from(Math.min(1, Math.max(0, to))));
          }
          put("low", Math.min(now.low, now.value));
          put("high", Math.max(now.high, now.value));
        } else {
          let x = scale.from(share);
          if (Number.isFinite(now.value)) x = name === "low" ? Math.min(x, now.value) : Math.max(x, now.value);
          put(name, x);
        }
        draw();
      };
      const shareOf = (event) => {
        const frame = track.getBoundingClientRect();
        return up ? (frame.bottom - event.clientY) / frame.height : (event.clientX - frame.left) / frame.width;
      };
      let held = "";
      let before = {};
      track.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        box.classList.add("bet-touched"); // a finger needs no ring of the focus
        const share = shareOf(event);
        const known = Object.keys(now).filter((name) => Number.isFinite(now[name]));
        const distance = (name) => Math.abs(scale.at(now[name]) - share);
        const [near, next] = known.sort((a, b) => distance(a) - distance(b));
        const tie = next && distance(next) - distance(near) < 1e-9;
        const beside = tie && share !== scale.at(now[near]) && (share > scale.at(now[near]) ? "high" : "low");
        held = beside || event.target.dataset?.handle || (known.includes("value") ? near : "value");
        before = { ...now };
        track.setPointerCapture(event.pointerId);
        if (!event.target.dataset?.handle) move(held, share);
        handles[held].focus({ preventScroll: true });
        event.preventDefault();
      });
      track.addEventListener("pointermove", (event) => held && move(held, shareOf(event)));
      track.addEventListener("pointerup", () => (held = ""));
      track.addEventListener("pointercancel", () => { // the finger scrolled the page
        held = "";
        for (const [name, x] of Object.entries(before)) {
          put(name, x);
          if (!Number.isFinite(x)) inputs[name].value = "";
        }
        draw();
      });

      const KEYS = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1, Home: -9, End: 9 };
      const fields = div("fields");
      for (const name of Object.keys(now)) {
        handles[name] = el("span", {
          class: `bet-handle bet-${name}`, role: "slider", tabindex: 0, hidden: true, "data-handle": name, style: middle, "aria-orientation": up ? "vertical" : "horizontal",
          "aria-label": { value: "Your value", low: "Lower end of your range", high: "Upper end of your range" }[name],
          onkeydown: (event) => {
            box.classList.remove("bet-touched");
            if (!(event.key in KEYS)) return;
            event.preventDefault();
            move(name, scale.at(now[name]) + KEYS[event.key]);
          },
        });
        inputs[name] = el("input", {
          id: id(name), type: "text", inputmode: "decimal", autocomplete: "off", "aria-describedby": id("say"),
          oninput: () => { now[name] = parse(inputs[name].value, Math.max(...bet.axis)); draw(); },
          onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); bind(); } },
        });
        fields.append(el("label", { for: id(name), class: `bet-field-${name}` }, el("span", {}, names[name]), inputs[name]));
      }
      say.id = id("say");
      const bind = () => {
        if (problem()) { say.classList.add("bet-wrong"); say.textContent = problem(); return; }
        if (kernel) { kernel({ ...now }); return; }
        record[record.bets[key]?.counts ? "again" : "bets"][key] = { ...now, counts: !record.seen.includes(key) };
        settle();
      };
      const settle = (jump) => {
        if (!jump) wanted = "";
        redo.delete(key);
        delete record.drafts[key];
        see(key);
        save();
        render(true);
        refresh();
      };
      const commit = button("Commit", bind, "primary");
      track.append(...(plot ? [scaleTicks] : []), bar, ...(plot ? [el("span", { class: "bet-lane", style: middle })] : []), ...Object.values(handles));
      const front = !kernel && !box.dataset.key;
      box.append(...head(), !kernel && record.seen.includes(key) ? p("note", "You have seen the answer, so this bet will not count.") : "", plot ?
        framed({ plot, up }, " Drag along the dashed line, or type.", track) :
        el("div", { class: "bet-axis", role: "group", "aria-label": `Axis${units(bet)}` },
          p("note", "Touch the line to place your value, or type it."), track, scaleTicks),
        fields, p("unit", `${measure(bet.unit)}Your range should hold the answer in 8 cases of 10.`),
        say,
        div("buttons", commit,
          redo.has(key) ? button("Cancel", () => { redo.delete(key); render(true); }) :
            kernel || front ? null : button("Skip", () => { record.skipped.push(key); settle(true); }),
          ...(kernel || front || redo.has(key) ? [] : [button("Skip all on this page", () => {
            for (const one of waiting().map((box) => box.dataset.key)) see(one, record.skipped.push(one));
            settle(true);
            renew();
          }, "quiet bet-all"), never()])),
        p("note", kernel ? "Your bet goes into the record of Python; nobody bets in your name." :
          refused ? "This browser keeps nothing: your bet lasts as long as this page." :
            `${front ? `The answer is in chapter ${key.split(".")[0]}.` : "The chapter goes on when you commit or skip."} Your bet stays in this browser.`));
      if (!kernel && !redo.has(key))
        for (const [name, x] of Object.entries(record.drafts[key] ?? {})) if (name in now && Number.isFinite(x)) put(name, x);
      draw();
      say.classList.remove("bet-wrong");
    };
    if (kernel) box.render = render;
    else renders.push(render);
    return box;
  };
  const renders = [];

  // ---- the answer
  const result = (key, bet) => {
    const box = el("section", { class: "bet-card bet-result", id: `told-${slug(key)}`, tabindex: -1, "aria-label": `How your bet came out: ${bet.question}` });
    box.render = () => {
      const f = record.bets[key];
      box.hidden = !f;
      document.querySelectorAll(`[data-bet-told="${key}"]`).forEach((line) => (line.hidden = Boolean(f)));
      if (!f) return;
      const you = { level: LEVEL, ...f, who: "You", answer: bet.answer };
      const later = record.again[key];
      const rows = [you, ...(later ? [{ ...later, who: "You, later", level: LEVEL, answer: bet.answer }] : []), ...bet.laws.map((law) => ({ ...law, answer: bet.answer }))];
      const all = rows.flatMap((r) => [r.low, r.high, r.value]).concat(bet.answer);
      const law = bet.laws.flatMap((r) => [r.low, r.high]).concat(bet.answer);
      const scale = padded(all, Math.min(...all) > 0 && (bet.log || Math.max(...law) / Math.min(...law) > 10));
      const best = Math.min(...rows.map(score));
      box.replaceChildren(
        p("kicker", hit(you) ? "Your range held the answer" : "Your range missed the answer"),
        p("question", `The answer is ${show(bet.answer)}${units(bet)}.`),
        ol("rows", ...rows.map((r) =>
          el("li", { class: r === you ? "bet-you" : "" },
            span("who", el("b", {}, r.who), ` ${range(r)}`, r.level === LEVEL ? "" : `, ${percent(r.level)}`),
            el("span", { class: side(r) }, hit(r) ? "inside" : "outside", ` · score ${show(score(r), 3)}`, rows.length > 1 && score(r) === best ? ", the best" : ""),
            line(...[r.low, r.high, r.value, bet.answer].map(scale.at))))),
        drawTicks(scale, 0.05),
        p("note", "The dashed line is the answer. A score is the width of the range and a penalty for a miss; low is good.",
          f.counts ? "" : LATE));
    };
    return box;
  };

  // ---- reading without bets, and the whole book
  const never = () => button("Read the book without bets", () => {
    record.skipped.push("*");
    open();
    save();
    renew();
  }, "quiet bet-never");
  const again = () => button("Bet from here on", () => {
    record.skipped = record.skipped.filter((one) => one !== "*");
    save();
    renew();
  }, "quiet");
  // A page that stands open is seen: its bets stay skipped when the reader bets again.
  const open = () => {
    if (!without()) return;
    for (const { dataset: { key } } of document.querySelectorAll(".bet-card[data-key]"))
      if (!record.bets[key] && !record.skipped.includes(key)) see(key, record.skipped.push(key));
    save();
  };
  const bring = async ([file]) => {
    const said = document.querySelector(".bet-brought");
    try {
      const found = JSON.parse(await file.text());
      const fit = found.filter((f) => f.who === "you" && f.key in data && !(f.key in record.bets) &&
        [f.low, f.value, f.high].every(Number.isFinite) && f.low <= f.value && f.value <= f.high && f.low < f.high);
      for (const { key, low, value, high, level, counts, answer } of fit) {
        if (Number.isFinite(answer)) reach(key);
        record[key in record.bets ? "again" : "bets"][key] = { low, value, high, counts: counts !== false, ...(level === LEVEL ? {} : { level }) };
      }
      save();
      renew();
      document.querySelector(".bet-brought").textContent = `${fit.length} of ${found.length} forecasts brought in; a bet that stands here stays.`;
    } catch {
      said.textContent = "This is no forecasts.json.";
    }
  };
  const board = (box) => {
    const made = mine();
    const reached = (f) => record.reached.includes(f.key);
    const judged = made.filter((f) => f.counts && reached(f));
    box.classList.add("bet-card");
    box.replaceChildren(p("kicker", "Your record"));
    const total = Object.keys(data).length;
    if (!made.length) {
      box.append(
        p("question", `${total} questions wait for your bet.`),
        el("p", {}, "Before each experiment a chapter asks for a value and a range. What follows stays folded until you commit or skip. Your bets are scored."),
        document.querySelector("[data-bet-front]") ? "" :
          div("buttons", el("a", { class: "bet-button bet-primary", href: "01-the-bet.html#your-prediction" }, "Place your first bet")));
    } else {
      const keys = new Set(judged.map((f) => f.key));
      const rivals = Object.entries(data).filter(([key]) => keys.has(key))
        .flatMap(([key, bet]) => bet.laws.map((law) => ({ ...law, key, answer: bet.answer })));
      const you = calibrated(judged);
      const rows = []; // of the strip: a dot too close to others goes into the next
      const row = (x) => {
        let at = 0;
        while (rows[at]?.some((other) => Math.abs(other - x) < 0.09)) at += 1;
        (rows[at] ??= []).push(x);
        return at;
      };
      const dots = judged.map((f) => {
        const words = `${data[f.key].question} ${hit(f) ? "Inside" : "Outside"} your range.`;
        const x = Math.min(1, Math.max(0, (off(f) + 3) / 6));
        return el("a", { href: `${data[f.key].page}.html#told-${slug(f.key)}`, class: side(f), style: `left:${place(x)};top:${8 + 26 * row(x)}px`, title: words, "aria-label": words });
      });
      const gauge = (name, c) => el("li", {},
        span("who", el("b", {}, name), ` ${c.hits} of ${c.scored} ranges held the answer`),
        el("span", {}, `promised ${c.expected.toFixed(1)}; true share, 95\u00a0%: ${Math.round(100 * c.low)} to ${Math.round(100 * c.high)}\u00a0%`),
        line(c.low, c.high, c.hits / c.scored, c.expected / c.scored));
      box.append(p("question", `${new Set(made.map((f) => f.key)).size} of ${total} bets placed.`));
      if (!made.every(reached)) box.append(p("note", "A bet is scored here when you have come to its answer."));
      if (judged.length) {
        box.append(
          ol("rows", gauge("You", you), rivals.length ? gauge("The laws, on the same questions", calibrated(rivals)) : null),
          drawTicks(scaleOf(0, 100, false)),
          p("note", "Share of ranges that held, in per cent. The dashed line is what the levels promise; the band is where your true share may lie."),
          p("sub", "Where the answers fell in your ranges"),
          el("div", { class: "bet-strip", style: `height:${12 + 26 * rows.length}px` }, el("span", { class: "bet-zone", "aria-hidden": "true" }), ...dots),
          el("div", { class: "bet-ticks", "aria-hidden": "true" }, ...Object.entries({ "far below": 0, From: 33.3, Value: 50, To: 66.7, "far above": 100 }).map(([text, at]) => el("span", { style: `left:${at}%` }, text))));
      }
      const number = `${made.length} bet${made.length > 1 ? "s" : ""}`;
      const reset = button("Reset", () => {
        const asked = div("buttons",
          el("p", { class: "bet-say", role: "status" }, `Delete ${number}? On pages that you have opened, new bets will not count.`),
          button(`Really delete ${number}`, () => {
            record = { ...record, bets: {}, again: {}, skipped: [], reached: [], drafts: {} };
            save();
            renew();
          }),
          button("Cancel", () => { asked.replaceWith(reset); reset.focus(); }));
        reset.replaceWith(asked);
        asked.querySelector("button").focus();
      }, "quiet");
      box.append(el("div", { class: "bet-buttons" },
        button("Export forecasts.json", () => {
          const text = JSON.stringify(made.map((f) => (reached(f) ? f : { ...f, answer: null })), null, 1);
          el("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: "forecasts.json" }).click();
        }), reset));
    }
    const file = el("input", { type: "file", accept: ".json", hidden: true, "aria-label": "forecasts.json", onchange: () => bring(file.files) });
    box.append(div("buttons", button("Bring in forecasts.json", () => file.click(), "quiet"), file, without() ? again() : never()),
      el("p", { class: "bet-note bet-brought", role: "status" }, without() ? "You read without bets: all pages stand open." : ""));
  };

  // ---- what tells how a bet of another page came out: it waits for that bet, or for the reader's word
  const CLOSED = "[data-bet-folded], [data-bet-held]";
  const held = (keys) => {
    const chapters = new Map(keys.map((key) => [key.split(".")[0], key]).reverse());
    const links = [...chapters].reverse().flatMap(([chapter, key], i) =>
      [i ? ", " : "", el("a", { href: `${data[key].page}.html#bet-${slug(key)}` }, chapter)]);
    return span("held", `Held back until you have bet in chapter${chapters.size > 1 ? "s" : ""} `, ...links, ". ",
      button(`Show it (your bet${keys.length > 1 ? "s" : ""} there will not count)`, () => {
        keys.forEach(see);
        save();
        refresh();
      }, "quiet"));
  };
  const hold = () => {
    document.querySelectorAll(".bet-held").forEach((one) => one.remove());
    document.querySelectorAll("[data-bet-held]").forEach((one) => one.removeAttribute("data-bet-held"));
    const places = new Map();
    for (const one of document.querySelectorAll("[data-bet-tells]")) {
      const keys = one.dataset.betTells.split(" ").filter((key) => !settled(key) && !record.seen.includes(key));
      if (!keys.length) continue;
      if (one.hasChildNodes()) one.setAttribute("data-bet-held", "");
      else // an empty mark stands for the rest of its section
        for (let next = one.nextElementSibling; next; next = next.nextElementSibling) next.setAttribute("data-bet-held", "");
      const { first, all } = places.get(one.parentNode) ?? { first: one, all: [] };
      places.set(one.parentNode, { first, all: [...new Set([...all, ...keys])] });
    }
    for (const { first, all } of places.values()) first.before(held(all));
  };

  // ---- the page
  let wanted = "";
  const refresh = () => {
    const before = record.reached.length;
    document.querySelectorAll("[data-bet-folded]").forEach((one) => one.removeAttribute("data-bet-folded"));
    const [open] = waiting();
    const end = open?.closest("article");
    for (let at = open; at && at !== end; at = at.parentElement)
      for (let next = at.nextElementSibling; next; next = next.nextElementSibling)
        if (next.tagName !== "SCRIPT") next.setAttribute("data-bet-folded", "");
    hold();
    document.querySelectorAll(".bd-toc-nav a[href^='#']").forEach((link) => {
      const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      link.closest("li").hidden = Boolean(target?.closest(CLOSED));
    });
    document.querySelectorAll(".bet-all").forEach((one) => (one.hidden = waiting().length < 2));
    document.querySelectorAll("[data-key] .bet-never").forEach((one) => (one.hidden = !open?.contains(one)));
    document.querySelectorAll(".bet-result").forEach((one) => {
      one.render();
      if (!one.hidden && !one.closest(CLOSED)) reach(one.id.slice(5).replace("-", "."));
    });
    if (record.reached.length > before) save();
    document.querySelectorAll(".bet-board").forEach(board);
    window.dispatchEvent(new Event("resize"));
    const target = wanted && document.getElementById(wanted);
    if (target && !target.closest("[data-bet-folded]")) {
      wanted = "";
      target.scrollIntoView();
    }
  };
  const renew = () => {
    renders.forEach((render) => render());
    refresh();
  };
  const seek = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target) return;
    const fold = target.closest("[data-bet-folded]");
    const open = document.querySelector(".bet-open[data-key]");
    wanted = fold && open ? id : "";
    if (!wanted) return;
    open.scrollIntoView({ block: "center" });
    open.querySelector(".bet-say").textContent = "What you look for opens after the bets before it.";
  };
  // A printed output becomes two, with the card between them.
  const split = (line, box) => {
    const output = line.closest(".output");
    const pre = line.closest("pre");
    const rest = output.cloneNode(true);
    const tail = rest.querySelector("pre");
    tail.replaceChildren();
    while (line.nextSibling) tail.append(line.nextSibling);
    output.after(box, rest);
    const bare = (part) => [...part.childNodes].every((node) => node === line || !node.textContent.trim());
    if (!tail.textContent.trim()) rest.remove();
    return () => (output.hidden = line.hidden && bare(pre));
  };

  const start = () => {
    const source = document.getElementById("bet-data");
    if (!source) return;
    data = JSON.parse(source.textContent);
    load();
    const tidyUp = [];
    document.querySelectorAll("[data-bet]").forEach((line) => {
      const key = line.dataset.bet;
      line.hidden = true;
      tidyUp.push(split(line, card(key, data[key])));
    });
    document.querySelectorAll("[data-bet-told]").forEach((line) => {
      const key = line.dataset.betTold;
      tidyUp.push(split(line, result(key, data[key])));
    });
    document.querySelectorAll("[data-bet-none]").forEach((line) => {
      const pre = line.closest("pre");
      line.hidden = true;
      if (pre.textContent === line.textContent) pre.closest(".output").hidden = true;
    });
    window.addEventListener("resize", () => tidyUp.forEach((one) => one()));
    open();
    renew();
    root.classList.remove("bets-wait");
    seek();
    window.addEventListener("hashchange", seek);
    window.addEventListener("storage", (event) => {
      if (event.key !== STORE) return;
      const was = Object.keys(data).map(settled).join() + record.reached;
      load();
      if (was !== Object.keys(data).map(settled).join() + record.reached) renew();
    });
  };
  // Beside a kernel: one card, whose bets Python keeps. It answers with what it has kept.
  const live = ({ model, el: place }) => {
    const bet = model.get("bet");
    const box = card(bet.key, bet, (f) => {
      model.set("said", { ...f, time: Date.now() });
      model.save_changes();
    });
    const hear = () => {
      const { wrong, ...kept } = model.get("kept");
      if (wrong) { box.querySelector(".bet-say").textContent = wrong; return; }
      redo.delete(bet.key);
      if ("value" in kept) record.bets[bet.key] = kept;
      box.render(false);
    };
    place.dataset.lmSuppressShortcuts = "true"; // the arrow keys are the card's, not JupyterLab's
    place.classList.add("bet-live");
    place.append(box);
    model.on("change:kept", hear);
    hear();
  };

  window.scalinglawsBets = { score, off, calibrated, card, renew };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
  return { render: live };
})();
