// The switch that shows all code, solutions that open in print, and print in the light.
(() => {
  const KEPT = "scalinglaws.code";
  const kept = {
    get: () => { try { return localStorage.getItem(KEPT) === "shown"; } catch { return false; } },
    set: (shown) => { try { localStorage.setItem(KEPT, shown ? "shown" : ""); } catch { /* no storage */ } },
  };

  const codeSwitch = (article) => {
    const folds = [...article.querySelectorAll("details.hide.above-input")];
    if (!folds.length) return;
    const line = document.createElement("p");
    const button = document.createElement("button");
    line.className = "code-switch d-print-none";
    button.type = "button";
    button.className = "btn btn-sm";
    line.append("Code that imports or draws is folded. ", button);
    folds[0].closest(".cell").before(line);
    const show = (shown) => {
      folds.forEach((fold) => { fold.open = shown; });
      button.textContent = shown ? "Fold it" : "Show all code";
      button.setAttribute("aria-pressed", shown);
    };
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      kept.set(shown);
      show(shown);
    });
    show(kept.get());
  };

  const printing = (article) => {
    const page = document.documentElement;
    let opened = [];
    let theme;
    window.addEventListener("beforeprint", () => {
      opened = [...article.querySelectorAll("details:not(.hide):not([open])")];
      opened.forEach((one) => { one.open = true; });
      article.querySelectorAll("img[loading=lazy]").forEach((one) => { one.loading = "eager"; });
      theme = page.dataset.theme;
      page.dataset.theme = "light";
    });
    window.addEventListener("afterprint", () => {
      opened.forEach((one) => { one.open = false; });
      if (theme) page.dataset.theme = theme;
    });
  };

  // The first bet of the book, on the front page: nothing is folded, the answer is in its chapter.
  const frontBet = () => {
    const place = document.querySelector("[data-bet-front]");
    if (!place || !window.scalinglawsBets) return;
    const key = place.dataset.betFront;
    const bet = JSON.parse(document.getElementById("bet-data").textContent)[key];
    const card = window.scalinglawsBets.card(key, bet);
    delete card.dataset.key;
    card.addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (link) link.href = `${bet.page}.html${link.hash}`;
    });
    place.previousElementSibling?.remove(); // the card draws the same points
    place.append(card);
    window.scalinglawsBets.renew();
  };

  const start = () => {
    const article = document.querySelector("article");
    if (!article) return;
    codeSwitch(article);
    printing(article);
  };
  document.addEventListener("DOMContentLoaded", frontBet); // when bets.js has run as well
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
