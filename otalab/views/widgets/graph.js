// Draws the crash graph that Python laid out; asks for a wreck's words once, and says which node a hand opened.

const WIDE = 150, HIGH = 44, SIZE = 14, REST = 80; // pixels; milliseconds until a hovered node is asked for
const KEYS = "Arrow keys: move from node to node. Enter or click: open the node. Tab: what is said of it.";
function render({ model, el }) {
  const known = new Map(); // the words of each node that was asked for
  const link = new Link(model, el, () => mark());
  let shown = null, due, at = null, places = new Map();
  el.classList.add("otalab-graph");
  const summary = element("p", { class: "summary" });
  const picture = element("div");
  const legend = element("div", { class: "legend", "aria-hidden": "true" });
  const words = element("div", { class: "words", role: "status", "aria-live": "polite" });
  const ways = element("div", { class: "ways" });
  const way = element("div", { class: "way" });
  const problem = element("p", { class: "problem", role: "alert" });
  el.replaceChildren(summary, link.follower(), problem, element("div", { class: "panes" },
    element("div", { class: "picture" }, picture, legend, element("p", { class: "keys" }, KEYS)),
    element("div", { class: "side" }, way, words, ways)));

  function shape(end, size) {
    const [colour, marker] = model.get("looks")[end];
    return drawn("path", { d: SHAPES[marker], class: colour ? "shape" : "shape bare", transform: `scale(${size})`,
      "vector-effect": "non-scaling-stroke", style: colour ? `fill: ${colour}` : undefined });
  }

  function knob(x, y, size, end, text, name, number) {
    const made = drawn("g", { class: "node", role: "button", tabindex: -1, "aria-label": name,
      transform: `translate(${x} ${y})`, "data-node": number },
      drawn("circle", { class: "ring", r: size + 5 }), shape(end, size), drawn("text", {}, text));
    made.addEventListener("keydown", (event) => key(event, number));
    made.addEventListener("focus", () => { at = number; rove(); });
    return made;
  }

  function frame(width, height, left, content) {
    const layers = model.get("layers"), columns = [];
    for (let n = 0; n < layers; n++) {
      const x = left + n * WIDE;
      columns.push(drawn("line", { class: "column", x1: x, x2: x, y1: 8, y2: height - 26 }),
        drawn("text", { class: "axis", x, y: height - 8 }, n === 1 ? "1 cut" : `${n} cuts`));
    }
    const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "group",
      "aria-label": `Crash graph. ${model.get("summary")} ${KEYS}`, style: `max-width: ${1.35 * width}px` },
      ...columns, ...content);
    picture.replaceChildren(svg);
  }

  function draw() {
    summary.textContent = model.get("summary");
    places = new Map();
    const nodes = model.get("nodes");
    if (nodes.length) drawNodes(nodes);
    else drawGroups(model.get("groups"));
    at = places.keys().next().value ?? null;
    rove();
    explain();
    mark();
    words.replaceChildren(element("p", {}, nodes.length
      ? "Point at a node to read what a power-on finds there, or at an arrow to read what it is made of."
      : "Too many nodes to show each: these are groups of them. Choose one to see its nodes."));
  }

  function drawNodes(nodes) {
    const left = 70, knobs = [];
    const height = Math.max(...nodes.map((one) => one.y)) * HIGH + 90;
    for (const one of nodes) {
      const x = left + one.x * WIDE, y = 36 + one.y * HIGH;
      const made = knob(x, y, SIZE, one.end, `${one.node}`, one.name, one.node);
      made.addEventListener("click", () => open(one.node));
      made.addEventListener("pointerenter", () => look(one.node));
      made.addEventListener("pointerleave", () => rest());
      made.addEventListener("focus", () => look(one.node));
      places.set(one.node, { x, y, made });
      knobs.push(made);
    }
    const lines = model.get("edges").map((edge) => arrow(edge, places.get(edge.source), places.get(edge.target)));
    frame(left + (model.get("layers") - 1) * WIDE + 80, height, left, [...lines, ...knobs]);
  }

  // Arrows that lead on bend one way, those that lead back the other: the two do not cover each other.
  function arrow(edge, from, to) {
    const thick = edge.kind === "reset" ? 1.4 : 0.6 + 0.7 * Math.log10(Math.max(edge.tears, 1));
    let path, tip;
    if (edge.source === edge.target) {
      path = `M${from.x - 6} ${from.y - SIZE}C${from.x - 18} ${from.y - 36} ${from.x + 18} ${from.y - 36} ${from.x + 6} ${from.y - SIZE}`;
    } else {
      const dx = to.x - from.x, dy = to.y - from.y, length = Math.hypot(dx, dy), bend = dx >= 0 ? 0.16 : 0.26;
      const mx = (from.x + to.x) / 2 + dy * bend, my = (from.y + to.y) / 2 - dx * bend;
      const end = Math.hypot(to.x - mx, to.y - my), ux = (to.x - mx) / end, uy = (to.y - my) / end;
      const x = to.x - ux * (SIZE + 3), y = to.y - uy * (SIZE + 3), wide = 3 + thick, back = 8 + thick;
      path = `M${from.x} ${from.y}Q${mx} ${my} ${x - ux * back * 0.7} ${y - uy * back * 0.7}`;
      tip = drawn("polygon", { points: `${x},${y} ${x - ux * back - uy * wide},${y - uy * back + ux * wide} ${x - ux * back + uy * wide},${y - uy * back - ux * wide}` });
      if (length === 0) tip = undefined;
    }
    const made = drawn("g", { class: `edge ${edge.kind}`, "data-source": edge.source, "data-target": edge.target },
      drawn("path", { d: path, "stroke-width": thick }), drawn("path", { d: path, class: "hit" }));
    if (tip) made.append(tip);
    made.addEventListener("pointerenter", () => {
      made.classList.add("lit");
      clearTimeout(due);
      say("An edge", [edge.words], null);
    });
    made.addEventListener("pointerleave", () => { made.classList.remove("lit"); rest(); });
    return made;
  }

  function drawGroups(groups) {
    const left = 130, rows = [...new Set(groups.map((one) => one.row))], content = [];
    const ends = new Map(groups.map((one) => [one.row, one.end]));
    for (const [row, end] of ends) {
      content.push(drawn("text", { class: "axis", x: 6, y: 48 + row * 78, style: "text-anchor: start" }, end));
    }
    groups.forEach((one, number) => {
      const x = left + one.layer * WIDE, y = 44 + one.row * 78, size = 10 + 5 * Math.log10(one.count);
      const made = knob(x, y, size, one.end, one.count.toLocaleString("en"), one.name, number);
      const list = () => { clearTimeout(due); choose(one); };
      made.addEventListener("click", list);
      made.addEventListener("pointerenter", () => { if (shown === null) choose(one); });
      made.addEventListener("focus", list);
      places.set(number, { x, y, made });
      content.push(made);
    });
    frame(left + (model.get("layers") - 1) * WIDE + 80, 78 * (Math.max(...rows) + 1) + 40, left, content);
  }

  /** The nodes of a group, each to be opened. */
  function choose(group) {
    words.replaceChildren(element("h4", {}, group.name),
      element("div", { role: "group", "aria-label": `nodes of the group: ${group.name}` },
        ...group.nodes.map((node) => element("button", { type: "button", "data-open": node,
          onclick: () => open(node), "aria-label": `open node ${node}` }, `${node}`)),
        group.count > group.nodes.length ? ` and ${(group.count - group.nodes.length).toLocaleString("en")} more` : ""));
    ways.replaceChildren();
  }

  function rove() {
    for (const [number, { made }] of places) made.setAttribute("tabindex", number === at ? 0 : -1);
  }

  function key(event, number) {
    const here = places.get(number), way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (way) {
      const ahead = [...places.values()].map((one) => {
        const dx = one.x - here.x, dy = one.y - here.y, on = dx * way[0] + dy * way[1];
        return { one, on, cost: on + 3 * Math.abs(way[0] ? dy : dx) };
      });
      const next = ahead.filter(({ on }) => on > (way[0] ? WIDE / 2 : 4)).sort((a, b) => a.cost - b.cost)[0];
      next?.one.made.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      here.made.dispatchEvent(new MouseEvent("click"));
      words.querySelector("button")?.focus();
    } else {
      return;
    }
    event.preventDefault();
  }

  function open(node) {
    link.send({ open: node });
  }

  /** Show a node's words; a hand that only passes by asks for nothing. */
  function look(node) {
    shown = node;
    clearTimeout(due);
    if (known.has(node)) tell(node);
    else due = setTimeout(() => ask(node), REST);
  }

  /** Ask for a node's words, unless a click has brought them meanwhile: what is told twice is no news, and never comes. */
  function ask(node) {
    if (known.has(node)) return tell(node);
    say(`Node ${node}`, ["…"], node);
    link.send({ tell: node });
  }

  /** Go back to the node that has the focus, or is open. */
  function rest() {
    clearTimeout(due);
    const active = picture.querySelector("g.node:focus"), node = active && model.get("nodes").length ? Number(active.dataset.node) : model.get("node");
    if (node !== null && node !== undefined) due = setTimeout(() => look(node), 4 * REST);
  }

  function tell(node) {
    say(`Node ${node}`, known.get(node), node);
  }

  function say(title, lines, node) {
    words.replaceChildren(element("h4", {}, title), element("ul", {}, ...lines.map((line) => element("li", {}, line))));
    const own = node === null ? [] : model.get("edges").filter((edge) => edge.source === node || edge.target === node);
    const list = (name, edges) => edges.length ? [element("details", edges.length < 5 ? { open: "" } : {},
      element("summary", {}, `${name}: ${edges.length}`), element("ul", {}, ...edges.map((edge) => element("li", {}, edge.words))))] : [];
    ways.replaceChildren(...list("Ways out", own.filter((edge) => edge.source === node)),
      ...list("Ways in", own.filter((edge) => edge.target === node && edge.source !== node)));
  }

  function heard() {
    const { node, lines } = model.get("words");
    if (node === undefined) return;
    known.set(node, lines);
    if (node === shown || node === model.get("node")) { shown = node; tell(node); }
  }

  /** The node that is open, and how to get there. */
  function mark() {
    problem.textContent = link.trouble || model.get("problem");
    const node = model.get("node");
    for (const { made } of places.values()) {
      const open = model.get("nodes").length > 0 && Number(made.dataset.node) === node;
      made.classList.toggle("open", open);
      made.setAttribute("aria-pressed", open);
    }
    way.replaceChildren();
    if (node === null || node === undefined) return;
    const chosen = model.get("choices").some((one) => one) ? `, choices=${JSON.stringify(model.get("choices"))}` : "";
    way.append(element("p", {}, element("b", {}, `Open: node ${node}`)),
      element("code", {}, `cuts=${JSON.stringify(model.get("history"))}${chosen}`));
  }

  function explain() {
    const all = [...model.get("nodes"), ...model.get("groups")].map((one) => one.end);
    const ends = Object.keys(model.get("looks")).filter((end) => all.includes(end));
    legend.replaceChildren(...ends.map((end) => element("span", {},
      drawn("svg", { viewBox: "-12 -12 24 24", class: "node" }, shape(end, 8)), end)));
    if (model.get("edges").length) {
      legend.append(element("span", {}, "— cut, the thicker the more tears"), element("span", {}, "- - reset, no cut"));
    }
  }

  link.hear("change:words", heard);
  link.follow(["nodes", "groups"], draw);
  link.follow(["node", "history", "choices", "problem"], mark);
  link.leaving.push(() => clearTimeout(due));
  draw();
  heard();
  link.settled(el);
  return () => link.end();
}

export default { render };
