// Draws what Python counted, and tells Python what a hand chose; decides nothing itself.

const WIDE = 460, HIGH = 250, LEFT = 62, RIGHT = 12, TOP = 10, BOTTOM = 40;
const FIELDS = [
  ["design", "Design"], ["board", "Board"], ["part", "Flash part"], ["rate", "Power failures"], ["image", "New image"],
  ["faults", "Fault model"], ["engine", "Engine"], ["devices", "Devices"], ["seed", "Seed"],
];
const OVER = ["ready", "done", "stopped", "failed"], RESTING = ["pausing", "paused"];
const NOTE = "Intervals and bands are Clopper-Pearson intervals of 95 %, right for a number of devices that was chosen beforehand: "
  + "who watches and stops when it suits has less than that.";

function short(p) {
  if (p === 0) return "0";
  if (p === 1) return "1";
  return p >= 0.001 && p < 0.9995 ? p.toPrecision(p > 0.5 ? 4 : 3) : p > 0.5 ? `1 − ${(1 - p).toExponential(1)}` : p.toExponential(2);
}

// Of a graph that is not closed the exact value is known between bounds only.
const between = ([low, high]) => low === undefined ? "" : low === high ? short(low) : `${short(low)} to ${short(high)}`;
const whole = (n) => n.toLocaleString("en");

