// The update player in the browser: it is handed a whole life once and steps through it by itself.
// It asks the kernel for two things only: what a cut can leave, and what follows from it.

const SPEEDS = [1, 4, 16, 64, 256];
const WAIT = 150; // milliseconds of rest after which the kernel is told the position
const moved = new WeakMap(); // by model, where a hand went that the kernel was not told of
const COLOURS = ["boot", "download", "merge", "switch", "trial", "commit", "rollback", "label", "label-ink", "ink",
  "paper", "line", "record", "state", "slot-0", "slot-1", "slot-2", "factory", "files", "free", "end-updated", "end-rolled-back", "end-update-lost",
  "end-bricked", "end-data-lost", "end-stuck", "end-not-updatable"];
const KEYS = "Arrow keys: step. Shift and arrow: next or previous phase. Space: play or pause. Home, End. "
  + "C: cut here, Escape: close the list.";

class UpdatePlayer {
  constructor(model, el) {
    this.model = model;
    this.id = `player-${Math.random().toString(36).slice(2)}`;
    this.link = new Link(model, el, () => this.hear());
    this.timeLine = new TimeLine((position) => this.go(position));
    this.bolt = new Bolt((position) => this.go(position), (tear) => this.choose(tear), () => this.ask());
    this.map = new FlashMap((sector, fixed) => this.look(sector, fixed));
    this.hex = new HexPane();
    this.speed = element("select", { "aria-label": "Speed" }, ...SPEEDS.map((n) => element("option", { value: n }, `${n} effects/s`)));
    this.speed.value = 16;
    this.sentence = element("p", { class: "sentence", "aria-live": "polite" });
    this.where = element("span", { class: "where" });
    this.alert = element("p", { class: "trouble", role: "alert" });
    this.cutting = element("section", { class: "cutting", "aria-label": "What this cut can leave", hidden: "" });
    this.steps = element("span", { class: "steps" });
    this.end = element("span", { role: "status", "aria-live": "polite" });
    this.keep = element("span", { class: "steps" });
    this.path = element("div", { class: "path" }, this.steps, this.end, this.keep);
    this.records = element("div", { class: "records" });
    this.why = element("p", { class: "why" });
    this.slots = element("p", { class: "slots" });
    this.timer = element("p", { class: "timer" });
    this.log = element("pre", { class: "log", tabindex: 0, role: "log", "aria-live": "off", "aria-label": "Boot log" });
    const button = (name, sign, what) => element("button", { type: "button", title: name, "aria-label": name, onclick: what }, sign);
    this.play = button("Play", "▶ Play", () => this.toggle());
    this.cut = button("Cut here", "✂ Cut here", () => this.ask());
    this.caption = element("p", { class: "caption" });
    const bar = element("div", { class: "bar", role: "toolbar", "aria-label": "Player" },
      button("Previous phase", "|◀", () => this.jump(-1)), button("Step back", "◀", () => this.go(this.life.now - 1)),
      this.play, button("Step forward", "▶", () => this.go(this.life.now + 1)),
      button("Next phase", "▶|", () => this.jump(1)), this.speed, this.cut, this.where, this.link.follower());
    const legend = element("div", { class: "legend" });
    this.legend = legend;
    this.root = element("div", { class: "otalab-player", tabindex: 0, role: "group", "aria-label": "Update player",
      title: "", "aria-description": KEYS },
      this.caption, bar, this.timeLine.canvas, this.bolt.node, this.sentence, this.alert, this.cutting, this.path,
      element("div", { class: "panes" },
        element("section", { class: "flash" }, element("h3", {}, "Flash"), this.map.canvas, legend),
        element("section", { class: "boot" }, element("h3", {}, "Boot records"), this.records, this.why, this.slots, this.timer),
        element("section", { class: "bytes" }, element("h3", {}, "Bytes"), this.hex.node),
        element("section", { class: "said" }, element("h3", {}, "Boot log"), this.log)),
      element("p", { class: "keys" }, KEYS));
    this.root.addEventListener("keydown", (event) => this.key(event));
    // There is nothing to press before there is a life.
    this.root.inert = true;
    el.replaceChildren(this.root);
    this.watch();
  }

