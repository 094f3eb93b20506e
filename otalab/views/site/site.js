// What every page of the site has: the lab in a worker, which can be stopped, and models that the worker answers.

const READY = "ready";

/** The lab behind a page. */
class Lab {
  constructor(status) {
    Object.assign(this, { status, models: new Map(), heard: {} });
    this.begin();
  }

  begin() {
    this.state = "loading";
    this.worker = new Worker("worker.js", { type: "module" });
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = (event) => this.hear({ kind: "lost", text: event.message || "the worker did not start" });
  }

  /** End whatever it is at; what is asked next is asked of a new one. */
  stop() {
    this.worker.terminate();
    this.models.clear();
    this.begin();
  }

  ask(what) { this.worker.postMessage(what); }

  on(kind, heard) { this.heard[kind] = heard; }

  hear(data) {
    const { kind, view } = data;
    if (kind === "loading") this.say(data.text);
    else if (kind === READY) this.say("The lab is open.", READY);
    else if (kind === "lost") this.say(`The lab could not be opened here: ${data.text}`, "lost");
    else if (kind === "open") this.models.set(view, new Model(this, view));
    else if (kind === "state") this.models.get(view)?.told(data.state);
    else if (kind === "custom") this.models.get(view)?.fire("msg:custom", data.custom, []);
    this.heard[kind]?.(data);
  }

  say(text, state = "loading") {
    this.state = state;
    this.status.textContent = text;
    this.status.dataset.state = state;
  }
}

/** A model as the modules of the views know it; what a kernel would answer the worker answers. */
class Model {
  constructor(lab, view) {
    Object.assign(this, { lab, view, state: {}, changed: {}, listeners: new Map() });
  }

  get(name) { return this.state[name]; }

  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = this.changed[name] = value;
    this.fire(`change:${name}`);
  }

  save_changes() {
    const content = this.changed;
    this.changed = {};
    if (Object.keys(content).length) this.lab.ask({ do: "state", view: this.view, content });
  }

  send(content) { this.lab.ask({ do: "custom", view: this.view, content }); }

  on(name, heard) { this.listeners.set(name, [...(this.listeners.get(name) ?? []), heard]); }

  off(name, heard) { this.listeners.set(name, (this.listeners.get(name) ?? []).filter((one) => one !== heard)); }

  fire(name, ...news) { for (const heard of this.listeners.get(name) ?? []) heard(...news); }

  told(state) {
    const first = !Object.keys(this.state).length;
    Object.assign(this.state, state);
    if (first) this.opened?.();
    else for (const name of Object.keys(state)) this.fire(`change:${name}`);
  }
}

/** What a form says, by the names of its fields; a page that was pasted counts before a name. */
function asked(form) {
  const said = Object.fromEntries(new FormData(form));
  for (const [name, value] of Object.entries(said)) if (name.endsWith("_page") && !value.trim()) delete said[name];
  return said;
}

/** Let a form say what is open: a link may have brought something else. */
function choose(form, { design, board, faults, image }) {
  const named = { design, board: board.replace(/^.*\/|\.toml$/g, ""), faults, image };
  for (const [name, value] of Object.entries(named)) {
    const select = form.elements[name];
    if ([...select.options].some((one) => one.value === value)) select.value = value;
  }
}

const by = (id) => document.getElementById(id);

function check() {
  const form = by("question"), lab = new Lab(by("status")), [go, stop] = form.querySelectorAll("button");
  shown(lab, "./graph.js", () => { by("graph").hidden = false; });
  const busy = (is) => { go.disabled = is; stop.disabled = !is; };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    by("answer").replaceChildren();
    by("node").replaceChildren();
    by("graph").hidden = true;
    busy(true);
    by("progress").textContent = lab.state === READY ? "searching" : "waiting for Python";
    lab.ask({ do: "check", ...asked(form) });
  });
  stop.addEventListener("click", () => {
    lab.stop();
    busy(false);
    by("progress").textContent = "stopped";
  });
  lab.on("progress", ({ runs, nodes }) => { by("progress").textContent = `${runs} runs, ${nodes} states so far`; });
  lab.on("trouble", ({ text }) => {
    busy(false);
    by("progress").textContent = "";
    by("answer").replaceChildren(element("p", { class: "trouble", role: "alert" }, text));
  });
  lab.on("lost", () => busy(false));
  lab.on("node", ({ node, link }) => {
    by("node").replaceChildren(element("a", { href: link, class: "way" }, `Step through the way to node ${node}`));
  });
  lab.on("cell", (found) => {
    busy(false);
    by("progress").textContent = "";
    answer(found);
  });
}

/** The verdict, what was looked at for it, and the way to what breaks the design. */
function answer({ cell, headline, lines, link }) {
  const row = (name, value) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value));
  const cuts = cell.counterexample?.cuts.length;
  by("answer").replaceChildren(
    element("h2", { class: `verdict ${cell.verdict}`, tabindex: -1 }, cell.verdict),
    element("p", {}, headline),
    element("table", {}, element("tbody", {},
      row("design", cell.design), row("fault model", cell.faults), row("image", cell.image),
      row("ends that were met", cell.ends.join(", ") || "none"),
      row("states", cell.states.toLocaleString("en")), row("ways from one to another", cell.transitions.toLocaleString("en")),
      row("wrecks judged", cell.wrecks.toLocaleString("en")), row("seconds", cell.seconds.toFixed(1)))),
    ...lines.filter((line) => line !== headline).map((line) => element("p", { class: "line" }, line)),
  );
  if (!link) return;
  const way = element("a", { href: link, class: "way" }, `Step through it: ${cuts} ${cuts === 1 ? "cut" : "cuts"}`);
  const command = element("pre", { tabindex: 0 }, `otalab replay '${new URL(link, location).href}'`);
  by("answer").append(way, element("p", {}, "In an installation the same is played by:"), command);
}

/** Show a view whenever the worker opens one, by the module that a notebook loads. */
function shown(lab, module, opened = () => {}) {
  const loaded = import(module); // a form is heard from the first moment: what it waits for is not this
  let leave;
  lab.on("open", ({ view: name }) => {
    const model = lab.models.get(name);
    model.opened = async () => {
      const { default: view } = await loaded;
      leave?.();
      opened(model);
      const place = element("div");
      by("view").replaceChildren(place);
      leave = await view.render({ model, el: place });
    };
  });
  lab.on("trouble", ({ text }) => { by("trouble").textContent = text; });
}

function records() {
  const lab = new Lab(by("status"));
  shown(lab, "./records.js");
  lab.ask({ do: "records" });
}

function race() {
  const lab = new Lab(by("status"));
  shown(lab, "./race.js");
  lab.ask({ do: "race" });
}

function player() {
  const form = by("question"), lab = new Lab(by("status"));
  shown(lab, "./player.js", (model) => choose(form, model.state));
  const open = (what) => {
    by("trouble").textContent = "";
    lab.ask({ do: "player", ...what });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    open(asked(form));
  });
  lab.on("link", ({ link }) => {
    history.replaceState(null, "", link);
    by("link").value = new URL(link, location).href;
  });
  by("copy").addEventListener("click", async () => {
    by("link").select();
    await navigator.clipboard?.writeText(by("link").value).catch(() => {});
  });
  const linked = () => { if (location.hash.startsWith("#p=")) open({ link: location.hash }); };
  window.addEventListener("hashchange", linked);
  if (location.hash.startsWith("#p=")) linked();
  else open(asked(form));
}

const PAGES = { check, player, records, race };
PAGES[document.body.dataset.page]?.();
if ("serviceWorker" in navigator) navigator.serviceWorker.register("offline.js").catch(() => {});
