// What the player draws: the time line, the map of sectors, the bytes of one.

const hex = (value, width) => value.toString(16).padStart(width, "0");
const HEX = Array.from({ length: 256 }, (_, value) => hex(value, 2));
const TEXT = Array.from({ length: 127 }, (_, value) => ({ 38: "&amp;", 60: "&lt;" })[value] || String.fromCharCode(value));
const bits = (value) => value.toString(2).padStart(8, "0");
const slug = (owner) => owner.split(" ").slice(0, owner.startsWith("slot") ? 2 : 1).join("-");
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** A canvas as wide as its box, sharp on every screen. */
function sized(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  return pen;
}

/** The time line: a stretch per phase and run, wide enough to be seen however short it is. */
class TimeLine {
  constructor(go) {
    this.canvas = element("canvas", { class: "line", role: "slider", tabindex: 0, "aria-label": "Time line of effects",
      "aria-valuemin": 0 });
    const seek = (event) => { if (event.buttons & 1) go(this.position(event.offsetX)); };
    this.canvas.addEventListener("pointerdown", (event) => { this.canvas.setPointerCapture(event.pointerId); seek(event); });
    this.canvas.addEventListener("pointermove", seek);
  }

  layout(life, width, colour) {
    Object.assign(this, { life, width, colour });
    this.stretches = life.stretches();
    const weights = this.stretches.map((one) => 1 + Math.log2(one.count));
    const least = Math.min(16, width / this.stretches.length);
    const share = (width - least * this.stretches.length) / weights.reduce((a, b) => a + b, 0);
    let x = 0;
    this.stretches.forEach((one, n) => { one.x = x; one.width = least + share * weights[n]; x += one.width; });
    this.canvas.setAttribute("aria-valuemax", life.length - 1);
    this.still = element("canvas");
    this.background(sized(this.still, width, 62));
    sized(this.canvas, width, 62);
  }

  background(pen) {
    pen.font = "12px system-ui, sans-serif";
    for (const one of this.stretches) {
      const name = this.life.base.phases[one.phase], wide = pen.measureText(name).width + 8 < one.width;
      pen.fillStyle = this.colour(name);
      pen.fillRect(one.x + 0.5, 18, one.width - 1, 26);
      const text = wide ? name : name[0], size = pen.measureText(text).width;
      pen.fillStyle = this.colour("label");
      pen.fillRect(one.x + one.width / 2 - size / 2 - 2, 24, size + 4, 15);
      pen.fillStyle = this.colour("label-ink");
      pen.fillText(text, one.x + one.width / 2 - size / 2, 36);
    }
    pen.fillStyle = pen.strokeStyle = this.colour("ink");
    this.life.last.runs.forEach((first, run) => {
      const x = this.x(first, 0);
      pen.fillRect(x, 4, 1.5, 44);
      const next = this.life.last.runs[run + 1], room = (next === undefined ? this.width : this.x(next, 0)) - x - 8;
      pen.fillText([`run ${run}: power on`, `run ${run}`, `${run}`].find((text) => pen.measureText(text).width < room) ?? "", x + 4, 13);
    });
    for (const cut of this.life.last.cuts) {
      const x = this.x(cut), bolt = new Path2D(`M${x + 3} 15 l-8 17 l5 0 l-3 15 l9 -19 l-5 0 l5 -13 Z`);
      pen.strokeStyle = this.colour("paper");
      pen.lineWidth = 4;
      pen.stroke(bolt);
      pen.fill(bolt);
    }
  }

  x(position, within = 0.5) {
    const one = this.stretches.findLast((stretch) => stretch.first <= position);
    return one.x + ((position - one.first + within) / one.count) * one.width;
  }

  position(x) {
    const one = this.stretches.findLast((stretch) => stretch.x <= x) || this.stretches[0];
    return one.first + clamp(Math.floor(((x - one.x) / one.width) * one.count), 0, one.count - 1);
  }

  draw(text) {
    const pen = this.canvas.getContext("2d"), { width } = this, x = this.x(this.life.now);
    pen.clearRect(0, 0, width, 62);
    pen.drawImage(this.still, 0, 0, width, 62);
    pen.fillStyle = this.colour("ink");
    pen.fillRect(x - 1, 16, 2, 32);
    pen.fill(new Path2D(`M${x} 46 l7 12 l-14 0 Z`));
    this.canvas.setAttribute("aria-valuenow", this.life.now);
    this.canvas.setAttribute("aria-valuetext", text);
  }
}

