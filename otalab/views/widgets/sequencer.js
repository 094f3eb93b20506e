// Draws what Python computed, and tells Python what a hand did; decides nothing itself.

const COLUMNS = 16;
const SCENES = [
  ["equal", "Equal sequencers", "Give record 1 the sequencer of record 0"],
  ["near_zero", "Next to zero", "Sequencers 2 and 1: the next one is zero"],
  ["wrapped", "Wrapped", "Record 1 was written after record 0 had come down to 1, and beyond zero"],
  ["swap", "Swap", "Let the two places change their contents"],
  ["write", "Write one more", "Let the firmware write the next record, as it does for every change"],
  ["reset", "Reset", "Go back to the records this lab was opened with"],
];

function render({ model, el }) {
  const link = new Link(model, el, () => draw());
  const ask = (name, ...values) => link.send({ do: name, with: values });
  const id = `seqlab-${Math.random().toString(36).slice(2)}`;
  const kept = [8, 8];
  let edited; // the field that was typed into last
  const at = [0, 0]; // the byte of each record that the Tab key comes to
  let half; // the first digit of a byte, and where: news of something else draws its cell anew and does not wipe it
  el.classList.add("otalab-seq");

  const design = element("select", { id: `${id}-design` });
  design.addEventListener("change", () => link.set("design", design.value));
  const scenes = SCENES.map(([name, label, title]) =>
    element("button", { type: "button", title, "data-do": name, onclick: () => ask(name) }, label));
  const bar = element("div", { class: "bar", role: "group", "aria-label": "both records" },
    element("label", { for: `${id}-design` }, "Design "), design, ...scenes, link.follower());
  const places = element("div", { class: "places" });
  const reason = element("p", { class: "reason" });
  const start = element("p", { class: "start" });
  const problem = element("p", { class: "problem", role: "alert" });
  const verdict = element("div", { class: "verdict", role: "status", "aria-live": "polite" }, reason, start);
  const others = element("div", { class: "others" });
  el.replaceChildren(bar, problem, verdict, places, others);

  const panels = [0, 1].map((place) => panel(place));
  places.append(...panels.map((one) => one.root));

  function panel(place) {
    const title = element("h4", { id: `${id}-title${place}` });
    const why = element("p", { class: "why" });
    const keep = element("input", { type: "number", min: 0, value: kept[place], class: "kept",
      "aria-label": `record ${place}: how many bytes a tear leaves` });
    keep.addEventListener("change", () => { kept[place] = Number(keep.value); });
    const tear = () => { kept[place] = Number(keep.value); ask("tear", place, kept[place]); };
    keep.addEventListener("keydown", (event) => { if (event.key === "Enter") tear(); });
    const button = (name, label, run) =>
      element("button", { type: "button", "data-do": `${name}${place}`, onclick: run,
        "aria-label": `record ${place}: ${label}` }, label);
    const tools = element("div", { class: "tools", role: "group", "aria-label": `break record ${place}` },
      button("erase", "Erase", () => ask("erase", place)),
      button("zero", "All zeros", () => ask("zero", place)),
      button("tear", "Tear after", tear), keep, element("span", {}, "bytes"));
    const grid = element("div", { class: "grid", role: "grid",
      "aria-label": `bytes of record ${place}; arrow keys move, two hex digits change a byte` });
    const table = element("table", { class: "fields" });
    const root = element("section", { "aria-labelledby": `${id}-title${place}`, "data-place": place },
      title, why, tools, grid, table);
    return { root, title, why, keep, grid, table };
  }

  function drawGrid(place) {
    const { grid } = panels[place];
    const had = grid.contains(document.activeElement);
    const cells = [];
    model.get("fields")[place].forEach((field, number) => field.bytes.split(" ").forEach((byte, n) => {
      const offset = field.offset + n;
      const cell = element("span", {
        role: "gridcell", tabindex: offset === at[place] ? 0 : -1, "data-offset": offset,
        class: `byte${byte === "ff" ? " erased" : ""}${n === 0 ? " begins" : ""}`,
        style: `--sort: ${model.get("sorts")[field.sort]}`,
        title: `byte ${offset}: ${field.field}`,
        "aria-label": `byte ${offset}, ${field.field}, ${byte}`,
      }, digitAt(place, offset) ? `${digitAt(place, offset)}_` : byte);
      if (n === 0) cell.prepend(element("sup", { "aria-hidden": "true" }, `${number + 1}`));
      cell.addEventListener("focus", () => focusOn(place, offset, false));
      cell.addEventListener("click", () => focusOn(place, offset, true));
      cell.addEventListener("keydown", (event) => key(event, place, offset, cell, byte));
      cells.push(cell);
    }));
    at[place] = Math.min(at[place], cells.length - 1);
    const rows = [];
    for (let n = 0; n < cells.length; n += COLUMNS) {
      rows.push(element("div", { role: "row" },
        element("span", { class: "offset", role: "rowheader", "aria-label": `from byte ${n}` }, `${n}`),
        ...cells.slice(n, n + COLUMNS)));
    }
    grid.replaceChildren(...rows);
    if (had) focusOn(place, at[place], true);
  }

  function digitAt(place, offset) {
    return half?.place === place && half.offset === offset ? half.digit : "";
  }

  function focusOn(place, offset, move) {
    const { grid } = panels[place];
    const cells = grid.querySelectorAll("[data-offset]");
    if (!cells[offset]) return;
    if (half && !digitAt(place, offset)) wipe();
    cells[at[place]]?.setAttribute("tabindex", -1);
    at[place] = offset;
    cells[offset].setAttribute("tabindex", 0);
    if (move) cells[offset].focus();
  }

  /** Show a byte again of which only one digit was typed. */
  function wipe() {
    const cell = panels[half.place].grid.querySelector(`[data-offset="${half.offset}"]`);
    if (cell) cell.lastChild.textContent = half.byte;
    half = undefined;
  }

  function key(event, place, offset, cell, byte) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS,
      Home: -(offset % COLUMNS), End: COLUMNS - 1 - (offset % COLUMNS) }[event.key];
    const typed = digitAt(place, offset);
    if (step !== undefined) {
      focusOn(place, Math.max(0, offset + step), true);
    } else if (/^[0-9a-f]$/i.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (typed) {
        const size = model.get("fields")[place].reduce((sum, field) => sum + field.size, 0);
        half = undefined;
        at[place] = Math.min(offset + 1, size - 1);
        ask("poke", place, offset, parseInt(typed + event.key, 16));
      } else {
        half = { place, offset, byte, digit: event.key };
        cell.lastChild.textContent = `${event.key}_`;
      }
    } else if (event.key === "Escape" && typed) {
      wipe();
    } else {
      return;
    }
    event.preventDefault();
  }

  function drawFields(place) {
    const { table } = panels[place];
    const typing = table.contains(document.activeElement) ? document.activeElement : undefined;
    const rows = model.get("fields")[place].map((field, number) => {
      const last = field.offset + field.size - 1;
      const input = element("input", { value: field.value, "data-field": field.field, spellcheck: "false",
        "aria-label": `record ${place}, ${field.field}` });
      if (field.field === "check") input.readOnly = true;
      input.addEventListener("change", () => {
        edited = input;
        ask("edit", place, field.field, input.value);
      });
      input.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        input.value = field.value;
        input.removeAttribute("aria-invalid");
      });
      return element("tr", { style: `--sort: ${model.get("sorts")[field.sort]}` },
        element("td", { class: "number" }, `${number + 1}`),
        element("th", { scope: "row" }, field.field),
        element("td", { class: "where" }, field.size > 1 ? `${field.offset}–${last}` : `${field.offset}`),
        element("td", { class: "value" }, input));
    });
    table.replaceChildren(
      element("caption", {}, `fields of record ${place}; editing one renews the check`),
      element("tbody", {}, ...rows));
    const again = typing && table.querySelector(`[data-field="${CSS.escape(typing.dataset.field)}"]`);
    if (!again) return;
    again.focus();
    // What is being typed is not wiped by news of something else.
    if (again.defaultValue === typing.defaultValue) again.value = typing.value;
    if (edited === typing) edited = again;
  }

  function draw() {
    design.replaceChildren(...model.get("designs").map((name) => element("option", { value: name }, name)));
    design.value = model.get("design");
    const selected = model.get("selected");
    reason.textContent = model.get("reason");
    const begins = model.get("start");
    start.textContent = begins ? `At the next power-on ${begins}.` : "";
    panels.forEach(({ root, title, why, keep }, place) => {
      const counts = selected === place;
      root.classList.toggle("counts", counts);
      title.textContent = `Record ${place}${counts ? "  ✔ counts" : ""}`;
      why.textContent = model.get("places")[place];
      keep.max = model.get("fields")[place].reduce((sum, field) => sum + field.size, 0);
      drawGrid(place);
      drawFields(place);
    });
    complain();
    others.replaceChildren(element("table", {},
      element("caption", {}, "What the same two records are to other designs, each in its own format"),
      element("thead", {}, element("tr", {}, ...["design", "format", "counts", "why", "then"].map((name) =>
        element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...model.get("others").map((row) =>
        element("tr", { class: row.design === model.get("design") ? "chosen" : "" },
          element("th", { scope: "row" }, row.design), element("td", {}, row.format),
          element("td", {}, row.selected === null ? "none" : `record ${row.selected}`),
          element("td", {}, row.reason), element("td", {}, row.start))))));
  }

  /** Say what was refused; the field that it was typed into is marked, and keeps what was typed. */
  function complain() {
    problem.textContent = link.trouble || model.get("problem");
    if (problem.textContent) edited?.setAttribute("aria-invalid", "true");
    else edited?.removeAttribute("aria-invalid");
  }

  link.follow(["design", "designs", "first", "second", "selected", "reason", "start", "fields", "places", "others"], draw);
  link.follow(["problem"], complain);
  draw();
  link.settled(el);
  return () => link.end();
}

export default { render };
