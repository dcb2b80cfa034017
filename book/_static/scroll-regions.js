// Give tables and outputs that are wider than the column a frame which the keyboard can scroll.
(() => {
  const WIDE =
    "table, .highlight pre, .cell_output .output pre, .output.text_html, div.math, .widget-frame, "
    + ".figure-frame";

  const label = (element) => {
    if (element.querySelector("table") || element.matches("table")) return "Wide table, scrolls sideways";
    if (element.matches(".figure-frame")) return "Wide figure, scrolls sideways";
    if (element.matches("div.math")) return "Wide formula, scrolls sideways";
    if (element.closest(".cell_output")) return "Wide output, scrolls sideways";
    return "Wide code, scrolls sideways";
  };

  // A table cannot scroll by itself: it is put into a frame that can.
  const frame = (table) => {
    const parent = table.parentElement;
    if (parent.classList.contains("scroll-frame")) return parent;
    const box = document.createElement("div");
    box.className = "scroll-frame";
    parent.insertBefore(box, table);
    box.appendChild(table);
    return box;
  };

  const mark = (box) => {
    const overflows = box.scrollWidth > box.clientWidth + 1;
    if (overflows && !box.dataset.scrollRegion) {
      box.dataset.scrollRegion = "yes";
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", label(box));
      box.addEventListener("scroll", () => more(box), { passive: true });
    } else if (!overflows && box.dataset.scrollRegion) {
      delete box.dataset.scrollRegion;
      box.removeAttribute("tabindex");
      box.removeAttribute("role");
      box.removeAttribute("aria-label");
    }
    more(box);
  };

  // The edge fades as long as something lies beyond it.
  const more = (box) => {
    box.toggleAttribute("data-more", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
  };

  const boxes = () => {
    const article = document.querySelector("article") ?? document.body;
    article.querySelectorAll("table").forEach(frame);
    return [...article.querySelectorAll(`.scroll-frame, ${WIDE.replace("table, ", "")}`)];
  };

  const refresh = () => boxes().forEach(mark);

  const start = () => {
    refresh();
    let waiting = 0;
    window.addEventListener("resize", () => {
      clearTimeout(waiting);
      waiting = setTimeout(refresh, 150);
    });
    // Formulas get their width only when MathJax has drawn them, and solutions when opened.
    document.addEventListener("toggle", refresh, true);
    window.addEventListener("load", () => {
      const ready = window.MathJax?.startup?.promise;
      if (ready) ready.then(refresh);
      else setTimeout(refresh, 500);
    });
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