/** The flash as squares, in rows by owner; a state is a shape, so that it is read without colour too. */
class FlashMap {
  constructor(look) {
    this.canvas = element("canvas", { class: "map", role: "slider", tabindex: 0, "aria-label": "Sector of the flash map",
      "aria-valuemin": 0 });
    this.canvas.addEventListener("mousemove", (event) => look(this.under(event), false));
    this.canvas.addEventListener("mouseleave", () => look(undefined, false));
    this.canvas.addEventListener("click", (event) => look(this.under(event), true));
    this.canvas.addEventListener("keydown", (event) => {
      const { length } = this.order; // the keys of the map move in the map, and not along the time line
      const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns, Home: -length, End: length }[event.key];
      if (by === undefined && event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      look(by === undefined ? undefined : this.neighbour(by), true);
    });
  }

  layout(life, width, colour) {
    Object.assign(this, { life, colour });
    const { sectors, owners } = life.board, gutter = 92, high = innerHeight > 800 ? 400 : 240, spare = new Set(Array(sectors).keys());
    const groups = owners.map(([name, first, count]) => [name, Array.from({ length: count }, (_, n) => first + n)]);
    groups.forEach(([, members]) => members.forEach((sector) => spare.delete(sector)));
    if (spare.size) groups.push(["free", [...spare]]);
    const rows = () => groups.reduce((sum, [, members]) => sum + Math.ceil(members.length / this.columns), 0);
    for (this.cell = 26; this.cell > 6; this.cell--) {
      this.columns = Math.max(1, Math.floor((width - gutter) / this.cell));
      if (rows() * this.cell + groups.length * 5 <= high) break;
    }
    let y = 2;
    this.places = new Array(sectors);
    this.labels = [];
    for (const [name, members] of groups) {
      this.labels.push([name, y]);
      members.forEach((sector, n) => {
        const row = Math.floor(n / this.columns);
        this.places[sector] = { name, x: gutter + (n % this.columns) * this.cell, y: y + row * this.cell };
      });
      y += Math.max(Math.ceil(members.length / this.columns) * this.cell, 14) + 5;
    }
    this.order = groups.flatMap(([, members]) => members);
    this.canvas.setAttribute("aria-valuemax", sectors - 1);
    this.pen = sized(this.canvas, width, y);
    this.pen.font = "12px system-ui, sans-serif";
    this.pen.fillStyle = colour("ink");
    for (const [name, top] of this.labels) this.pen.fillText(name, 0, top + 11);
    for (let sector = 0; sector < sectors; sector++) this.square(sector);
  }

  under(event) {
    const { offsetX: x, offsetY: y } = event, { cell } = this;
    const found = this.places.findIndex((at) => x >= at.x && x < at.x + cell && y >= at.y && y < at.y + cell);
    return found < 0 ? undefined : found;
  }

  neighbour(by) {
    const at = this.order.indexOf(this.shown ?? 0);
    return this.order[clamp(at + by, 0, this.order.length - 1)];
  }

  square(sector) {
    const { pen, cell } = this, at = this.places[sector], state = Object.keys(this.life.base.states)[this.life.states[sector]];
    const own = this.colour(slug(at.name)), gap = cell > 9 ? 2 : 1, size = cell - 2 * gap, x = at.x + gap, y = at.y + gap;
    pen.fillStyle = this.colour("paper");
    pen.fillRect(at.x, at.y, cell, cell);
    pen.fillStyle = pen.strokeStyle = own;
    pen.lineWidth = 1;
    if (state === "whole") pen.fillRect(x, y, size, size);
    else pen.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
    if (state === "part-written") pen.fillRect(x, y + size / 2, size, size / 2);
    if (state === "stale") {
      pen.beginPath();
      for (const part of size > 9 ? [0.33, 0.67, 1] : [0.5, 1]) {
        pen.moveTo(x, y + size * part);
        pen.lineTo(x + size * part, y);
      }
      pen.stroke();
    }
    if (state === "torn") {
      pen.lineWidth = Math.max(2, cell / 6);
      pen.strokeStyle = this.colour("ink");
      pen.stroke(new Path2D(`M${x + 1} ${y + 1} l${size - 2} ${size - 2} M${x + 1} ${y + size - 1} l${size - 2} ${2 - size}`));
    }
    if (sector === this.present || sector === this.shown) {
      pen.lineWidth = 2;
      pen.strokeStyle = this.colour("ink");
      pen.setLineDash(sector === this.present ? [] : [2, 2]);
      pen.strokeRect(at.x + 1, at.y + 1, cell - 2, cell - 2);
      pen.setLineDash([]);
    }
  }

