// The players of a report: each is made when it comes into sight, from tapes that the page holds once.

// On paper nothing can be unfolded; said first, for printing does not wait for what is loaded below.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));

// What is wider than the page is moved by keys as well, and says to whoever comes to it what it is.
const wide = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const moves = target.scrollWidth > target.clientWidth;
    target.toggleAttribute("tabindex", moves);
    if (moves) target.tabIndex = 0;
  }
});
document.querySelectorAll(".wide, figure.drawing").forEach((one) => wide.observe(one));

const text = (id) => document.getElementById(id).textContent;
const bytes = (base64) => new DataView(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
const { tapes, scenes } = JSON.parse(text("scenes"));
const url = URL.createObjectURL(new Blob([text("module")], { type: "text/javascript" }));
const player = (await import(url)).default;

/** A model without a kernel: it answers nothing, and keeps where the player stands. */
function model(scene) {
  const tape = (number) => (number === null ? new DataView(new ArrayBuffer(0)) : bytes(tapes[number]));
  const traits = { ...scene, trace: tape(scene.trace), recovery: tape(scene.recovery) };
  return {
    alone: true,
    get: (name) => traits[name],
    set: (name, value) => { traits[name] = value; },
    on() {}, off() {}, send() {}, save_changes() {},
  };
}

/** Draw a player, once. */
function draw(target) {
  if (target.dataset.drawn) return;
  target.dataset.drawn = "yes";
  seen.unobserve(target);
  target.replaceChildren();
  player.render({ model: model(scenes[target.dataset.scene]), el: target });
}

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) draw(target);
}, { rootMargin: "600px" });
document.querySelectorAll("figure.player").forEach((one) => seen.observe(one));

/**
 * Whoever comes by the short address of a counterexample comes to its player, which stands at the fatal cut; by that of
 * two designs under the same cuts, to the two.
 */
function arrive() {
  const named = document.getElementById(location.hash.slice(1));
  const figures = named?.matches(".story, .pair") ? [...named.querySelectorAll("figure.player")] : [];
  if (!figures.length) return;
  figures.forEach(draw);
  const target = named.matches(".pair") ? named : figures[0];
  // The browser goes to the beginning of the story by itself; the player has its size once it is laid out.
  requestAnimationFrame(() => requestAnimationFrame(() => target.scrollIntoView({ block: "start" })));
}
addEventListener("hashchange", arrive);
arrive();
