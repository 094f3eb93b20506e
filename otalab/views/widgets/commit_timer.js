// Draws the race that Python has run, and hands settings back; decides nothing itself.

const WIDTH = 900, LEFT = 104, LANE = 46, TOP = 30;

function render({ model, el }) {
  const id = `race-${Math.random().toString(36).slice(2)}`;
  el.classList.add("otalab-race");
  const link = new Link(model, el, () => draw());
  const set = (name, value) => link.set(name, value);

  const choice = (name, label) => {
    const input = element("select", { id: `${id}-${name}`, "data-trait": name });
    input.addEventListener("change", () => set(name, input.value));
    return { input, label: element("label", { for: input.id }, label) };
  };
  const number = (name, label, step, most) => {
    const input = element("input", { id: `${id}-${name}`, type: "number", min: 0, max: 3600, step, "data-trait": name });
    const slider = element("input", { type: "range", min: 0, max: most, step: step === 1 ? 1 : 0.01, "aria-label": `${label}, slider` });
    const take = (from) => {
      const value = Number(from.value);
      if (from.value === "" || !Number.isFinite(value) || value < 0 || value > 3600) { draw(); return; }
      set(name, step === 1 ? Math.round(value) : value);
    };
    input.addEventListener("change", () => take(input));
    slider.addEventListener("input", () => take(slider));
    return { input, slider, label: element("label", { for: input.id }, label) };
  };
  const temper = choice("temper", "The new image");
  const design = choice("design", "Design");
  const health = number("health_seconds", "Health check (s)", "any", 120);
  const interval = number("interval", "Commit interval (s)", 1, 120);
  const after = number("commit_after", "operator commits after (s)", "any", 120);
  after.input.value = after.slider.value = 30;
  const itself = element("input", { type: "radio", name: `${id}-who`, id: `${id}-itself`, "data-who": "itself" });
  const hand = element("input", { type: "radio", name: `${id}-who`, id: `${id}-hand`, "data-who": "operator" });
  itself.addEventListener("change", () => set("commit_after", null));
  hand.addEventListener("change", () => set("commit_after", Number(after.input.value)));
  const form = element("div", { class: "form", role: "group", "aria-label": "settings of the trial" },
    temper.label, temper.input, element("span"), design.label, design.input, element("span"),
    health.label, health.input, health.slider, interval.label, interval.input, interval.slider,
    element("span", { class: "legend" }, "Commit"),
    element("span", { class: "who" }, itself, element("label", { for: itself.id }, "the image commits itself")),
    element("span"),
    element("span"), element("span", { class: "who" }, hand, element("label", { for: hand.id }, "by hand:")),
    element("span", { class: "by" }, after.label, after.input, after.slider));
  const problem = element("p", { class: "problem", role: "alert" });
  const outcome = element("p", { class: "outcome", role: "status", "aria-live": "polite" });
  const picture = element("div", { class: "picture" });
  const words = element("details", {}, element("summary", {}, "The same in words, and the boot log"));
  const list = element("ul");
  const log = element("pre");
  words.append(list, log);
  el.replaceChildren(form, link.follower(), problem, outcome, picture, words);

  function offer(select, options, value) {
    select.replaceChildren(...options.map(([key, label]) => element("option", { value: key }, label)));
    if (!options.some(([key]) => key === value)) select.append(element("option", { value }, value));
    select.value = value;
  }

  function ticks(horizon) {
    // A view that is drawn before its values have come has no length to divide.
    if (!(horizon > 0)) return [];
    const rough = horizon / 8;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
    const found = [];
    for (let n = 0; n * step <= horizon; n += 1) found.push(Number((n * step).toPrecision(6)));
    return found;
  }

  function race() {
    const bars = model.get("bars"), horizon = model.get("horizon"), due = model.get("due");
    const lanes = model.get("lanes").filter((lane) => bars.some((bar) => bar.lane === lane));
    const height = TOP + lanes.length * LANE + 34;
    const x = (seconds) => LEFT + ((WIDTH - LEFT - 12) * Math.min(seconds, horizon)) / horizon;
    const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-labelledby": `${id}-said` });
    svg.append(drawn("title", { id: `${id}-said` }, `Time line. ${model.get("outcome")}`));
    svg.append(drawn("defs", {}, drawn("pattern",
      { id: `${id}-endless`, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      drawn("rect", { width: 3, height: 8, class: "stripe" }))));
    const bottom = TOP + lanes.length * LANE;
    for (const tick of ticks(horizon)) {
      svg.append(drawn("line", { x1: x(tick), x2: x(tick), y1: TOP - 6, y2: bottom, class: "grid" }),
        drawn("text", { x: x(tick), y: bottom + 14, class: "tick" }, `${tick}`));
    }
    svg.append(drawn("text", { x: WIDTH - 12, y: bottom + 29, class: "axis" }, "seconds since the new image was switched on"));
    lanes.forEach((lane, row) => {
      const y = TOP + row * LANE;
      svg.append(drawn("text", { x: LEFT - 10, y: y + 27, class: "lane" }, lane),
        drawn("line", { x1: LEFT, x2: WIDTH - 12, y1: y + LANE - 4, y2: y + LANE - 4, class: "grid" }));
      const busy = [-1e9, -1e9]; // where the words above the bars end, in two rows
      bars.filter((bar) => bar.lane === lane).forEach((bar) => draw1(svg, bar, y, x, busy, horizon));
    });
    if (due !== null && due <= horizon) {
      svg.append(drawn("line", { x1: x(due), x2: x(due), y1: TOP - 12, y2: bottom, class: "due" }),
        drawn("text", { x: x(due), y: TOP - 16, class: "duetext" }, `timer due at ${due.toFixed(2)} s`));
    }
    return svg;
  }

  function draw1(svg, bar, y, x, busy, horizon) {
    const colour = model.get("colours")[bar.lane];
    const left = x(bar.begin);
    const end = bar.end === null ? horizon : bar.end;
    const when = bar.end === null ? `from ${bar.begin.toFixed(2)} s, without end`
      : `${bar.begin.toFixed(2)} to ${bar.end.toFixed(2)} s`;
    const tip = drawn("title", {}, `${bar.what}: ${when}`);
    const moment = bar.end === bar.begin;
    const width = moment ? 0 : Math.max(x(end) - left, 3);
    if (moment) {
      svg.append(drawn("path", { d: `M${left} ${y + 14}l7 8l-7 8l-7 -8z`, fill: colour, class: "moment" }, tip));
    } else {
      svg.append(drawn("rect", { x: left, y: y + 14, width, height: 18, fill: colour, class: "bar" }, tip));
      if (bar.end === null) svg.append(drawn("rect", { x: left, y: y + 14, width, height: 18, fill: `url(#${id}-endless)` }));
    }
    const long = bar.what.length * 6.2 + 4;
    if (!moment && width > long + 6) {
      svg.append(drawn("rect", { x: left + width / 2 - long / 2, y: y + 16, width: long, height: 14, rx: 3, class: "plate" }),
        drawn("text", { x: left + width / 2, y: y + 27, class: "inside" }, bar.what));
      return;
    }
    // Words that have no room in their bar stand above it, in two rows; where both are taken, the tip has them.
    const aside = moment ? 10 : 0;
    const flip = left + aside + long > WIDTH - 4;
    const from = flip ? left - aside - long : left + aside;
    const row = busy.findIndex((until) => from >= until + 4);
    if (row < 0) return;
    busy[row] = from + long;
    svg.append(drawn("text", { x: flip ? left - aside : from, y: y + (row ? 0 : 11), class: flip ? "beside flip" : "beside" },
      bar.what));
  }

  function draw() {
    offer(temper.input, Object.entries(model.get("tempers")), model.get("temper"));
    offer(design.input, model.get("designs").map((name) => [name, name]), model.get("design"));
    for (const [part, name] of [[health, "health_seconds"], [interval, "interval"], [after, "commit_after"]]) {
      const value = model.get(name);
      if (value !== null) { part.input.value = value; part.slider.value = value; }
    }
    const byHand = model.get("commit_after") !== null;
    itself.checked = !byHand;
    hand.checked = byHand;
    after.input.disabled = after.slider.disabled = !byHand;
    problem.textContent = link.trouble;
    outcome.textContent = model.get("outcome");
    outcome.dataset.end = model.get("end");
    outcome.style.setProperty("--end", `var(--otalab-end-${model.get("end")})`);
    picture.replaceChildren(race());
    list.replaceChildren(...model.get("bars").map((bar) => element("li", {}, bar.end === null
      ? `${bar.lane}: ${bar.what}, from ${bar.begin.toFixed(2)} s, without end` : bar.end === bar.begin
        ? `${bar.lane}: ${bar.what}, at ${bar.begin.toFixed(2)} s`
        : `${bar.lane}: ${bar.what}, ${bar.begin.toFixed(2)} to ${bar.end.toFixed(2)} s`)));
    log.textContent = model.get("log").join("\n");
  }

  link.follow(["design", "temper", "health_seconds", "interval", "commit_after", "bars", "due", "horizon", "outcome", "log"], draw);
  draw();
  link.settled(el);
  return () => link.end();
}

export default { render };
