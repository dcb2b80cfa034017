// What all explorers share: their frame, their look, and how numbers are said.
const SVG = "http://www.w3.org/2000/svg";
const CSS = `.text_html:has(>.scalinglaws-explorer){background:none!important;padding:0!important}
.slx{--ink:#22262b;--soft:#555;--grid:#e6e6e6;--paper:#fff;--edge:#b9b4a6;--blue:#0072b2;
--orange:#a86400;--green:#007a5a;--red:#b84300;--purple:#9c4577;--grey:#6b6b6b;--band:#0072b226;
font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif;color:var(--ink);
background:var(--paper);border:1px solid var(--edge);border-radius:6px;padding:.8em;margin:.6em 0;
max-width:46rem;box-sizing:border-box;text-align:left}
.slx[data-dark]{--ink:#d9dde1;--soft:#a9b1b8;--grid:#30373e;--paper:#1b1f24;--edge:#5b656f;
--blue:#56b4e9;--orange:#e69f00;--green:#2dc795;--red:#f58a4b;--purple:#dd9fc2;--grey:#a2a2a2;--band:#56b4e933}
.slx *{box-sizing:border-box}.slx .title{font-weight:600;margin:0 0 .3em}
.slx .panels{display:flex;flex-wrap:wrap;gap:.4em}.slx .panels>*{flex:1 1 17.5rem;min-width:0}
.slx svg{display:block;width:100%;overflow:hidden;touch-action:pan-y}
.slx svg text{font-size:12px;fill:var(--soft)}.slx svg .head{font-size:13px;fill:var(--ink)}
.slx .rows{display:grid;gap:.4em;margin-top:.5em}
.slx .rows{container-type:inline-size}
.slx label,.slx .line{display:flex;flex-wrap:wrap;align-items:center;gap:.3em .6em;margin:0}
.slx label>span:first-child,.slx .line>span:first-child{flex:0 0 8.5em}
.slx label output{flex:0 0 8em;font-variant-numeric:tabular-nums}
@container (max-width:30rem){.slx .line>span:first-child{flex:1 0 100%}
.slx label>span:first-child{flex:1 0 auto}.slx label output{flex:0 1 auto;order:2}.slx label input{order:3;flex:1 0 100%!important}}
.slx input[type=range]{flex:1 1 8em;min-width:0;height:28px;margin:0;accent-color:var(--blue)}
.slx select,.slx button,.slx input[type=text]{font:inherit;font-size:14px;color:inherit;
background:var(--paper);border:1px solid var(--edge);border-radius:4px;padding:.2em .5em;min-height:32px;max-width:100%}
.slx button{cursor:pointer}.slx button[aria-pressed=true]{background:var(--blue);border-color:var(--blue);color:var(--paper)}
.slx button:disabled{opacity:.5;cursor:default}
.slx :focus-visible{outline:3px solid var(--orange);outline-offset:2px}
.slx .said{margin:.6em 0 0;padding:.5em .7em;border-left:3px solid var(--blue);min-height:3em;
font-variant-numeric:tabular-nums}`;

const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    name.startsWith("on") ? node.addEventListener(name.slice(2), value) : node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const draw = (parent, tag, attributes, text) => {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
};
const count = (x) => Math.round(x).toLocaleString("en-US");
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const power = (x) => {
  const e = Math.floor(Math.log10(x * 1.001)), m = (x / 10 ** e).toFixed(1).replace(/\.0$/, "");
  return (m === "1" ? "" : m + "×") + "10" + [...String(e)].map((c) => RAISED[c]).join("");
};
const short = (x) => (x >= 1e6 ? power(x) : x >= 1e3 ? +(x / 1e3).toPrecision(3) + "k" : String(+x.toPrecision(3)));
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

// The frame of an explorer; it follows the page's theme, whatever page that is.
function frame(el, title) {
  const root = make("div", { class: "slx" });
  const dark = () => {
    const page = document.documentElement, body = document.body;
    const said = page.dataset.theme || page.getAttribute("theme") ||
      { true: "light", false: "dark" }[body.dataset.jpThemeLight] ||
      (/vscode-(dark|light)/.exec(body.className) || [])[1];
    root.toggleAttribute("data-dark", said ? said === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  };
  dark();
  const watch = new MutationObserver(dark);
  watch.observe(document.documentElement, { attributes: true });
  watch.observe(document.body, { attributes: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dark);
  root.append(make("style", {}, CSS), make("p", { class: "title" }, title));
  el.append(root);
  return root;
}

// What the explorer says in words, for those who see it and for those who hear it.
function speaker(root) {
  const node = make("p", { class: "said", role: "status", "aria-live": "polite" });
  root.append(node);
  return (text) => { if (node.textContent !== text) node.textContent = text; };
}