  /** Follow the model, the theme and the width; all of it ends with the view. */
  watch() {
    const { model, link } = this;
    link.hear("change:trace change:recovery", () => this.load());
    link.hear("change:step", () => { if (!this.loading) this.heed(); });
    link.hear("change:tears", () => this.offer());
    link.hear("change:cut_ends", () => { if (!this.loading && this.life) this.foresee(); });
    link.hear("change:caption", () => this.draw(new Set()));
    link.hear("change:trouble", () => this.hear());
    link.hear("change:playing", () => this.clock());
    link.hear("change:cuts change:saved", () => { if (!this.loading) this.history(); });
    const size = new ResizeObserver(() => { if (this.root.clientWidth !== this.width) this.layout(); });
    const theme = new MutationObserver(() => this.layout());
    const dark = matchMedia("(prefers-color-scheme: dark)"), again = () => this.layout();
    size.observe(this.root);
    theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"] });
    dark.addEventListener("change", again);
    link.leaving.push(() => { size.disconnect(); theme.disconnect(); dark.removeEventListener("change", again); });
    link.leaving.push(() => { this.stop(); this.settle(); });
  }

  /** What the kernel complains of, or that it is gone. */
  hear() {
    this.alert.textContent = this.link.trouble || this.model.get("trouble") || "";
    this.searching = false;
  }

  /** Read the tapes, and only those that are new; several changes at once are one reading. */
  async load() {
    const turn = (this.loading = {});
    await Promise.resolve();
    const { model } = this, trace = model.get("trace"), recovery = model.get("recovery");
    if (trace !== this.trace) this.base = await Tape.read(trace);
    const rest = recovery?.byteLength ? await Tape.read(recovery) : null;
    if (turn !== this.loading || this.link.over) return;
    this.trace = trace;
    this.loading = undefined;
    moved.delete(model);
    this.fixed = this.hover = undefined;
    this.life = new Life(this.base, rest);
    this.life.seek(clamp(model.get("step"), 0, this.life.length - 1));
    this.root.inert = false;
    this.bolt.load(this.model.get("cut_ends"), this.life, this.link.alone);
    this.layout();
    this.history();
    this.offer();
  }

  layout() {
    this.width = this.root.clientWidth;
    if (!this.life || this.width < 100) return; // in a folded or hidden cell
    const style = getComputedStyle(this.root), colours = {};
    for (const name of COLOURS) colours[name] = style.getPropertyValue(`--otalab-${name}`).trim();
    const colour = (name) => colours[name];
    this.timeLine.layout(this.life, this.timeLine.canvas.parentNode.clientWidth - 20, colour);
    this.bolt.layout(this.life, this.timeLine, colour);
    this.map.layout(this.life, this.map.canvas.parentNode.clientWidth, colour);
    this.explain();
    this.draw(new Set());
  }

  /** What is known of cuts has changed: the strip is drawn anew, and the rest stays. */
  foresee() {
    this.bolt.load(this.model.get("cut_ends"), this.life, this.link.alone);
    this.layout();
    this.history();
  }

  /** The legend: each state drawn as on the map. */
  explain() {
    const states = Object.entries(this.life.base.states);
    this.legend.replaceChildren(...states.map(([name, text]) =>
      element("span", { title: text }, element("i", { class: `swatch ${name}` }), name)));
  }

