(() => {
  "use strict";
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const make = (tag, { role, ariaLabel, ...options } = {}, ...inside) => {
    const made = Object.assign(document.createElement(tag), options);
    if (role) made.setAttribute("role", role);
    if (ariaLabel) made.setAttribute("aria-label", ariaLabel);
    made.append(...inside);
    return made;
  };

  byId("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // Packed blocks: gzip in base64, opened when they are wanted, once.
  const opened = new Map();
  const unpack = (element) => {
    if (!opened.has(element)) opened.set(element, (async () => {
      const bytes = Uint8Array.from(atob(element.textContent), (char) => char.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      return JSON.parse(await new Response(stream).text());
    })());
    return opened.get(element);
  };
  const failed = (error) => make("p", { className: "defect", textContent: "This browser could not open this part (" + error + "). The transcripts beside this file hold all of it." });
  const blocks = new Map([...document.querySelectorAll("script.block")].map((block) => [block.dataset.name, block]));
  const slugs = new Map([...blocks.values()].map((block) => [block.dataset.slug, block.dataset.name]));

  // Exchanges: the diagram of a recording, drawn where it is opened; what a requirement cites is marked.
  const drawn = new Map();
  const draw = (holder) => { if (!drawn.has(holder)) drawn.set(holder, drawing(holder)); return drawn.get(holder); };
  const drawing = async (holder) => {
    const waiting = make("p", { className: "wait-a-moment", textContent: "opening..." });
    holder.append(waiting);
    try {
      const { svg } = await unpack(blocks.get(holder.dataset.name));
      const box = make("div", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: "Sequence of " + holder.dataset.name });
      box.innerHTML = svg;
      const cited = new Set((holder.dataset.cited || "").split(" ").filter(Boolean));
      const steps = [...box.querySelectorAll("a.step")].filter((step) => step.dataset.e.split(" ").some((id) => cited.has(id)));
      for (const step of steps) step.classList.add("cited");
      const told = steps.filter((step) => step.matches(".in")), last = told.pop() || steps.filter((step) => !step.matches(".here")).pop();
      if (last && "deviates" in holder.dataset) last.classList.add("deviates");
      waiting.replaceWith(box);
      if (steps.length && box.scrollHeight > box.clientHeight) box.scrollTop = steps[0].querySelector(".band").y.baseVal.value * box.clientWidth / 1080 - 60;
    } catch (error) { waiting.replaceWith(failed(error)); }
  };
  document.addEventListener("toggle", (event) => {
    const target = event.target;
    if (!target.open) return;
    if (target.matches("details.exchange")) draw(target);
    if (target.matches("details.message.lazy") && !target.dataset.drawn) {
      target.dataset.drawn = "yes";
      unpack(blocks.get(target.closest(".exchange").dataset.name)).then(({ steps }) => {
        const step = steps.find((each) => each.e.includes(Number(target.dataset.e))), box = make("div", { className: "decoded" });
        box.innerHTML = (step && (step.h || "")) || "";
        if (step && step.o) box.append(make("p", { textContent: step.o }));
        target.querySelector("summary").after(box);
      }, (error) => target.append(failed(error)));
    }
    if (target.matches(".lazy-waits") && !target.dataset.drawn) {
      target.dataset.drawn = "yes";
      unpack(byId("data-waits")).then((table) => target.insertAdjacentHTML("beforeend", '<div class="scroll" tabindex="0" role="group" aria-label="All waits">' + table + "</div>"), (error) => target.append(failed(error)));
    }
  }, true);

  // The inspector: one message, decoded, pretty, as text and as bytes.
  const inspector = byId("inspector");
  let came = null;
  const close = () => {
    inspector.hidden = true;
    document.body.classList.remove("inspecting");
    document.querySelectorAll(".current").forEach((step) => step.classList.remove("current"));
    if (came && came.isConnected) came.focus({ preventScroll: true });
  };
  const odd = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
  const bytesOf = (step) => Uint8Array.from(step.r, (char) => char.charCodeAt(0));
  const left = (step, shown) => (step.s > shown ? "\n... " + (step.s - shown).toLocaleString("en") + " more bytes are in the transcript" : "");
  const text = (step) => new TextDecoder().decode(bytesOf(step)).replace(/\r\n/g, "\n").replace(/\r/g, "\\r").replace(odd, (char) => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0")) + left(step, step.r.length);
  const dump = (step) => {
    const bytes = bytesOf(step), lines = [];
    for (let at = 0; at < bytes.length; at += 16) {
      const row = [...bytes.subarray(at, at + 16)];
      const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(48);
      lines.push(at.toString(16).padStart(6, "0") + "  " + hex + " " + row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join(""));
    }
    return lines.join("\n") + left(step, bytes.length);
  };
  const pre = (content, kind = "") => make("pre", { className: kind, textContent: content });
  const views = (step) => {
    const found = [];
    if (step.h) found.push(["Decoded", () => { const box = make("div", { className: "decoded" }); box.innerHTML = step.h; return box; }]);
    (step.p || []).forEach(([title, form, content], number) => found.push([form + (step.p.length > 1 ? " " + (number + 1) : ""), () => make("div", { className: "decoded" }, make("p", { className: "part", textContent: title }), pre(content))]));
    if (step.r && step.k === "http") found.push(["Text", () => make("div", { className: "decoded" }, pre(text(step)))]);
    if (step.r) found.push(["Bytes", () => make("div", { className: "decoded" }, pre(dump(step), "bytes"))]);
    if (step.o) found.push(["Left out", () => make("p", { textContent: step.o })]);
    return found;
  };
  let kept = "Decoded";
  const inspect = async (name, event, from) => {
    if (from) came = from;
    const { steps } = await unpack(blocks.get(name));
    const at = steps.findIndex((step) => step.e.includes(event));
    if (at < 0) return;
    const step = steps[at], found = views(step), content = make("div", { id: "inspected", role: "tabpanel", tabIndex: 0 });
    const buttons = found.map(([title, show]) => make("button", { type: "button", role: "tab", textContent: title, onclick: () => select(title) }));
    const select = (title) => {
      const place = Math.max(0, found.findIndex(([each]) => each === title));
      buttons.forEach((button, number) => { button.setAttribute("aria-selected", String(number === place)); button.tabIndex = number === place ? 0 : -1; });
      if (!found.length) { content.replaceChildren(make("p", { className: "muted", textContent: "There is nothing inside: this is a fact that the harness recorded." })); return; }
      kept = found[place][0];
      content.replaceChildren(found[place][1]());
      content.setAttribute("aria-label", kept);
    };
    const tabs = make("div", { className: "tabs", role: "tablist", ariaLabel: "View" }, ...buttons);
    tabs.addEventListener("keydown", (press) => {
      const way = { ArrowRight: 1, ArrowLeft: -1 }[press.key], now = buttons.indexOf(document.activeElement);
      if (way && now >= 0) { const next = (now + way + buttons.length) % buttons.length; select(found[next][0]); buttons[next].focus(); }
    });
    const walk = (title, way) => {
      let to = at + way;
      while (steps[to] && !steps[to].r && !steps[to].o) to += way;
      return make("button", { type: "button", textContent: title, disabled: !steps[to], onclick: async () => { await inspect(name, steps[to].e[0]); inspector.focus({ preventScroll: true }); } });
    };
    const slug = blocks.get(name).dataset.slug;
    inspector.replaceChildren(
      make("div", { className: "top" }, make("h2", { textContent: "Event " + step.e[0] + ": " + step.l }), make("a", { href: "#" + slug + "-" + step.e[0], textContent: "in the whole exchange" }), walk("Previous", -1), walk("Next", 1), make("button", { type: "button", textContent: "Close", onclick: close }), ...(found.length ? [tabs] : [])),
      content,
    );
    select(kept);
    inspector.setAttribute("aria-label", "Message, event " + step.e[0] + " of " + name);
    inspector.hidden = false;
    inspector.scrollTop = 0;
    document.body.classList.add("inspecting");
    document.querySelectorAll(".current").forEach((each) => each.classList.remove("current"));
    document.querySelectorAll('.exchange[data-name="' + CSS.escape(name) + '"] a.step').forEach((each) => { if (each.dataset.e.split(" ").includes(String(event))) each.classList.add("current"); });
  };
  const uncover = (step) => {
    const below = step.getBoundingClientRect().bottom - (innerHeight - inspector.offsetHeight - 40);
    if (below > 0) scrollBy(0, below);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.step, a.inspect");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    kept = link.matches(".inspect") ? "Text" : kept;
    inspect(link.closest(".exchange").dataset.name, Number(link.dataset.e.split(" ")[0]), link).then(() => { inspector.focus({ preventScroll: true }); uncover(link); });
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape" && !inspector.hidden) close(); });

  // Requirements: open a row, search and filter.
  const bodies = [...document.querySelectorAll("#rows tbody")];
  const rows = () => unpack(byId("data-rows"));
  const open = async (body, wanted = true) => {
    const button = body.querySelector("button");
    if (wanted && !body.rows[1]) {
      const cell = make("td", { colSpan: 5 });
      body.append(make("tr", { className: "detail" }, make("td"), cell));
      try { cell.innerHTML = (await rows())[bodies.indexOf(body)].h; } catch (error) { cell.append(failed(error)); }
    }
    body.classList.toggle("open", wanted);
    if (body.rows[1]) body.rows[1].hidden = !wanted;
    button.setAttribute("aria-expanded", String(wanted));
    const first = body.querySelector("details.exchange");
    if (wanted && first) first.open = true;
  };
  byId("rows").addEventListener("click", (event) => {
    const body = event.target.closest("tbody");
    if (body && !event.target.closest(".detail, a") && (event.target.closest("button") || !String(getSelection()))) open(body, !body.classList.contains("open"));
  });
  const query = byId("q"), form = byId("filters");
  const picks = ["verdict", "level", "role", "mark"].map((key) => [key, byId("f-" + key)]);
  let texts = null;
  const apply = () => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    bodies.forEach((body, index) => {
      const told = texts ? texts[index] : body.textContent.toLowerCase();
      const fits = words.every((word) => told.includes(word)) && picks.every(([key, pick]) => !pick.value || (key === "mark" ? body.dataset.mark.includes(pick.value) : body.dataset[key] === pick.value));
      body.hidden = !fits;
      shown += fits;
    });
    byId("shown").textContent = shown + " shown";
    byId("none").hidden = shown > 0;
  };
  rows().then((all) => { texts = all.map((row) => row.q); if (query.value) apply(); }, () => {});
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const link of document.querySelectorAll("[data-filter]")) link.addEventListener("click", () => { form.reset(); byId("f-verdict").value = link.dataset.filter; setTimeout(apply); });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)) { event.preventDefault(); query.focus(); }
  });

  // A link leads to what it names: a requirement opens its row, an event its exchange and its message.
  const reveal = async () => {
    const hash = decodeURIComponent(location.hash.slice(1));
    const target = byId(hash), event = /^(.+)-(\d+)$/.exec(hash);
    document.querySelectorAll(".hit").forEach((hit) => hit.classList.remove("hit"));
    if (target) {
      if (target.tagName === "DETAILS") target.open = true;
      if (target.tagName === "TBODY") { if (target.hidden) { form.reset(); apply(); } await open(target); target.classList.add("hit"); }
      target.scrollIntoView();
    } else if (event && slugs.has(event[1])) {
      const name = slugs.get(event[1]), page = byId("t-" + event[1]);
      page.open = true;
      await draw(page);
      await inspect(name, Number(event[2]));
      page.scrollIntoView();
      const step = page.querySelector("a.step.current");
      if (step) { came = step; const box = step.closest(".scroll"), where = step.getBoundingClientRect().top - box.getBoundingClientRect().top; box.scrollTop += where - 80; step.focus({ preventScroll: true }); uncover(step); }
    }
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();
  addEventListener("beforeprint", () => document.querySelectorAll("#findings details:not(.lazy)").forEach((each) => { each.open = true; }));
})();