function render({ model, el }) {
  const id = `dash-${Math.random().toString(36).slice(2)}`;
  let silence;
  const link = new Link(model, el, () => { drawFields(); drawState(); });
  const send = (name, to) => link.send({ set: name, to });
  el.classList.add("otalab-dash");

  const inputs = {};
  const fields = element("div", { class: "fields", role: "group", "aria-label": "The campaign" });
  for (const [name, label] of FIELDS) {
    const typed = ["rate", "image", "devices", "seed"].includes(name), listed = ["rate", "image"].includes(name);
    const input = typed
      ? element("input", { type: "text", class: listed ? undefined : "short", list: listed ? `${id}-${name}` : undefined, spellcheck: "false" })
      : element("select");
    input.dataset.field = name;
    input.addEventListener("change", () => send(name, input.value));
    inputs[name] = input;
    fields.append(element("label", {}, label, input));
    if (listed) fields.append(element("datalist", { id: `${id}-${name}` }));
  }
  const given = element("input", { type: "checkbox", "data-field": "given_cut" });
  given.addEventListener("change", () => send("given_cut", given.checked));
  fields.append(element("label", { class: "check", title: "Look only at devices that meet at least one cut during the update" }, given, "given a cut"));

  const button = (name, label) => element("button", { type: "button", "data-do": name, onclick: () => link.send({ do: name }) }, label);
  const run = button("run", "▶ Run"), stop = button("stop", "■ Stop");
  const pause = element("button", { type: "button", "data-do": "pause",
    onclick: () => link.send({ do: RESTING.includes(model.get("state")) ? "resume" : "pause" }) });
  const progress = element("progress", { max: 1, value: 0, "aria-label": "Devices done" });
  const status = element("span", { class: "status", role: "status", "aria-live": "polite" });
  const meaning = element("p", { class: "meaning" }), problem = element("p", { class: "problem", role: "alert" });
  const title = element("p", { class: "title" }), table = element("table", { class: "counts" });
  const claim = element("p", { class: "claim" });
  const named = element("figcaption"), where = element("figcaption");
  const curve = drawn("svg", { class: "curve", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
  const bars = drawn("svg", { class: "bars", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
  const results = element("div", { class: "results", hidden: "" }, title, table, claim,
    element("div", { class: "pictures" }, element("figure", {}, named, curve), element("figure", {}, where, bars)),
    element("p", { class: "note" }, NOTE));
  el.replaceChildren(fields, meaning, problem,
    element("div", { class: "bar", role: "group", "aria-label": "Run the campaign" }, run, pause, stop, progress, status), results);

  function drawFields() {
    const choices = model.get("choices");
    for (const [name] of FIELDS) {
      const input = inputs[name], options = choices[name], value = `${model.get(name)}`;
      if (options && !input.dataset.filled) {
        const target = input.tagName === "SELECT" ? input : fields.querySelector(`#${id}-${name}`);
        target.replaceChildren(...options.map((one) => element("option", { value: one }, name === "part" && !one ? "the board's own" : one)));
        input.dataset.filled = "yes";
      }
      if (input.tagName === "SELECT" && ![...input.options].some((one) => one.value === value)) {
        input.append(element("option", { value }, value));
      }
      if (input.dataset.told !== value) input.value = input.dataset.told = value;
    }
    const refused = model.get("refused");
    for (const [name] of FIELDS) {
      if (name in refused) inputs[name].setAttribute("aria-invalid", "true");
      else inputs[name].removeAttribute("aria-invalid");
    }
    given.checked = model.get("given_cut");
    meaning.textContent = model.get("meaning");
    problem.textContent = problem.title = link.trouble || model.get("problem");
  }

  function drawState() {
    const state = model.get("state"), done = model.get("done"), asked = model.get("asked"), busy = !OVER.includes(state);
    const focused = el.contains(document.activeElement) ? document.activeElement : null;
    run.disabled = busy;
    pause.disabled = stop.disabled = !busy || Boolean(link.gone);
    // A button that cannot be pressed any more hands the focus to the one that can.
    if (focused?.disabled) (busy ? pause : run).focus({ preventScroll: true });
    quiet(busy);
    pause.textContent = RESTING.includes(state) ? "▶ Resume" : "❚❚ Pause";
    if (state === "exploring" && !done) progress.removeAttribute("value");
    else progress.value = asked ? done / asked : 0;
    if (link.gone) status.textContent = `${state} when it was last heard of`;
    else status.textContent = asked ? [state, `${whole(done)} of ${whole(asked)} devices`, model.get("note")].filter((one) => one).join(", ") : state;
  }

  /** A campaign tells of itself while it runs; one that does not is not shown as running. */
  function quiet(busy) {
    clearInterval(silence);
    if (busy && !link.gone) silence = setInterval(() => link.send({}), 2 * PATIENCE);
  }

  function drawResults() {
    const rows = model.get("rows"), watched = model.get("watched");
    results.hidden = !rows.length;
    if (!rows.length) return;
    title.textContent = model.get("title");
    claim.textContent = model.get("claim");
    const focused = table.contains(document.activeElement) ? document.activeElement.dataset.watch : undefined;
    table.replaceChildren(
      element("caption", {}, "Devices by end; choose one to see it converge"),
      element("thead", {}, element("tr", {}, ...["end", "devices", "estimate", "interval, 95 %", "exact", ""].map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...rows.map((row) => {
        const name = row.end === "bad" ? "all bad ends" : row.end, [low, high] = row.exact;
        const exact = between(row.exact);
        const watch = row.end === "open" ? name : element("button", { type: "button", "data-watch": row.end,
          "aria-pressed": row.end === watched, onclick: () => send("watched", row.end) }, name);
        return element("tr", { "data-end": row.end, class: [row.end === "bad" && "all", row.end === watched && "watched", row.count === 0 && "none"].filter((one) => one).join(" ") },
          element("th", { scope: "row" }, watch), element("td", { class: "count" }, whole(row.count)), element("td", {}, short(row.estimate)),
          element("td", {}, `${short(row.low)} to ${short(row.high)}`), element("td", {}, exact),
          element("td", { class: row.outside ? "outside" : "" }, low === undefined ? "" : row.outside ? "exact is outside" : low < high ? "✓ possible" : "✓ exact is inside"));
      })));
    if (focused) table.querySelector(`[data-watch="${focused}"]`)?.focus();
    drawCurve(watched === "bad" ? "all bad ends" : watched);
    drawBars(watched === "bad" ? "all bad ends" : watched);
  }

  /** Estimate and interval against devices; rare ends on a logarithmic scale, common ones on an ordinary one. */
  function drawCurve(name) {
    const points = model.get("convergence"), exact = model.get("exact");
    named.textContent = `How the estimate converges: ${name}`;
    if (!points.length) return curve.replaceChildren();
    const last = points.at(-1), common = Math.max(last[1], exact[0] ?? 0) > 0.05, later = points.slice(Math.floor(points.length / 3));
    let low, high, y;
    if (common) {
      low = Math.max(0, Math.min(...later.map((one) => one[2]), ...exact));
      high = Math.min(1, Math.max(...later.map((one) => one[3]), ...exact));
      const rim = 0.06 * (high - low) || 0.01;
      [low, high] = [Math.max(0, low - rim), Math.min(1, high + rim)];
      y = (p) => TOP + (HIGH - TOP - BOTTOM) * (1 - (p - low) / (high - low));
    } else {
      const seen = points.flatMap(([, ...one]) => one).concat(exact).filter((p) => p > 0);
      low = Math.floor(Math.log10(Math.min(...seen.filter((p) => p > 1e-15)) / 1.5));
      high = Math.min(0, Math.ceil(Math.log10(Math.max(...seen))));
      // An interval that reaches down to nothing would push all else to the top.
      low = Math.max(low, Math.floor(Math.log10(Math.max(last[3], exact[0] ?? 0))) - 5);
      y = (p) => TOP + (HIGH - TOP - BOTTOM) * (1 - (Math.max(Math.log10(Math.max(p, 1e-300)), low) - low) / (high - low || 1));
    }
    const zero = points.some(([, p, l]) => p === 0 || l === 0); // has no place on such a scale: drawn at its foot
    const first = points.length > 1 ? points[0][0] : last[0] / 10;
    const decades = points.length > 1 ? Math.log10(Math.max(last[0], 10 * first) / first) : 2;
    const x = (n) => LEFT + (WIDE - LEFT - RIGHT) * Math.log10(n / first) / decades;
    const marks = [], across = (at, text) => marks.push(
      drawn("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: at, y2: at }),
      drawn("text", { x: LEFT - 5, y: at + 4, "text-anchor": "end" }, text));
    if (common) for (let n = 0; n <= 4; n++) { const p = low + n * (high - low) / 4; across(y(p), p.toFixed(Math.max(2, 1 - Math.floor(Math.log10(high - low))))); }
    else for (let n = low, by = Math.ceil((high - low) / 7); n <= high; n += by) across(y(10 ** n), n === 0 ? "1" : n === low && zero ? "0" : `1e${n}`);
    if (!common && last[1] === 0) marks.push(drawn("text", { class: "faint", x: LEFT + 4, y: HIGH - BOTTOM - 5 }, "none seen: the line lies at zero"));
    for (let n = Math.ceil(Math.log10(first)); n <= Math.log10(first) + decades + 1e-9; n++) {
      marks.push(drawn("line", { class: "grid", x1: x(10 ** n), x2: x(10 ** n), y1: TOP, y2: HIGH - BOTTOM }),
        drawn("text", { x: x(10 ** n), y: HIGH - BOTTOM + 15, "text-anchor": "middle" }, n < 6 ? whole(10 ** n) : `1e${n}`));
    }
    marks.push(drawn("text", { x: (LEFT + WIDE - RIGHT) / 2, y: HIGH - 6, "text-anchor": "middle" }, "devices"));
    const at = (n, p) => `${x(n).toFixed(1)},${y(p).toFixed(1)}`;
    const band = [...points.map(([n, , l]) => at(n, l)), ...points.map(([n, , , h]) => at(n, h)).reverse()].join(" ");
    const truth = exact.length ? [
      exact[0] < exact[1] ? drawn("rect", { class: "possible", x: LEFT, width: WIDE - LEFT - RIGHT, y: y(exact[1]), height: Math.max(1, y(exact[0]) - y(exact[1])) }) : "",
      ...new Set(exact)].map((one) => typeof one !== "number" ? one : drawn("line", { class: "exact", x1: LEFT, x2: WIDE - RIGHT, y1: y(one), y2: y(one) })) : [];
    const end = points.length === 1 ? [drawn("line", { class: "estimate", x1: x(last[0]), x2: x(last[0]), y1: y(last[2]), y2: y(last[3]) })] : [];
    const top = exact.length ? y(exact[1]) : 0, beside = exact[0] < exact[1] || top < TOP + 14 ? top + 14 : top - 5;
    const label = exact.length ? [drawn("text", { x: WIDE - RIGHT - 2, "text-anchor": "end",
      y: Math.min(Math.max(beside, TOP + 12), HIGH - BOTTOM - 6) }, `exact ${between(exact)}`)] : [];
    curve.replaceChildren(drawn("line", { class: "axis", x1: LEFT, x2: WIDE - RIGHT, y1: HIGH - BOTTOM, y2: HIGH - BOTTOM }),
      ...marks,
      drawn("clipPath", { id: `${id}-clip` }, drawn("rect", { x: LEFT, y: TOP, width: WIDE - LEFT - RIGHT, height: HIGH - TOP - BOTTOM })),
      drawn("g", { "clip-path": `url(#${id}-clip)` },
        drawn("polygon", { class: "band", points: band }), ...truth.filter((one) => one),
        drawn("polyline", { class: "estimate", points: points.map(([n, p]) => at(n, p)).join(" ") }), ...end),
      drawn("circle", { class: "dot", cx: x(last[0]), cy: y(last[1]), r: 4 }), ...label);
    curve.setAttribute("aria-label", `${name}: after ${whole(last[0])} devices the estimate is ${short(last[1])}, between ${short(last[2])} and ${short(last[3])}`
      + (exact.length ? `; exact is ${between(exact)}` : ""));
  }

  function drawBars(name) {
    const rows = model.get("fell"), most = Math.max(1, ...rows.map((row) => row.count)), step = (HIGH - TOP - 10) / 8;
    where.textContent = `Where the last cut fell: ${name}`;
    bars.replaceChildren(...rows.flatMap(({ phase, count }, n) => {
      const y = TOP + n * step, wide = (WIDE - LEFT - 90) * count / most;
      return [drawn("text", { x: LEFT - 5, y: y + step / 2 + 4, "text-anchor": "end", class: count ? "" : "faint" }, phase),
        drawn("rect", { x: LEFT, y: y + 3, width: count ? Math.max(wide, 1.5) : 0, height: step - 7, style: `fill: var(--otalab-${phase === "no cut" ? "free" : phase})` }),
        drawn("text", { x: LEFT + wide + 6, y: y + step / 2 + 4, class: count ? "" : "faint", "data-phase": phase }, whole(count))];
    }));
    bars.setAttribute("aria-label", `${name}, devices by the phase of their last cut: ${rows.map(({ phase, count }) => `${phase} ${whole(count)}`).join(", ")}`);
  }

  link.follow([...FIELDS.map(([name]) => name), "given_cut", "choices", "meaning", "problem", "refused"], drawFields);
  link.follow(["state", "done", "asked", "note"], drawState);
  link.follow(["rows", "convergence", "exact", "fell", "claim", "title", "watched"], drawResults);
  link.leaving.push(() => clearInterval(silence));
  [drawFields, drawState, drawResults].forEach((part) => part());
  link.settled(el);
  return () => link.end();
}

export default { render };
