(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // Requirements: open a row, search and filter.
  const bodies = [...document.querySelectorAll("#rows tbody")];
  const texts = bodies.map((body) => body.textContent.toLowerCase());
  for (const body of bodies) {
    const button = body.querySelector("button");
    button.addEventListener("click", () => button.setAttribute("aria-expanded", String(body.classList.toggle("open"))));
  }
  const query = document.getElementById("q");
  const picks = ["verdict", "level", "role"].map((key) => [key, document.getElementById("f-" + key)]);
  const apply = () => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    bodies.forEach((body, index) => {
      const fits = words.every((word) => texts[index].includes(word)) && picks.every(([key, pick]) => !pick.value || body.dataset[key] === pick.value);
      body.hidden = !fits;
      shown += fits;
    });
    document.getElementById("shown").textContent = shown + " shown";
  };
  document.getElementById("filters").addEventListener("input", apply);
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const link of document.querySelectorAll("[data-filter]")) {
    link.addEventListener("click", () => { document.getElementById("f-verdict").value = link.dataset.filter; apply(); });
  }
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)) { event.preventDefault(); query.focus(); }
  });

  // Bytes: from base64 to a hexadecimal dump when a message is opened.
  const dump = (pre) => {
    if (!pre.dataset.b64) return;
    const bytes = Uint8Array.from(atob(pre.dataset.b64), (char) => char.charCodeAt(0));
    const lines = [];
    for (let at = 0; at < bytes.length; at += 16) {
      const row = [...bytes.subarray(at, at + 16)];
      const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(48);
      lines.push(at.toString(16).padStart(6, "0") + "  " + hex + " " + row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join(""));
    }
    const left = Number(pre.dataset.size) - bytes.length;
    if (left > 0) lines.push("... " + left + " more bytes are in the transcript");
    pre.textContent = lines.join("\n");
    delete pre.dataset.b64;
  };
  document.addEventListener("toggle", (event) => {
    if (event.target.open) event.target.querySelectorAll(":scope > pre.raw").forEach(dump);
  }, true);

  // A link to an event opens what holds it and marks it.
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    document.querySelectorAll(".hit").forEach((hit) => hit.classList.remove("hit"));
    if (!target) return;
    if (target.tagName === "DETAILS") target.open = true;
    for (let up = target.parentElement; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    const item = target.closest("li");
    if (item) { item.classList.add("hit"); const inner = item.querySelector("details"); if (inner) inner.open = true; }
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();
})();
