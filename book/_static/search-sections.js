// Search: under a page that was found, the sections that hold the words, each with what it says.
// Sphinx fetches a page that it lists, to quote it; its sections are read from the same text.
(() => {
  const MOST = 3;
  const AROUND = 110;
  const BLOCKS = "p, li, td, th, pre, dt, dd, figcaption, summary, h1, h2, h3, h4";
  const LEFT_OUT = ".headerlink, script, style, .exercise, #jb-print-docs-body, .prev-next-footer";
  const CODE = ".cell_input, details.hide";

  const stems = new Map();
  const stem = (word) => {
    if (!stems.has(word)) stems.set(word, new Stemmer().stemWord(word.toLowerCase()));
    return stems.get(word);
  };

  // Which of the words stand in a text, and where the first of them begins. As Sphinx does, look for
  // whole words; `within` looks inside of them.
  const found = (text, words, within) => {
    const met = new Set();
    let first = -1;
    let count = 0;
    for (const { 0: word, index } of text.matchAll(/[\p{Letter}\p{Number}_]+/gu)) {
      const here = words.filter((w) => (within ? stem(word).includes(w) : stem(word) === w));
      if (!here.length) continue;
      if (first < 0) first = index;
      count += 1;
      here.forEach((w) => met.add(w));
    }
    return { met, first, count };
  };

  const excerpt = (text, first) => {
    let start = Math.max(0, first - AROUND);
    if (start) start = text.indexOf(" ", start) + 1;
    let end = Math.min(text.length, first + 2 * AROUND);
    if (end < text.length) end = text.lastIndexOf(" ", end);
    return `${start ? "… " : ""}${text.slice(start, end)}${end < text.length ? " …" : ""}`;
  };

  // The sections of a page, each with the texts that are its own and not a smaller section's.
  const sections = (page) =>
    [...page.querySelectorAll("article section[id]")].map((section) => {
      const title = section.querySelector(":scope > :is(h1, h2, h3, h4, h5)");
      const blocks = [...section.querySelectorAll(BLOCKS)].filter(
        (block) => block.closest("section[id]") === section && !block.querySelector(BLOCKS),
      );
      const top = title?.matches("h1");
      return {
        id: section.id,
        title: top ? "At the beginning" : plain(title),
        blocks: blocks.filter((block) => !top || block !== title).flatMap(lines).filter(Boolean),
      };
    });

  // What is printed is quoted by the line, a paragraph as a whole.
  const lines = (block) => (block.matches("pre") ? block.textContent.split("\n").map(tidy) : [plain(block)]);

  const plain = (node) => tidy((node?.textContent ?? "").replace(/\\[()[\]]/g, ""));
  const tidy = (text) => text.replace(/\s+/g, " ").trim();

  const search = (page, words, within) => {
    const hits = [];
    for (const { id, title, blocks } of sections(page)) {
      const all = new Set();
      let count = 0;
      let best;
      for (const text of blocks) {
        const here = found(text, words, within);
        if (!here.count) continue;
        count += here.count;
        here.met.forEach((word) => all.add(word));
        const rank = here.met.size + (text === title ? 0 : 0.5);
        if (!best || rank > best.rank) best = { rank, text: excerpt(text, here.first) };
      }
      if (title && count) hits.push({ id, title, count, all: all.size, said: best.text });
    }
    const most = Math.max(...hits.map((hit) => hit.all));
    return hits
      .filter((hit) => hit.all === most)
      .sort((a, b) => b.count - a.count)
      .slice(0, MOST);
  };

  const listed = (hits) => {
    const list = document.createElement("ul");
    list.className = "search-sections";
    for (const { id, title, said } of hits) {
      const item = list.appendChild(document.createElement("li"));
      const link = item.appendChild(document.createElement("a"));
      link.textContent = title;
      link.href = `#${id}`;
      const text = item.appendChild(document.createElement("p"));
      text.className = "context";
      text.textContent = said;
    }
    // The page's own address is known when the list stands under its link.
    queueMicrotask(() => {
      const page = list.closest("li")?.querySelector("a");
      if (page) list.querySelectorAll("a").forEach((a) => { a.href = page.href.split("#")[0] + a.hash; });
    });
    return list;
  };

  // What the reader of the page itself would not see yet: all behind its first open bet, and what
  // tells the answer to another page's. Returns whether the page had any of it.
  const foldAsBetsDo = (page) => {
    let kept;
    try { kept = JSON.parse(localStorage.getItem("scalinglaws.bets")); } catch { /* none */ }
    const { bets = {}, skipped = [], seen = [] } = kept ?? {};
    const settled = (key) => key in bets || skipped.includes(key) || skipped.includes("*");
    let folded = false;
    const drop = (node) => { node.remove(); folded = true; };
    const dropAfter = (node) => { while (node.nextSibling) drop(node.nextSibling); };
    for (const one of page.querySelectorAll("[data-bet-tells]"))
      if (one.dataset.betTells.split(" ").some((key) => !settled(key) && !seen.includes(key)))
        one.hasChildNodes() ? drop(one) : dropAfter(one);
    const open = [...page.querySelectorAll("[data-bet]")].find((one) => !settled(one.dataset.bet));
    for (let at = open; at && !at.matches("article"); at = at.parentElement) dropAfter(at);
    return folded;
  };
  const hidden = (page, anchor) => {
    const note = document.createElement("p");
    note.className = "context";
    note.textContent = "In a part of the page that opens after a bet.";
    // A heading that was found there gives its result away: the page's own title stands for it.
    const title = page.querySelector("article h1");
    title?.querySelectorAll(".headerlink").forEach((one) => one.remove());
    if (anchor) queueMicrotask(() => {
      const link = note.closest("li")?.querySelector("a");
      if (link && title) link.textContent = tidy(title.textContent);
    });
    return note;
  };

  document.addEventListener("DOMContentLoaded", () => {
    if (typeof Search === "undefined") return;
    const summary = Search.makeSearchSummary;
    Search.makeSearchSummary = (html, words, anchor) => {
      const page = new DOMParser().parseFromString(html, "text/html");
      const folded = foldAsBetsDo(page);
      if (folded && anchor && !page.querySelector(`[id="${CSS.escape(anchor.slice(1))}"]`)) return hidden(page, anchor);
      page.querySelectorAll(LEFT_OUT).forEach((node) => node.remove());
      const whole = page.cloneNode(true);
      page.querySelectorAll(CODE).forEach((node) => node.remove());
      // The prose first, then code; whole words first, then parts of words.
      let hits = [];
      for (const within of [false, true])
        for (const text of [page, whole])
          if (!anchor && !hits.length) hits = search(text, [...words], within);
      if (hits.length) return listed(hits);
      if (!folded) return summary(html, words, anchor);
      return anchor ? summary(whole.documentElement.outerHTML, words, anchor) : hidden(page);
    };
  });
})();
