// The link of one view to its model: what it follows, what it says to Python, and an end after which it touches nothing.

const GONE = "The kernel that this belongs to is gone: run its cell again.";
const SILENT = "No answer yet: is the kernel running, or busy with a cell?";
const PICTURE = "This is a picture: what it would ask a kernel for does nothing here.";
const PATIENCE = 5000; // milliseconds without an answer, after which that is said

/** What is typed in a view stays in it, but for what runs a cell, and for the commands of browser and notebook. */
function held(event) {
  if (!event.ctrlKey && !event.metaKey && !(event.shiftKey && event.key === "Enter")) event.stopPropagation();
}

class Link {
  /** `lost` is called when nothing more will be heard from Python; `gone` says so in one line. */
  constructor(model, root, lost) {
    Object.assign(this, { model, lost, gone: "", over: false, leaving: [], due: new Set() });
    // A notebook has short cuts of one letter, and finds them by where the focus is: what it never hears cuts no cell.
    root.addEventListener("keydown", held);
    this.leaving.push(() => root.removeEventListener("keydown", held), () => this.answered());
    this.hear("msg:custom", (content) => { if (content.answered) this.answered(); });
    // On a page that was made of a notebook a manager of its own reads the models, and there is no kernel.
    const { widget_manager: manager } = model;
    this.picture = Boolean(manager && "loader" in manager && !("kernel" in manager));
    this.alone = this.picture || Boolean(model.alone);
    if (this.picture) this.gone = PICTURE;
    // Only a kernel that goes while the view is there changes this.
    this.hear("comm_live_update", () => this.lose());
  }

  /** In a display: the wish to go where the cells go. */
  follower() {
    if (this.model.get("follows") === null || this.model.get("follows") === undefined) return "";
    const box = element("input", { type: "checkbox", "data-do": "follow" });
    const show = () => { box.checked = this.model.get("follows"); };
    box.addEventListener("change", () => this.set("follows", box.checked));
    this.hear("change:follows", show);
    show();
    return element("label", { class: "follower", title: "Else this display keeps its own place" }, box, " follow the cells");
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

  /** Where no kernel is, what needs one looks like it. */
  settled(root) {
    if (this.picture) for (const one of root.querySelectorAll("button, select, input")) one.disabled = true;
  }

  /** What stands beside the view as a complaint: that nobody hears it. */
  get trouble() {
    return this.gone || (this.silent ? SILENT : "");
  }

  send(content) {
    this.speak(() => this.model.send(content));
    clearTimeout(this.waiting);
    if (!this.gone) this.waiting = setTimeout(() => { this.silent = true; this.lost(); }, PATIENCE);
  }

  answered() {
    clearTimeout(this.waiting);
    if (!this.silent) return;
    this.silent = false;
    if (!this.over) this.lost();
  }

  set(name, value) {
    this.model.set(name, value);
    this.save();
    this.send({}); // which is answered, and no more
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
