// Fields for the numeric exercises, with the replies of scalinglaws.course.check.
(() => {
  const close = (a, b, share) => Math.abs(a - b) <= share * Math.max(Math.abs(a), Math.abs(b));

  const reply = (task, given) => {
    if (close(given, task.truth, task.tolerance)) return [true, task.right];
    const slip = task.slips.find(({ value }) => close(given, value, task.near));
    if (slip) return [false, slip.saying];
    const side = given > task.truth ? "large" : "small";
    const factor = task.truth ? given / task.truth : Infinity;
    return factor > 0 && !(factor > 0.1 && factor < 10)
      ? [false, `Too ${side} by more than a factor of ten: check exponents and units.`]
      : [false, `Too ${side}.`];
  };

  // 1,200 and 0,25 are both read as they are meant; a share may end in %.
  const read = (text) => {
    let clean = text.trim().replace(/\s/g, "").replace("−", "-");
    const share = clean.endsWith("%") ? 100 : 1;
    clean = clean.replace(/%$/, "");
    if (/^-?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(clean)) clean = clean.replace(/,/g, "");
    else if (/^-?\d*,\d+(e[+-]?\d+)?$/i.test(clean)) clean = clean.replace(",", ".");
    return clean && /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(clean) ? Number(clean) / share : NaN;
  };

  const field = (name, task) => {
    const form = document.createElement("form");
    const label = document.createElement("label");
    const input = document.createElement("input");
    const button = document.createElement("button");
    const said = document.createElement("p");
    form.className = "exercise";
    Object.assign(input, { type: "text", inputMode: "text", autocomplete: "off", id: `exercise-${name}` });
    label.htmlFor = input.id;
    label.append(`Your answer to ${name}`);
    Object.assign(button, { type: "submit", className: "btn btn-sm" });
    button.append("Check");
    said.setAttribute("role", "status");
    form.append(label, input, button, said);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = read(input.value);
      const [ok, text] = Number.isFinite(given)
        ? reply(task, given)
        : [false, "Write one number, as in 0.25, 1200 or 3e26."];
      form.dataset.ok = ok;
      said.replaceChildren();
      const verdict = document.createElement("b");
      verdict.append(ok ? "Right." : "Not yet.");
      said.append(verdict, ` ${text}`);
    });
    return form;
  };

  const start = () => {
    const source = document.getElementById("exercise-data");
    if (!source) return;
    const bytes = Uint8Array.from(atob(source.textContent), (c) => c.charCodeAt(0));
    const tasks = JSON.parse(new TextDecoder().decode(bytes));
    document.querySelectorAll("[data-exercise]").forEach((line) => {
      const name = line.dataset.exercise;
      line.closest(".output").replaceWith(field(name, tasks[name]));
    });
  };
  window.scalinglawsExercises = { reply, read };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
