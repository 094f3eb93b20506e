// The link of one view to its model: what it follows, what it says to Python, and an end after which it touches nothing.

const GONE = "The kernel that this belongs to is gone: run its cell again.";

class Link {
  /** `lost` is called when nothing more will be heard from Python; `gone` says so in one line. */
  constructor(model, lost) {
    Object.assign(this, { model, lost, gone: "", over: false, leaving: [], due: new Set() });
    // Only a kernel that goes while the view is there changes this.
    this.hear("comm_live_update", () => this.lose());
  }

  /** Call `what` at each event, until the end. */
  hear(names, what) {
    const heard = (...news) => { if (!this.over) what(...news); };
    for (const name of names.split(" ")) {
      this.model.on(name, heard);
      this.leaving.push(() => this.model.off(name, heard));
    }
  }

  /** Call `what` once for all traits that one message changes, when all of them have changed. */
  follow(names, what) {
    this.hear(names.map((name) => `change:${name}`).join(" "), () => {
      if (!this.due.size) queueMicrotask(() => this.draw());
      this.due.add(what);
    });
  }

  draw() {
    const due = [...this.due];
    this.due.clear();
    if (!this.over) due.forEach((what) => what());
  }

  send(content) {
    this.speak(() => this.model.send(content));
  }

  set(name, value) {
    this.model.set(name, value);
    this.save();
  }

  save() {
    this.speak(() => this.model.save_changes());
  }

  /** A model whose comm has been closed throws at whoever speaks to it. */
  speak(what) {
    try {
      what();
    } catch {
      if (!this.over) this.lose();
    }
  }

  lose() {
    this.gone = GONE;
    this.lost();
  }

  end() {
    this.over = true;
    this.leaving.splice(0).forEach((one) => one());
  }
}
