// The worker of a page: it loads Python and the lab, and hands on what the page says and what Python answers.

const begun = load();

self.onmessage = async ({ data }) => {
  try {
    (await begun).hear(JSON.stringify(data));
  } catch (error) {
    self.postMessage({ kind: "lost", text: String(error.message ?? error) });
  }
};

async function load() {
  const said = (text) => self.postMessage({ kind: "loading", text });
  said("Python is on its way");
  const [runtime, lab] = await Promise.all([
    fetch("runtime.json").then((answer) => answer.json()),
    fetch("lab.zip").then((answer) => answer.arrayBuffer()),
  ]);
  const base = new URL(runtime.base, self.location).href;
  await checked(base, runtime.integrity);
  const { loadPyodide } = await import(`${base}pyodide.mjs`);
  const python = await loadPyodide({ indexURL: base, stdout: () => {}, stderr: () => {} });
  said("Python is here, the lab is being opened");
  python.unpackArchive(lab, "zip", { extractDir: "/lab" });
  python.runPython("import sys, os; sys.path.insert(0, '/lab'); os.makedirs('/pages'); os.chdir('/pages')");
  const tab = python.pyimport("otalab.views.site.tab").Tab((text, buffers) => {
    const bytes = buffers.toJs(), message = JSON.parse(text);
    message.bytes.forEach((name, n) => { message.state[name] = new DataView(bytes[n].slice().buffer); });
    self.postMessage(message);
  });
  self.postMessage({ kind: "ready" });
  return tab;
}

/** From another server a file is taken only if it is, byte by byte, the one that is meant. */
async function checked(base, integrity) {
  await Promise.all(Object.entries(integrity).map(([name, hash]) => fetch(base + name, { integrity: hash })));
  const plain = self.fetch;
  self.fetch = (what, how) => {
    const name = String(what.url ?? what).slice(base.length);
    return plain(what, name in integrity ? { ...how, integrity: integrity[name] } : how);
  };
}
