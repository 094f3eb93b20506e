// The bolt: dragged along the time line and let go, it cuts there; the strip says for every effect how a cut ends.
// All of it is what the kernel found in the closed crash graph; where there is none, that is said.

const ROW = 15, DRAGGED = 3; // pixels: a row of the strip, and what is no click any more
const RELEASE = "Drag it along the time line, or use the arrow keys; let go, or press Enter, and the power is cut there. "
  + "Escape lets go without a cut.";
const NO_EFFECT = -1;

class Bolt {
  /** `go` is told where the bolt is, `cut` what it leaves there. */
  constructor(go, cut, choose) {
    Object.assign(this, { go, cut, choose });
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.handle = element("div", { class: "bolt", role: "slider", tabindex: 0, "aria-label": "Bolt: where the power is cut",
      "aria-description": RELEASE, title: RELEASE, "aria-valuemin": 0 }, "⚡");
    this.strip = element("div", { class: "strip" }, this.canvas, this.handle);
    this.key = element("p", { class: "legend" });
    this.problem = element("p", { class: "unknown" });
    this.list = element("ul", { class: "outcomes", "aria-label": "How a cut in this effect ends" });
    this.node = element("section", { class: "ends", "aria-label": "How cuts end", hidden: "" },
      this.strip, this.key, this.problem, this.list);
    this.canvas.addEventListener("pointerdown", (event) => this.go(this.line.position(event.offsetX)));
    this.handle.addEventListener("pointerdown", (event) => this.grasp(event));
    this.handle.addEventListener("pointermove", (event) => this.drag(event));
    this.handle.addEventListener("pointerup", () => this.release());
    this.handle.addEventListener("pointercancel", () => this.drop());
    this.handle.addEventListener("keydown", (event) => this.press(event));
  }

  /** What is known of the life that is shown; nothing before somebody asked. */
  load(told, life, alone) {
    Object.assign(this, { told: told?.at || told?.problem ? told : undefined, alone });
    this.node.hidden = !this.told;
    this.handle.hidden = Boolean(alone);
    if (!this.told) return;
    this.handle.setAttribute("aria-valuemax", life.length - 1);
    this.problem.textContent = this.told.problem ? `How a cut here ends is ${this.told.problem}.` : "";
    // As high as it ever gets: what stands below does not move from step to step.
    const most = Math.max(1, ...(this.told.patterns ?? []).map((rows) => rows.length));
    this.list.style.minHeight = `${most * 27}px`;
    this.shown = undefined;
  }

  layout(life, line, colour) {
    Object.assign(this, { life, line, colour });
    if (!this.told) return;
    const { ends = [] } = this.told, high = Math.max(ends.length, 1) * ROW + 2, pen = sized(this.canvas, line.width, high);
    this.strip.style.height = `${high}px`;
    pen.fillStyle = colour("line");
    for (const row of ends.keys()) pen.fillRect(0, (row + 1) * ROW, line.width, 1);
    ends.forEach((end, row) => this.stretches(end).forEach(([first, last]) => this.paint(pen, end, row, first, last)));
    this.key.replaceChildren(...ends.map((end) => element("span", {}, this.sign(end), end)));
  }

  /** From where to where a cut can end so. */
  stretches(end) {
    const found = [], { at, patterns } = this.told;
    const so = patterns.map((rows) => rows.some((row) => row[0] === end));
    for (let position = 0; position < at.length; position++) {
      if (!so[at[position]]) continue;
      if (found.at(-1)?.[1] === position - 1) found.at(-1)[1] = position;
      else found.push([position, position]);
    }
    return found;
  }

