// A reviewer's answers: kept in this browser as they are given, and saved into a copy of the page that holds them.

// The page as it came, before anything is drawn into it: what is saved is this with the answers in it.
const pristine = document.documentElement.cloneNode(true);
const controls = (root) => [...root.querySelectorAll("[data-answer]")];
const key = `otalab review ${document.body.dataset.review} ${document.documentElement.dataset.answered ?? ""}`;
const status = document.getElementById("kept");
const value = (one) => (one.type === "radio" ? one.checked : one.value);

/** Where this browser keeps things, or nothing: some keep none for a page from a disk. */
function store() {
  try { return localStorage; } catch { return null; }
}

/** All answers by their names; of a group of boxes, the one that is ticked. */
function answers() {
  const given = {};
  for (const one of controls(document)) {
    if (one.type === "radio" ? one.checked : one.value) given[one.name] = one.value;
  }
  return given;
}

function keep() {
  try {
    store().setItem(key, JSON.stringify(answers()));
    status.textContent = "Kept in this browser; save the page to hand it on.";
  } catch {
    status.textContent = "This browser keeps nothing: save the page before you close it.";
  }
}

function recall() {
  let given = null;
  try { given = JSON.parse(store().getItem(key)); } catch { /* nothing is kept, or nothing that can be read */ }
  if (given === null || typeof given !== "object") return;
  for (const one of controls(document)) {
    const text = typeof given[one.name] === "string" ? given[one.name] : "";
    if (one.type === "radio") one.checked = text === one.value;
    else one.value = text;
  }
  status.textContent = "Your answers from before, as this browser kept them.";
}

/** The text of the page with the answers in it, as marks and words of its own. */
function answered() {
  const copy = pristine.cloneNode(true);
  const live = controls(document);
  controls(copy).forEach((one, number) => {
    const given = value(live[number]);
    if (one.type === "radio") one.toggleAttribute("checked", given);
    else if (one.tagName === "TEXTAREA") one.textContent = given;
    else one.setAttribute("value", given);
  });
  copy.dataset.answered = new Date().toISOString();
  copy.querySelector("#answers").textContent = JSON.stringify(answers()).replaceAll("<", "\\u003c");
  return `<!doctype html>\n${copy.outerHTML}\n`;
}

function save() {
  const name = decodeURIComponent(location.pathname.split("/").at(-1) || "review.html").replace(/(-answered)?\.html?$/, "");
  const href = URL.createObjectURL(new Blob([answered()], { type: "text/html" }));
  const link = element("a", { href, download: `${name}-answered.html` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
  status.textContent = `Saved as ${link.download}.`;
}

/** A box that is ticked again is empty again, which radio buttons alone cannot be. */
function untick(event) {
  const one = event.target;
  if (one.type !== "radio" || !one.matches("[data-answer]")) return;
  if (one.dataset.was === "ticked") one.checked = false;
  document.getElementsByName(one.name).forEach((other) => { other.dataset.was = other.checked ? "ticked" : ""; });
  keep();
}

recall();
for (const one of controls(document)) if (one.type === "radio" && one.checked) one.dataset.was = "ticked";
document.addEventListener("click", untick);
document.addEventListener("input", (event) => { if (event.target.matches("[data-answer]")) keep(); });
const button = document.getElementById("save");
button.disabled = false;
button.addEventListener("click", save);
