// The life that the player steps through, as it comes from `player_tape`, and the flash at one step of it.

const NONE = 0xffffffff;

/** A tape as `player_tape` packs it: a JSON head, tables of numbers in columns, a pool of bytes. */
class Tape {
  static async read(view) {
    const packed = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const raw = await new Response(stream).arrayBuffer();
    const size = new DataView(raw).getUint32(0, true);
    const tape = Object.assign(new Tape(), JSON.parse(new TextDecoder().decode(new Uint8Array(raw, 4, size))));
    tape.columns = {};
    for (const [name, code, at, length] of tape.tables) {
      tape.columns[name] = new (code === "d" ? Float64Array : Uint32Array)(raw, 4 + size + at, length);
    }
    tape.bytesOfPool = new Uint8Array(raw, 4 + size + tape.bytes);
    return tape;
  }

  /** How many rows of a table lie before a position. */
  before(table, position) {
    const column = this.columns[`${table}_position`];
    let low = 0;
    for (let high = column.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (column[middle] < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The life that is shown: the undisturbed one up to the first cut, then the recovery; and the flash at one step. */
class Life {
  constructor(base, recovery) {
    this.base = base;
    this.last = recovery || base;
    this.split = recovery ? recovery.first : base.positions;
    this.length = this.last.positions;
    this.board = base.board;
    this.moments = this.joined("moments", (one) => one.position);
    this.log = this.joined("log", (one) => one[0]);
    this.deltas = this.table("delta", ["position", "sector", "offset", "length", "source"]);
    this.changes = this.table("state", ["position", "sector", "state"]);
    this.flash = new Uint8Array(this.board.starts.at(-1)).fill(255);
    this.states = new Uint8Array(this.board.sectors);
    this.starts = new Uint32Array(this.deltas.length.length + 1);
    this.deltas.length.forEach((length, n) => { this.starts[n + 1] = this.starts[n] + length; });
    this.old = new Uint8Array(this.starts.at(-1));
    this.oldStates = new Uint8Array(this.changes.state.length);
    this.delta = this.change = 0;
    this.now = -1;
    while (this.delta < base.shipped) this.apply(this.delta++);
  }

  joined(name, positionOf) {
    const own = this.base[name].filter((one) => positionOf(one) < this.split);
    return this.last === this.base ? own : own.concat(this.last[name]);
  }

  table(prefix, names) {
    const tapes = this.last === this.base ? [this.base] : [this.base, this.last];
    return Object.fromEntries(names.map((name) => {
      const parts = tapes.map((tape) => {
        const column = tape.columns[`${prefix}_${name}`];
        return tape === this.last ? column : column.subarray(0, tape.before(prefix, this.split));
      });
      const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
      parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
      return [name, all];
    }));
  }

  of(position) { return position < this.split ? this.base : this.last; }
  get(name, position) { const tape = this.of(position); return tape.columns[name][position - tape.first]; }
  line(position) { const tape = this.of(position); return tape.lines[position - tape.first]; }
  phase(position) { return this.base.phases[this.get("phase", position)]; }
  ends(position) { return this.base.kinds[this.get("kind", position)] === "end"; }
  moment(position) { return this.moments.findLast((one) => one.position <= position) || this.moments[0]; }

  source(at, length) {
    const tape = at < this.base.bytesOfPool.length ? this.base : this.last;
    return tape.bytesOfPool.subarray(at - tape.pool, at - tape.pool + length);
  }

  apply(n) {
    const { sector, offset, length, source } = this.deltas;
    const at = this.board.starts[sector[n]] + offset[n];
    this.old.set(this.flash.subarray(at, at + length[n]), this.starts[n]);
    if (source[n] === NONE) this.flash.fill(255, at, at + length[n]);
    else this.flash.set(this.source(source[n], length[n]), at);
    return sector[n];
  }

  undo(n) {
    const { sector, offset } = this.deltas;
    this.flash.set(this.old.subarray(this.starts[n], this.starts[n + 1]), this.board.starts[sector[n]] + offset[n]);
    return sector[n];
  }

  /** Go to a position; return the sectors whose contents or state changed on the way. */
  seek(position) {
    const dirty = new Set(), { deltas, changes } = this;
    while (this.delta < deltas.position.length && deltas.position[this.delta] <= position) {
      dirty.add(this.apply(this.delta++));
    }
    while (this.delta > this.base.shipped && deltas.position[this.delta - 1] > position) {
      dirty.add(this.undo(--this.delta));
    }
    while (this.change < changes.position.length && changes.position[this.change] <= position) {
      const sector = changes.sector[this.change];
      this.oldStates[this.change] = this.states[sector];
      this.states[sector] = changes.state[this.change++];
      dirty.add(sector);
    }
    while (this.change > 0 && changes.position[this.change - 1] > position) {
      const sector = changes.sector[--this.change];
      this.states[sector] = this.oldStates[this.change];
      dirty.add(sector);
    }
    this.now = position;
    return dirty;
  }

  /** What the present effect changed in a sector: offset to the byte that was there before. */
  changed(sector) {
    const found = new Map(), { deltas } = this;
    for (let n = this.delta - 1; n >= this.base.shipped && deltas.position[n] === this.now; n--) {
      if (deltas.sector[n] !== sector) continue;
      const at = this.board.starts[sector] + deltas.offset[n];
      for (let i = 0; i < deltas.length[n]; i++) {
        const old = this.old[this.starts[n] + i];
        if (old !== this.flash[at + i]) found.set(deltas.offset[n] + i, old);
      }
    }
    return found;
  }

  /** Stretches of one phase in one run. */
  stretches() {
    const found = [];
    for (let p = 0; p < this.length; p++) {
      const run = this.get("run", p), phase = this.get("phase", p), last = found.at(-1);
      if (last && last.run === run && last.phase === phase) last.count++;
      else found.push({ run, phase, first: p, count: 1 });
    }
    return found;
  }
}