  /** A bar in the colour of the end, with its sign as often as there is room. */
  paint(pen, end, row, first, last) {
    const from = this.line.x(first, 0), wide = Math.max(this.line.x(last, 1) - from, 2), y = row * ROW + 2, size = 4.5;
    pen.fillStyle = this.colour(`end-${end}`);
    pen.strokeStyle = this.colour("ink");
    pen.fillRect(from, y + ROW / 2 - 2, wide, 4);
    const count = Math.max(1, Math.min(Math.floor(wide / 90), 12));
    for (let n = 0; n < count; n++) {
      pen.save();
      pen.translate(from + (wide * (n + 0.5)) / count, y + ROW / 2);
      const sign = new Path2D();
      sign.addPath(new Path2D(SHAPES[this.told.signs[end]]), new DOMMatrix().scale(size));
      pen.fill(sign);
      pen.lineWidth = 1;
      pen.stroke(sign);
      pen.restore();
    }
  }

  sign(end) {
    const shape = drawn("path", { d: SHAPES[this.told.signs[end]], transform: "scale(8)", "vector-effect": "non-scaling-stroke",
      style: `fill: var(--otalab-end-${end}); stroke: currentcolor` });
    return drawn("svg", { viewBox: "-10 -10 20 20", width: 13, height: 13, "aria-hidden": "true" }, shape);
  }

  /** The rows of a position: an end, what more cuts can make of it, how many tears, and labels of some. */
  rows(position) {
    return this.told?.patterns?.[this.told.at[position]] ?? [];
  }

  draw(now) {
    if (!this.told || !this.line) return;
    const x = this.line.x(now), rows = this.rows(now), none = this.life.ends(now);
    this.handle.style.left = `${x}px`;
    this.handle.setAttribute("aria-valuenow", now);
    this.handle.setAttribute("aria-disabled", none);
    const said = none ? "a run ends here: there is no effect to cut" : rows.length
      ? rows.map(([end, , words]) => `${words}: ${end}`).join("; ") : "how a cut here ends is not known";
    this.handle.setAttribute("aria-valuetext", `step ${now}: ${said}`);
    const pattern = this.told.at?.[now] ?? NO_EFFECT;
    if (pattern === this.shown && pattern >= 0) return;
    this.shown = pattern;
    if (this.told.problem) return void this.list.replaceChildren();
    this.list.replaceChildren(...(rows.length ? rows.map((row) => this.outcome(row)) : [element("li", {}, said)]));
  }

  outcome([end, worst, words, labels]) {
    const more = worst === end ? "" : `, and with more cuts at worst ${worst}`;
    const buttons = this.alone ? [labels.join(", ")] : labels.map((label) => element("button", { type: "button", "data-leaves": label,
      title: `Cut the power, leaving ${label}`, onclick: () => this.cut(label) }, label));
    return element("li", {}, this.sign(end), element("b", {}, `${end}:`), `${words}${more}. Cut and leave`, ...buttons);
  }

  grasp(event) {
    if (event.button !== 0) return;
    this.handle.setPointerCapture(event.pointerId);
    this.handle.focus({ preventScroll: true });
    this.held = { from: this.life.now, x: event.clientX, moved: false };
    event.preventDefault();
  }

  drag(event) {
    if (!this.held) return;
    this.held.moved ||= Math.abs(event.clientX - this.held.x) > DRAGGED;
    if (this.held.moved) this.go(this.line.position(event.clientX - this.strip.getBoundingClientRect().left));
  }

  /** Where it was dragged to, the power fails; a bolt that was only touched has cut nothing. */
  release() {
    const { held } = this;
    this.held = undefined;
    if (held?.moved) this.strike();
  }

  drop() {
    if (this.held) this.go(this.held.from);
    this.held = undefined;
  }

  /** Cut here: what ends worst is left, or a hand chooses where that is not known. */
  strike() {
    if (this.alone || this.life.ends(this.life.now)) return;
    const [worst] = this.rows(this.life.now);
    if (worst) this.cut(worst[3][0]);
    else this.choose();
  }

  press(event) {
    if (event.key === "Escape" && this.held) this.drop();
    else if (event.key === "Enter" || event.key === " ") this.strike();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