  draw(dirty, present, shown, text) {
    for (const sector of [this.present, this.shown, present, shown]) if (sector !== undefined) dirty.add(sector);
    Object.assign(this, { present, shown });
    for (const sector of dirty) this.square(sector);
    this.canvas.setAttribute("aria-valuenow", shown ?? 0);
    this.canvas.setAttribute("aria-valuetext", text);
  }
}

/** The bytes of a sector; only the rows in sight are in the page. */
class HexPane {
  constructor() {
    this.title = element("div", { class: "title" });
    this.rows = element("pre", { class: "rows" });
    this.room = element("div", { class: "room" }, this.rows);
    this.box = element("div", { class: "hex", tabindex: 0, role: "region", "aria-label": "Bytes of the sector" }, this.room);
    this.bits = element("pre", { class: "bits" });
    this.node = element("section", {}, this.title, this.box, this.bits);
    this.box.addEventListener("scroll", () => this.fill());
    this.rows.addEventListener("mousemove", (event) => this.point(event));
  }

  draw(life, sector, title) {
    const moved = sector !== this.sector;
    Object.assign(this, { life, sector });
    this.changed = life.changed(sector);
    this.title.textContent = title;
    this.high ||= parseFloat(getComputedStyle(this.rows).lineHeight) || 16;
    [this.start, this.size] = [life.board.starts[sector], life.board.starts[sector + 1] - life.board.starts[sector]];
    const room = `${(this.size / 16) * this.high}px`;
    if (this.room.style.height !== room) this.room.style.height = room;
    const first = this.changed.size ? Math.min(...this.changed.keys()) : undefined;
    const top = first === undefined ? (moved ? 0 : this.top) : Math.max(0, Math.floor(first / 16) - 1) * this.high;
    if (top !== this.top) this.box.scrollTop = this.top = top;
    this.fill(top);
    this.tell(first ?? 0);
  }

  fill(top = this.box.scrollTop) {
    if (!this.life) return;
    const { size, start } = this, first = Math.floor(top / this.high);
    const lines = [];
    for (let row = first; row < Math.min(first + 18, size / 16); row++) {
      let bytes = "", text = "", marked = "";
      for (let at = row * 16; at < row * 16 + 16; at++) {
        const value = this.life.flash[start + at], old = this.changed.get(at);
        const kind = old === undefined ? "" : !(value & ~old) ? "zero" : old & ~value ? "both" : "one";
        const gap = at % 8 ? " " : "  ";
        // One mark for a stretch of changed bytes: a page has 256 of them, and each element is work for the browser.
        if (kind === marked) bytes += gap;
        else bytes += (marked && "</mark>") + gap + (kind && `<mark class="${kind}">`);
        marked = kind;
        bytes += HEX[value];
        text += value > 31 && value < 127 ? TEXT[value] : "·";
      }
      lines.push(`${hex(start + row * 16, 6)}${bytes}${marked && "</mark>"}  ${text}`);
    }
    this.rows.style.top = `${first * this.high}px`;
    this.rows.innerHTML = lines.join("\n");
  }

  point(event) {
    const box = this.rows.getBoundingClientRect(), column = (event.clientX - box.left) / (box.width / 74);
    const row = Math.floor((event.clientY - box.top + parseFloat(this.rows.style.top)) / this.high);
    const place = Math.floor((column - 8 - (column > 32 ? 1 : 0)) / 3);
    if (place >= 0 && place < 16) this.tell(clamp(row * 16 + place, 0, this.size - 1));
  }

  /** One byte in bits, as it was before the present effect and as it is. */
  tell(at) {
    const address = this.start + at, value = this.life.flash[address], old = this.changed.get(at);
    const was = old === undefined ? "unchanged" : `was ${hex(old, 2)} ${bits(old)}`;
    const count = this.changed.size ? `, ${this.changed.size} ${this.changed.size === 1 ? "byte" : "bytes"} changed` : "";
    this.bits.textContent = `0x${hex(address, 6)}: ${hex(value, 2)} ${bits(value)}, ${was}${count}`;
  }
}
