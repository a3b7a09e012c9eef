"use strict";
// The rows are the data: this reads them, shows and hides them, and dresses up a panel when it is first opened.
{
  const byID = id => document.getElementById(id);
  const make = (name, fields, ...children) => {
    const e = Object.assign(document.createElement(name), fields);
    e.append(...children);
    return e;
  };
  const table = byID("images"), form = byID("find"), count = byID("count"), none = byID("none"), said = byID("said");
  const home = location.protocol.startsWith("http") ? new URL(".", location.href).href : "https://…/";
  const now = Date.now(), day = 864e5;

  // time

  const dates = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
  const spans = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

  /** When a <time> is, in milliseconds; NaN for none. */
  const instant = time => time ? Date.parse(time.textContent.replace(" ", "T")) : NaN;

  function age(at, toTheHour) {
    const days = Math.floor(now / day) - Math.floor(at / day);
    const hours = Math.floor((now - at) / 36e5);
    if (toTheHour && hours >= 0 && hours < 24) return hours ? spans.format(-hours, "hour") : "just now";
    if (Math.abs(days) < 60) return spans.format(-days, "day");
    if (Math.abs(days) < 730) return spans.format(-Math.trunc(days / 30.4375), "month");
    return spans.format(-Math.trunc(days / 365.25), "year");
  }

  /** Shows a <time> as an age; the time itself stays as its title. */
  function showAge(time) {
    const text = time.textContent, at = instant(time), stale = Number(table.dataset.stale);
    if (Number.isNaN(at)) return;
    time.dateTime = text.replace(" ", "T");
    time.title = text.replace("Z", " UTC");
    time.textContent = age(at, text.includes(":"));
    if (stale && now - at > stale * day) {
      time.className = "stale";
      time.textContent += ", old";
    }
  }

  // copying

  async function copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // not allowed, or not over https: the old way
      const box = make("textarea", { value: text, readOnly: true });
      document.body.append(box);
      box.select();
      const done = document.execCommand("copy");
      box.remove();
      button.focus();
      if (!done) return;
    }
    button.textContent = said.textContent = "Copied";
    setTimeout(() => {
      button.textContent = "Copy";
      said.textContent = "";
    }, 1500);
  }

  function copyButton(text, what) {
    const b = make("button", { type: "button", className: "copy", textContent: "Copy", ariaLabel: "Copy " + what });
    b.addEventListener("click", () => copy(text, b));
    return b;
  }

  /** Commands as lines with a button each; "[--vm]" stands for two of them. */
  function commands(pre) {
    const lines = pre.textContent.trim().split("\n").flatMap(line => {
      line = line.replace("https://…/", home);
      return line.endsWith(" [--vm]") ? [line.slice(0, -7), line.slice(0, -7) + " --vm"] : [line];
    });
    return make("div", { className: "commands" }, ...lines.map(line =>
      make("p", {}, make("code", { textContent: line }), copyButton(line, line))));
  }

  // one image: the listing in its panel becomes a table

  /** Where a file lies, by the listing's rules; null if nowhere. */
  function hrefOf(dir, version, place) {
    if (place.startsWith("(")) return null;
    const path = place.startsWith("/") ? place.slice(1) : dir + version + "/" + place;
    return "./" + path.split("/").map(encodeURIComponent).join("/");
  }

  function fileCells(dir, version, [, role, size, place, print = ""]) {
    const href = hrefOf(dir, version, place);
    const name = href ? make("a", { href, textContent: place.split("/").pop() }) : place.slice(1, -1);
    const short = print.slice(0, 12);
    return [
      make("td", { textContent: role }),
      make("td", {}, ...print ? [make("code", { textContent: short, title: print }), copyButton(print, "fingerprint " + short)] : []),
      make("td", {}, name),
      make("td", { textContent: size }),
    ];
  }

  function versions(pre, caption) {
    const [dir, ...lines] = pre.textContent.trimEnd().split("\n");
    const table = make("table", {}, make("caption", { textContent: caption }));
    table.createTHead().append(make("tr", {}, ...["Version", "Use", "Fingerprint", "File", "Size"].map(t => make("th", { scope: "col", textContent: t }))));
    let body, head, version;
    for (const line of lines) {
      const cells = line.split("\t"), row = make("tr");
      if (cells[0] || !head) {
        version = cells[0];
        head = make("th", { scope: "rowgroup", textContent: version });
        const built = builtAt(version);
        if (built) head.append(built);
        body = table.createTBody();
        row.append(head);
      } else {
        head.rowSpan++;
      }
      row.append(...fileCells(dir, version, cells));
      body.append(row);
    }
    return table;
  }

  const dressed = new WeakSet();
  function dress(p) {
    if (dressed.has(p)) return;
    dressed.add(p);
    texts(p); // before they change
    const pres = p.panel.querySelectorAll("pre");
    if (pres.length > 1) pres[0].replaceWith(commands(pres[0]));
    pres[pres.length - 1].replaceWith(versions(pres[pres.length - 1], "Versions of " + p.body.id));
  }

  /** The <time> that a version's name tells, null if it tells none. */
  function builtAt(name) {
    const [, y, m, d, h, min] = /^(\d{4})(\d\d)(\d\d)(?:[_T-]?(\d\d):?(\d\d)(?:\d\d)?$)?/.exec(name) || [];
    const at = Date.UTC(y, m - 1, d, h || 0, min || 0);
    if (!y || new Date(at).getUTCDate() !== Number(d)) return null;
    return make("time", { dateTime: new Date(at).toISOString().slice(0, 10), textContent: dates.format(at) + (h ? `, ${h}:${min} UTC` : "") });
  }

  // the list

  const products = [...table.tBodies].map((body, place) => {
    const [head, arch, variant, kinds, built] = body.rows[0].cells;
    const release = head.querySelector("b"), time = built.querySelector("time");
    const panel = body.rows[1].cells[0];
    const stream = [...panel.querySelectorAll("dt")].find(e => e.textContent === "Stream");
    const p = {
      body, place, panel, built: instant(time), details: head.querySelector("details"),
      Stream: [stream ? stream.nextElementSibling.textContent : ""],
      Distribution: [head.querySelector("summary").firstChild.textContent.trim()],
      Release: [release ? release.textContent : ""],
      Architecture: [arch.textContent],
      Variant: [variant.textContent],
      Type: kinds.textContent.split(", "),
      keys: [head, arch, variant, kinds].map(c => c.textContent),
    };
    if (time) showAge(time);
    return p;
  });
  const productOf = new Map(products.map(p => [p.body, p]));

  /** What the search looks at: the row and its aliases, and for longer words the listing too: versions, files, fingerprints. */
  function texts(p) {
    const plain = elements => elements.map(e => e.textContent).join(" ").toLowerCase();
    p.texts ??= [`${p.body.id} ${p.keys.join(" ")} ${plain([...p.panel.querySelectorAll("dd")])}`.toLowerCase(), plain([p.panel.lastElementChild])];
    return p.texts;
  }

  function matches(p, terms) {
    return terms.every(t => texts(p)[0].includes(t) || t.length >= 6 && texts(p)[1].includes(t));
  }

  const filters = [...form.querySelectorAll("select")];
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  function fillFilters() {
    for (const select of filters) {
      const values = new Set(products.flatMap(p => p[select.name]));
      values.delete("");
      for (const v of [...values].sort(collator.compare)) select.append(make("option", { value: v, textContent: v }));
      select.parentElement.hidden = values.size < 2;
    }
  }

  const passes = (p, select) => !select.value || p[select.name].includes(select.value);

  /** Takes away the choices that would leave nothing. */
  function narrow(found) {
    for (const select of filters) {
      const left = new Set();
      for (const p of found) {
        if (filters.every(f => f === select || passes(p, f))) p[select.name].forEach(v => left.add(v));
      }
      for (const o of select.options) o.hidden = o.disabled = o.value !== "" && !left.has(o.value);
    }
  }

  /** Lets a name that the row above has too step back. */
  function group() {
    let last;
    for (const body of table.tBodies) {
      if (body.hidden) continue;
      const name = productOf.get(body).keys[0];
      body.classList.toggle("again", name === last);
      last = name;
    }
  }

  function apply() {
    if (!products.length) return;
    const terms = form.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = products.filter(p => matches(p, terms));
    const shown = new Set(found.filter(p => filters.every(f => passes(p, f))));
    for (const p of products) p.body.hidden = !shown.has(p);
    narrow(found);
    group();
    const all = products.length.toLocaleString("en");
    count.textContent = shown.size === products.length ? `${all} ${products.length === 1 ? "image" : "images"}` : `${shown.size.toLocaleString("en")} of ${all} images`;
    none.hidden = shown.size > 0;
    table.hidden = shown.size === 0;
  }

  // the address keeps what was looked for

  function remember() {
    const query = new URLSearchParams();
    for (const field of form.elements) {
      if (field.value) query.set(field.name.toLowerCase(), field.value);
    }
    const text = query.toString();
    try {
      history.replaceState(null, "", (text ? "?" + text : location.pathname) + location.hash);
    } catch { /* a page read from a file has no address to change */ }
  }

  function recall() {
    const query = new URLSearchParams(location.search);
    for (const field of form.elements) field.value = query.get(field.name.toLowerCase()) || "";
    for (const select of filters) {
      if (select.selectedIndex < 0) select.value = "";
    }
  }

  let pause;
  function changed() {
    apply();
    clearTimeout(pause);
    pause = setTimeout(remember, 250);
  }

  function clear() {
    form.reset();
    changed();
  }

  /** Opens the image that the address names. */
  function follow() {
    let id;
    try {
      id = decodeURIComponent(location.hash.slice(1));
    } catch {
      return;
    }
    const p = products.find(p => p.body.id === id);
    if (!p) return;
    if (p.body.hidden) clear();
    p.details.open = true;
    p.body.scrollIntoView();
    p.details.firstElementChild.focus({ preventScroll: true });
  }

  // order

  function sortable(th, column) {
    const button = make("button", { type: "button", textContent: th.textContent });
    th.replaceChildren(button);
    button.addEventListener("click", () => {
      const newest = column === 4, was = th.ariaSort;
      const order = was ? (was === "ascending" ? "descending" : "ascending") : newest ? "descending" : "ascending";
      for (const other of th.parentElement.cells) other.ariaSort = null;
      th.ariaSort = order;
      const sign = order === "ascending" ? 1 : -1;
      const value = newest ? (a, b) => (Number.isNaN(a.built) - Number.isNaN(b.built)) * sign || a.built - b.built || 0
        : (a, b) => collator.compare(a.keys[column], b.keys[column]);
      table.append(...[...products].sort((a, b) => sign * value(a, b) || a.place - b.place).map(p => p.body));
      group();
    });
  }

  // start

  document.documentElement.classList.add("js");
  document.querySelectorAll(".use pre").forEach(pre => pre.replaceWith(commands(pre)));
  document.querySelectorAll("footer time").forEach(showAge);
  if (products.length > 1) [...table.tHead.rows[0].cells].forEach(sortable);
  fillFilters();
  recall();
  form.hidden = products.length < 2;
  apply();
  form.addEventListener("input", changed);
  form.addEventListener("submit", e => e.preventDefault());
  none.querySelector("button").addEventListener("click", () => { clear(); form.q.focus(); });
  table.addEventListener("toggle", e => e.target.open && dress(productOf.get(e.target.closest("tbody"))), true);
  table.addEventListener("click", e => {
    const row = e.target.closest("#images > tbody > tr:first-child");
    if (!row || e.target.closest("summary, a, button") || String(getSelection())) return;
    row.querySelector("details").toggleAttribute("open");
  });
  document.addEventListener("keydown", e => {
    if (e.key === "/" && !e.ctrlKey && !e.metaKey && !e.altKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) {
      e.preventDefault();
      form.q.focus();
      form.q.select();
    } else if (e.key === "Escape" && e.target === form.q) {
      clear();
    }
  });
  addEventListener("hashchange", follow);
  addEventListener("load", follow); // once more: the browser, too, goes where the address leads, and takes the focus away
  follow();
}