  /** Go where a hand goes: all views of the model at once, the kernel when the hand has come to rest. */
  go(position) {
    if (!this.stand(position)) return;
    moved.set(this.model, this.life.now);
    this.model.set("step", this.life.now);
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.settle(), WAIT);
  }

  /** Stand where the model says; while the kernel was not told where a hand is, what it says is of an earlier place. */
  heed() {
    const { model } = this, hand = moved.get(model);
    if (hand !== undefined && model.get("step") !== hand) model.set("step", hand);
    else this.stand(model.get("step"));
  }

  /** Draw a position, and say whether it is another one. */
  stand(position) {
    const next = this.life && clamp(position, 0, this.life.length - 1);
    if (!this.life || next === this.life.now) return false;
    this.draw(this.life.seek(next));
    return true;
  }

  /** Tell the kernel where the hand has come to rest. */
  settle() {
    if (this.telling === undefined) return;
    clearTimeout(this.telling);
    this.telling = undefined;
    this.link.save();
    moved.delete(this.model);
  }

  jump(by) {
    const { stretches } = this.timeLine, here = stretches.findLastIndex((one) => one.first <= this.life.now);
    const back = by < 0 && stretches[here].first < this.life.now ? 0 : by;
    this.go(stretches[here + back]?.first ?? (by < 0 ? 0 : this.life.length - 1));
  }

  /** All views of one player have one clock: who has it moves them all, and whoever presses the button stops it. */
  toggle() {
    if (this.model.get("playing")) return this.pause();
    if (this.life.now === this.life.length - 1) this.go(0);
    this.model.set("playing", this.id);
    this.clock();
  }

  clock() {
    const owner = this.model.get("playing") ?? "", name = owner ? "Pause" : "Play";
    this.play.textContent = owner ? "❚❚ Pause" : "▶ Play";
    this.play.setAttribute("aria-label", name);
    this.play.title = name;
    // Sixteen sentences a second are none that can be heard.
    this.sentence.setAttribute("aria-live", owner ? "off" : "polite");
    if (owner === this.id && !this.playing) this.run();
    else if (owner !== this.id) cancelAnimationFrame(this.playing), (this.playing = undefined);
  }

  run() {
    let last = performance.now(), due = 0;
    const tick = (now) => {
      due += ((now - last) / 1000) * this.speed.value;
      last = now;
      if (due >= 1) this.go(this.life.now + Math.floor(due));
      due %= 1;
      if (this.life.now === this.life.length - 1) this.pause();
      else this.playing = requestAnimationFrame(tick);
    };
    this.playing = requestAnimationFrame(tick);
  }

  pause() {
    if (this.model.get("playing")) this.model.set("playing", "");
    this.clock();
  }

  /** A view that goes stops only what it has begun itself. */
  stop() {
    if (this.model.get("playing") === this.id) this.pause();
  }

  key(event) {
    if (event.key === "Escape" && !this.cutting.hidden) this.close();
    if (event.target.closest("input, select, textarea, .cutting") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.closest("button")) return;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: -1, ArrowDown: 1 }[event.key];
    const scrolls = event.target.closest(".hex, .log") && ["ArrowUp", "ArrowDown"].includes(event.key);
    if (scrolls || !this.life) return;
    if (by) event.shiftKey ? this.jump(by) : this.go(this.life.now + by);
    else if (event.key === "Home") this.go(0);
    else if (event.key === "End") this.go(this.life.length - 1);
    else if (event.key === " ") this.toggle();
    else if (event.key === "c" || event.key === "C") this.ask();
    else return;
    event.preventDefault();
  }

  /** Look at a sector: while the mouse is over it, or for good; nowhere means where the present effect works. */
  look(sector, fixed) {
    this.hover = fixed ? undefined : sector;
    if (fixed) this.fixed = sector === this.fixed ? undefined : sector;
    this.draw(new Set());
  }

  draw(dirty) {
    if (!this.map.places) return; // it was never laid out: in a folded cell, or not yet in the page
    const { life } = this, { now } = life, sector = life.get("sector", now);
    const present = sector === NONE ? undefined : sector;
    this.touched = present ?? this.touched ?? life.board.owners.find(([name]) => name === "record 0")[1];
    const shown = this.hover ?? this.fixed ?? this.touched, at = this.map.places[shown];
    const state = Object.keys(life.base.states)[life.states[shown]];
    const held = this.hover === undefined && this.fixed !== undefined ? ", held: click it again to let go" : "";
    const title = `sector ${shown} at 0x${hex(life.board.starts[shown], 6)}, ${at.name}, ${state}${held}`;
    const line = life.line(now);
    this.sentence.textContent = line;
    this.sentence.classList.toggle("failed", life.last.cuts.includes(now));
    this.caption.textContent = this.model.get("caption");
    this.where.textContent = `step ${now} of ${life.length - 1}`;
    this.cut.disabled = Boolean(this.link.alone) || life.ends(now);
    this.cut.title = this.link.alone ? "Cutting the power needs the lab; this page is a recording" : "Cut the power in this effect";
    this.timeLine.draw(line);
    this.bolt.draw(now);
    this.map.draw(dirty, present, this.hover ?? this.fixed, title);
    this.hex.draw(life, shown, title);
    this.boot(life.moment(now), life.get("left", now));
    this.say();
    if (!this.cutting.hidden && this.offered !== now) this.close();
  }

  boot(moment, left) {
    if (moment !== this.moment) {
      this.moment = moment;
      this.records.replaceChildren(...moment.records.map((record) => {
        const chosen = record.number === moment.selected;
        return element("table", { class: chosen ? "selected" : "" },
          element("caption", {}, `record ${record.number} at ${record.address}${chosen ? " ✔ counts" : ""}`),
          element("tbody", {}, ...record.fields.map(([name, value]) =>
            name ? element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value))
              : element("tr", {}, element("td", { colspan: 2, class: "none" }, value))),
            element("tr", {}, element("td", { colspan: 2, class: "raw" }, record.bytes))));
      }));
      this.why.textContent = moment.why;
      const names = this.life.board.owners.map(([name]) => name).filter((name) => name.endsWith(" app"));
      this.slots.replaceChildren(...moment.slots.map((text, n) => element("span", {}, element("b", {}, `${names[n].slice(0, -4)}: `), text)));
    }
    const running = !Number.isNaN(left);
    const text = !running ? "no commit timer runs" : `commit timer: ${Math.max(left, 0).toFixed(3)} s left`;
    if (text !== this.timer.textContent) this.timer.textContent = text;
    this.timer.classList.toggle("running", running);
  }

  /** The log up to here; what this very step said stands out. */
  say() {
    const { log, now } = this.life, count = log.findLastIndex((one) => one[0] <= now) + 1;
    const fresh = log.slice(0, count).filter((one) => one[0] === now).length;
    if (this.heard?.log === log && this.heard.count === count && this.heard.fresh === fresh) return;
    this.heard = { log, count, fresh };
    let run = -1;
    this.log.replaceChildren(...log.slice(0, count).flatMap((one, n) => {
      const line = element(n >= count - fresh ? "b" : "span", {}, `${one[2]}\n`);
      const begins = one[1] !== run;
      run = one[1];
      return begins ? [element("i", {}, `run ${run}: power on\n`), line] : [line];
    }));
    this.log.scrollTop = this.log.scrollHeight;
  }

  ask(wanted = "") {
    if (this.cut.disabled) return;
    this.pause();
    this.offered = this.life.now;
    this.alert.textContent = "";
    const known = this.model.get("tears");
    if (known.step === this.life.now && known.wanted === wanted) return this.offer();
    this.searching = true;
    this.link.send({ ask: "tears", step: this.life.now, wanted });
  }

  /** The list goes; the focus that was in it stays in the player, where keys are heard. */
  close(heir = this.root) {
    const had = this.cutting.contains(document.activeElement);
    this.cutting.hidden = true;
    if (had) heir.focus({ preventScroll: true });
  }

  choose(tear) {
    this.close();
    this.link.send({ ask: "cut", tear, step: this.life.now });
  }

  /** What the kernel says that this cut can leave, in classes to choose from. */
  offer() {
    const tears = this.model.get("tears");
    // Between a question and its answer the list stays, with whatever has the focus in it.
    if (!tears?.classes && this.searching) return;
    this.hear();
    if (!tears?.classes || tears.step !== this.life?.now) { this.close(); return; }
    const fresh = this.cutting.hidden;
    this.offered = tears.step;
    const number = (n) => n.toLocaleString("en");
    const find = element("input", { type: "search", "aria-label": "Part of a label", placeholder: "part of a label: prefix-1", value: tears.wanted });
    const search = element("form", { onsubmit: (event) => { event.preventDefault(); this.ask(find.value); } }, find,
      element("button", {}, "Find"));
    const faults = element("select", { "aria-label": "Fault model" }, ...tears.models.map((name) => element("option", {}, name)));
    faults.value = tears.faults;
    faults.addEventListener("change", () => {
      this.link.set("faults", faults.value);
      this.searching = true;
      this.link.send({ ask: "tears", step: this.life.now, wanted: "" });
    });
    const rows = tears.classes.map((one) => element("tr", {},
      element("td", { class: "count" }, number(one.count)),
      element("td", {}, one.text, ...(one.seen ? [element("small", {}, `the loader would see: ${one.seen}`)] : [])),
      element("td", {}, ...one.labels.map((label) =>
        element("button", { type: "button", "data-tear": label, title: `Cut the power, leaving ${label}`, onclick: () => this.choose(label) }, label)),
        one.count > one.labels.length ? " …" : "")));
    const some = tears.shown < tears.total ? `${number(tears.shown)} of ` : "";
    renewed(this.cutting, this.root,
      element("p", {}, element("b", {}, "The power fails in this effect. "),
        `It can leave ${some}${number(tears.total)} ${tears.total === 1 ? "thing" : "different things"}. Which one?`),
      element("div", { class: "bar" }, faults, search,
        element("button", { type: "button", onclick: () => this.close(this.cut) }, "Close")),
      element("table", {}, element("thead", {}, element("tr", {}, ...["how many", "what is left", "choose one"].map((name) =>
        element("th", { scope: "col" }, name)))), element("tbody", {}, ...rows)));
    this.cutting.hidden = false;
    if (fresh && this.root.contains(document.activeElement)) {
      this.cutting.querySelector("[data-tear]")?.focus({ preventScroll: true });
    }
  }

  /** The cuts so far, how it ends, and the ways to keep it. */
  history() {
    const { model } = this, cuts = model.get("cuts"), saved = model.get("saved"), { end } = this.life.last;
    const button = (text, what, more = {}) => element("button", { type: "button", onclick: what, ...more }, text);
    const steps = cuts.map(([run, effect, tear], n) =>
      button(`run ${run}, effect ${effect}: ${tear}`, () => this.go(this.life.last.cuts[n]), { title: "Go to this cut" }));
    const code = () => `${model.get("opening")}\nplayer.cuts = ${JSON.stringify(cuts)}\nplayer.step = ${this.life.now}`;
    const keep = saved.id ? button("Save for replay", () => this.save(saved)) : button("Save for replay", () => {}, { disabled: "", title: saved.problem });
    renewed(this.steps, this.root, element("span", {}, cuts.length ? "Cuts: " : "No cuts yet."), ...steps);
    this.end.className = `end ${end.name}`;
    this.end.style.setProperty("--end", `var(--otalab-end-${end.name})`);
    this.end.title = end.reason;
    const after = cuts.length ? ` after ${cuts.length} ${cuts.length === 1 ? "cut" : "cuts"}` : "";
    // Said aloud when it changes, and only then.
    if (this.end.textContent !== `ends ${end.name}${after}`) this.end.textContent = `ends ${end.name}${after}`;
    renewed(this.keep, this.root, ...(cuts.length && !this.link.alone ? [button("Undo last cut", () => this.link.send({ ask: "undo" }))] : []),
      ...this.foreseeing(button), button("Copy as code", (event) => this.copy(code(), event.target)), keep);
  }

  /** Until the graph was asked for, a button asks for it. */
  foreseeing(button) {
    const told = this.model.get("cut_ends");
    if (this.link.alone || !told || Object.keys(told).length) return [];
    return [button("⚡ How do cuts end?", () => this.link.send({ ask: "ends" }),
      { title: "Search the crash graph: it takes some seconds, at most 20" })];
  }

  async copy(text, node) {
    try {
      await navigator.clipboard.writeText(text);
      node.textContent = "Copied";
    } catch {
      // Without leave to use the clipboard the text is shown, ready to be taken by hand.
      const box = element("textarea", { rows: 3, readonly: "", "aria-label": "Code" }, text);
      node.replaceWith(box);
      box.select();
    }
  }

  save(one) {
    const text = `${JSON.stringify({ counterexamples: [one] }, null, 1)}\n`;
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    element("a", { href: url, download: "history.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }
}

export default {
  render({ model, el }) {
    const player = new UpdatePlayer(model, el);
    player.load(); // not waited for: who goes before it has come must find the way out
    return () => player.link.end();
  },
};
