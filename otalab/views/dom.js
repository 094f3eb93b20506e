// How every script here makes an element: a tag, its attributes, its children.
// An attribute that begins with "on" is a listener; one that is undefined or null is left out.

const SVG = "http://www.w3.org/2000/svg";

function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for a drawing. */
function drawn(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Put new children in place of the old ones; the focus stays with its like among them, or goes to `heir`. */
function renewed(root, heir, ...children) {
  const had = root.contains(document.activeElement) ? document.activeElement : null;
  root.replaceChildren(...children);
  if (!had) return;
  const like = [...root.querySelectorAll(had.tagName)].find((one) => named(one) === named(had) && !one.disabled);
  (like ?? heir).focus({ preventScroll: true });
}

function named(one) {
  return one.getAttribute("aria-label") ?? one.textContent;
}
