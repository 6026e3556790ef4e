// What the hands do: zoom, move, filter, pick; and the state in the address, so that a pasted link opens the same view.

const store = {
  get: () => { try { return localStorage.getItem("schism-theme"); } catch { return null; } },
  set: (v) => { try { localStorage.setItem("schism-theme", v); } catch { /* file:// may have none */ } },
};

function themes(changed) {
  const button = $("theme"), order = ["auto", "light", "dark"];
  const words = { auto: "as the system", light: "light", dark: "dark" };
  let theme = store.get() || "auto";
  const apply = () => {
    document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-label", "Colours: " + words[theme]);
    button.title = "Colours: " + words[theme];
    changed();
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = order[(order.indexOf(theme) + 1) % 3];
    store.set(theme);
    apply();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  apply();
}

function explorer(d) {
  const canvas = $("x-canvas"), map = $("x-map");
  const x = {
    d, view: { from: 0, until: d.until, lane: 0 }, faults: faultRows(d), picked: -1, drawn: [],
    filter: { q: "", f: "", node: "", finding: "", outcomes: [true, true, true], hide: false }, visibleLanes: 0,
  };
  let pending = 0, page = 0;

  const paint = (quick) => {
    pending = 0;
    draw(canvas, x, quick);
    drawMap(map, x);
  };
  const repaint = () => { if (!pending) pending = requestAnimationFrame(() => paint(false)); };
  const say = (text) => { $("x-said").textContent = text; };

  function regroup(by) {
    x.lanes = group(d, by);
    x.view.lane = 0;
    x.visibleLanes = Math.min(x.lanes.names.length, 24);
    const rows = x.faults.length ? Math.max(...x.faults.map((f) => f.row)) + 1 : 0;
    const each = Math.max(20, Math.min(64, 420 / x.visibleLanes));
    canvas.style.height = TOP + rows * FAULT + x.visibleLanes * each + AXIS + "px";
    refilter();
  }
  function refilter() {
    x.choice = choose(d, x.filter);
    // Dimmed calls stay in the counts only where none is left out.
    x.pyramid = pyramid(d, x.lanes, x.choice);
    OUTCOMES.forEach((name, k) => { $("n-" + name).textContent = grouped(x.choice.counts[k]); });
    if (!x.choice.all) say(grouped(x.choice.n) + " of " + grouped(d.n) + " calls fit");
    page = 0;
    changed();
  }
  function changed() {
    remember();
    if ($("x-list").open) rows();
    repaint();
  }
  function show(from, until) {
    const least = d.tables.timed ? 20 : 4, span = Math.min(Math.max(until - from, least), d.until * 1.02 + 1);
    const middle = (from + until) / 2;
    x.view.from = Math.max(-0.01 * d.until, Math.min(middle - span / 2, d.until * 1.01 - span));
    x.view.until = x.view.from + span;
    changed();
  }
  const zoom = (factor, at) => {
    const { from, until } = x.view, t = at ?? (from + until) / 2;
    show(t - (t - from) * factor, t + (until - t) * factor);
  };
  const move = (share) => {
    const span = x.view.until - x.view.from;
    show(x.view.from + span * share, x.view.until + span * share);
  };
  const timeAt = (px) => x.view.from + (px - LEFT) / x.shape.scale;

  // The address.
  let quiet = true, timer = 0;
  function remember() {
    if (quiet) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      const s = new URLSearchParams(), { filter, view } = x;
      if (view.from > 0 || view.until < d.until) s.set("t", (view.from / 1e6).toFixed(6) + "-" + (view.until / 1e6).toFixed(6));
      if (x.lanes.by !== "node") s.set("by", x.lanes.by);
      if (filter.q) s.set("q", filter.q);
      if (filter.f !== "") s.set("call", filter.f);
      if (filter.node !== "") s.set("node", filter.node);
      if (filter.finding) s.set("f", filter.finding);
      if (filter.outcomes.includes(false)) s.set("o", filter.outcomes.map((o) => (o ? 1 : 0)).join(""));
      if (x.picked >= 0) s.set("op", d.index[x.picked]);
      const hash = s.toString();
      if (hash || location.hash.includes("=")) history.replaceState(null, "", "#" + hash);
    }, 250);
  }
  function recall() {
    if (!location.hash.includes("=")) return false;
    const s = new URLSearchParams(location.hash.slice(1)), f = x.filter;
    const among = (table, value) => (value !== null && table.some((_, at) => String(at) === value) ? value : "");
    f.q = s.get("q") || "";
    f.f = among(d.tables.fs, s.get("call"));
    f.node = s.get("node") && +s.get("node") <= d.tables.nodes.length ? s.get("node") : "";
    const finding = d.tables.findings.find((one) => String(one.n) === s.get("f"));
    f.finding = "";
    f.outcomes = [0, 1, 2].map((k) => (s.get("o") || "111")[k] !== "0");
    $("x-q").value = f.q;
    $("x-f").value = f.f;
    $("x-node").value = f.node;
    OUTCOMES.forEach((name, k) => { $("x-" + name).checked = f.outcomes[k]; });
    const by = GROUPS[s.get("by")] ? s.get("by") : "node";
    $("x-group").value = by;
    regroup(by);
    if (finding) focusFinding(finding);
    const [from, until] = (s.get("t") || "").split("-").map((t) => +t * 1e6);
    if (until > from) show(from, until);
    const op = s.get("op") === null ? -1 : ofIndex(d, +s.get("op"));
    if (op >= 0) pick(op, true);
    return true;
  }

  function focusFinding(finding) {
    x.filter.finding = "";
    $("x-finding").value = String(finding.n);
    x.filter.finding = String(finding.n);
    refilter();
    let { from, until } = finding;
    for (const index of finding.ops) {
      const i = ofIndex(d, index);
      if (i < 0) continue;
      from = Math.min(from, d.start[i]);
      // When what is unknown ended says nothing.
      until = Math.max(until, d.outcome[i] === INFO ? d.start[i] : d.end[i]);
    }
    const span = Math.max(until - from, d.tables.timed ? 2000 : 10);
    show(from - span * 0.3, until + span * 0.3);
    say("Finding " + finding.n + ": " + finding.title);
  }

  // Picking a call.
  function near(i) {
    const lane = x.lanes.lane[i];
    if (lane < x.view.lane) x.view.lane = lane;
    if (lane >= x.view.lane + x.visibleLanes) x.view.lane = lane - x.visibleLanes + 1;
    if (d.start[i] >= x.view.from && d.start[i] <= x.view.until) return;
    const half = (x.view.until - x.view.from) / 2;
    show(d.start[i] - half, d.start[i] + half);
  }
  function pick(i, look) {
    x.picked = i;
    if (look) near(i);
    panel();
    changed();
  }
  function line(parent, text, strong) {
    const p = document.createElement("p");
    if (strong) {
      const b = document.createElement("code");
      b.textContent = text;
      p.append(b);
    } else p.textContent = text;
    parent.append(p);
  }
  function panel() {
    const box = $("x-picked"), i = x.picked;
    box.replaceChildren();
    box.hidden = i < 0;
    if (i < 0) return;
    const ended = d.length[i] > 0, k = d.outcome[i], t = d.tables;
    line(box, d.text(i), true);
    const how = k === OK ? "ok" : k === FAIL ? "fail, certainly did not happen" : "info, may or may not have happened";
    const sentence = `Call ${d.index[i]} by process ${d.process[i]} on ${d.nodeName(i)}: ${how}${d.why(i) ? " (" + d.why(i) + ")" : ""}.`;
    line(box, sentence);
    if (t.timed) {
      const wall = t.epoch === null ? "" : `, ${new Date(t.epoch + d.start[i] / 1000).toISOString()}`;
      line(box, ended ? `From ${clock(d, d.start[i])} to ${clock(d, d.end[i])} (${lasting(d.length[i] - 1)})${wall}.` : `From ${clock(d, d.start[i])}; nobody saw it end${wall}.`);
    }
    const during = x.faults.filter((f) => f.from <= d.end[i] && f.until >= d.start[i]);
    if (during.length) line(box, "During: " + during.map((f) => `${f.label} (${f.how})`).join("; ") + ".");
    else if (t.faults_known) line(box, "No fault was on record then.");
    const of = t.findings.filter((f) => f.ops.includes(d.index[i]));
    if (of.length) line(box, "Part of the proof of " + of.map((f) => `finding ${f.n} (${f.title})`).join(", ") + ".");
    say(d.text(i) + ". " + sentence);
  }
  function step(direction, same) {
    const from = x.picked >= 0 ? x.picked : firstFrom(d, x.view.from) - (direction > 0 ? 1 : 0);
    for (let i = from + direction; i >= 0 && i < d.n; i += direction) {
      if (x.choice.chosen[i] && (x.picked < 0 || same(i))) return pick(i, true);
    }
    say("there is none further that way");
  }
  const alongKey = (i) => d.key[i] === d.key[x.picked];
  const alongLane = (i) => x.lanes.lane[i] === x.lanes.lane[x.picked];
  function nextFinding(direction) {
    const all = d.tables.findings;
    if (!all.length) return say("there is no finding");
    const at = all.findIndex((f) => String(f.n) === x.filter.finding);
    focusFinding(all[(at + direction + all.length) % all.length]);
  }
  function hit(px, py) {
    for (let at = x.drawn.length - 5; at >= 0; at -= 5) {
      const [i, from, to, y, h] = x.drawn.slice(at, at + 5);
      if (px >= from - 3 && px <= to + 3 && py >= y - 1 && py <= y + h + 1) return i;
    }
    // Where single calls are not drawn: the one that began closest.
    const lane = x.view.lane + Math.floor((py - x.shape.top) / x.shape.laneHeight), t = timeAt(px);
    const reach = 6 / x.shape.scale, last = firstFrom(d, t + reach);
    let best = -1;
    for (let i = firstFrom(d, t - reach); i < last; i++) {
      if (x.lanes.lane[i] !== lane || !x.choice.chosen[i]) continue;
      const closer = best < 0 || Math.abs(d.start[i] - t) < Math.abs(d.start[best] - t);
      if (best < 0 || d.outcome[i] > d.outcome[best] || (d.outcome[i] === d.outcome[best] && closer)) best = i;
    }
    return best;
  }

  // The table: the equivalent for those who do not see the picture.
  const PAGE = 100;
  function rows() {
    const inView = [];
    let n = 0;
    open(d, x.view.from, x.view.until, (i) => {
      if (!x.choice.chosen[i]) return;
      if (n >= page * PAGE && inView.length < PAGE) inView.push(i);
      n++;
    });
    const body = $("x-body");
    body.replaceChildren(...inView.map((i) => {
      const row = document.createElement("tr");
      const cell = (text, kind) => {
        const td = document.createElement("td");
        const bdi = document.createElement("bdi");
        bdi.textContent = text;
        if (kind) td.className = kind;
        td.append(bdi);
        row.append(td);
      };
      cell(d.index[i], "num");
      cell("p" + d.process[i]);
      cell(d.nodeName(i));
      cell(d.text(i));
      cell(OUTCOMES[d.outcome[i]] + (d.why(i) ? ": " + d.why(i) : ""));
      cell(clock(d, d.start[i]) + "–" + (d.length[i] ? clock(d, d.end[i]) : "…"), "mono");
      return row;
    }));
    const first = n ? page * PAGE + 1 : 0;
    $("x-rows").textContent = `Calls ${grouped(first)}–${grouped(page * PAGE + inView.length)} of ${grouped(n)} that fit in this view`;
    $("x-before").disabled = page === 0;
    $("x-after").disabled = (page + 1) * PAGE >= n;
  }

  // Hands.
  canvas.addEventListener("wheel", (e) => {
    if (e.ctrlKey || e.metaKey || document.activeElement === canvas || e.altKey) {
      e.preventDefault();
      zoom(e.deltaY > 0 ? 1.25 : 0.8, timeAt(e.offsetX));
    }
  }, { passive: false });
  let drag = null;
  canvas.addEventListener("pointerdown", (e) => {
    drag = { x: e.offsetX, y: e.offsetY, from: x.view.from, until: x.view.until, moved: false, box: e.shiftKey };
    canvas.setPointerCapture(e.pointerId);
  });
  canvas.addEventListener("pointermove", (e) => {
    if (!drag) return;
    const by = e.offsetX - drag.x;
    drag.moved ||= Math.abs(by) > 3 || Math.abs(e.offsetY - drag.y) > 8;
    if (!drag.moved) return;
    if (drag.box) {
      x.brush = { from: drag.x, to: e.offsetX };
      repaint();
    } else {
      const lanes = Math.round((drag.y - e.offsetY) / x.shape.laneHeight);
      if (lanes) {
        x.view.lane = Math.max(0, Math.min(x.lanes.names.length - x.visibleLanes, x.view.lane + lanes));
        drag.y = e.offsetY;
      }
      show(drag.from - by / x.shape.scale, drag.until - by / x.shape.scale);
    }
  });
  canvas.addEventListener("pointerup", (e) => {
    const ended = drag;
    drag = null;
    x.brush = null;
    if (!ended) return;
    if (!ended.moved) return pick(hit(e.offsetX, e.offsetY), false);
    if (ended.box) {
      const [a, b] = [timeAt(ended.x), timeAt(e.offsetX)];
      show(Math.min(a, b), Math.max(a, b));
    }
  });
  canvas.addEventListener("dblclick", (e) => {
    const i = hit(e.offsetX, e.offsetY);
    if (i < 0) return;
    pick(i, false);
    const span = Math.max(d.end[i] - d.start[i], 500);
    show(d.start[i] - span, d.end[i] + span);
  });
  map.addEventListener("pointerdown", (e) => {
    const t = ((e.offsetX - LEFT) / (map.clientWidth - LEFT - 8)) * d.until, half = (x.view.until - x.view.from) / 2;
    show(t - half, t + half);
  });
  const keys = {
    "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => show(0, d.until),
    ArrowLeft: () => (x.picked >= 0 ? step(-1, alongLane) : move(-0.2)),
    ArrowRight: () => (x.picked >= 0 ? step(1, alongLane) : move(0.2)),
    ArrowUp: () => { x.view.lane = Math.max(0, x.view.lane - 1); changed(); },
    ArrowDown: () => { x.view.lane = Math.max(0, Math.min(x.lanes.names.length - x.visibleLanes, x.view.lane + 1)); changed(); },
    Home: () => { x.picked = -1; show(0, x.view.until - x.view.from); panel(); },
    End: () => { x.picked = -1; show(d.until - (x.view.until - x.view.from), d.until); panel(); },
    Enter: () => (x.picked < 0 ? step(1, () => true) : panel()), Escape: () => pick(-1, false),
    "[": () => step(-1, alongKey), "]": () => step(1, alongKey),
    n: () => nextFinding(1), N: () => nextFinding(-1), "/": () => $("x-q").focus(),
  };
  canvas.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !keys[e.key]) return;
    e.preventDefault();
    keys[e.key]();
  });
  const fill = (select, names, first) => names.forEach((name, at) => {
    const option = document.createElement("option");
    option.value = String(at + first);
    option.textContent = name;
    select.append(option);
  });
  fill($("x-f"), d.tables.fs, 0);
  fill($("x-node"), d.tables.nodes, 1);
  for (const finding of d.tables.findings) {
    const option = document.createElement("option");
    option.value = String(finding.n);
    option.textContent = finding.n + " · " + finding.title;
    $("x-finding").append(option);
  }
  $("x-bar").addEventListener("submit", (e) => e.preventDefault());
  const on = (id, event, f) => $(id).addEventListener(event, f);
  on("x-group", "change", (e) => regroup(e.target.value));
  on("x-f", "change", (e) => { x.filter.f = e.target.value; refilter(); });
  on("x-node", "change", (e) => { x.filter.node = e.target.value; refilter(); });
  on("x-finding", "change", (e) => {
    const finding = d.tables.findings.find((f) => String(f.n) === e.target.value);
    if (finding) return focusFinding(finding);
    x.filter.finding = "";
    refilter();
  });
  let typing = 0;
  on("x-q", "input", (e) => { clearTimeout(typing); typing = setTimeout(() => { x.filter.q = e.target.value; refilter(); }, 150); });
  OUTCOMES.forEach((name, k) => on("x-" + name, "change", (e) => { x.filter.outcomes[k] = e.target.checked; refilter(); }));
  on("x-hide", "change", (e) => { x.filter.hide = e.target.checked; changed(); });
  on("x-in", "click", () => zoom(0.5));
  on("x-out", "click", () => zoom(2));
  on("x-all", "click", () => show(0, d.until));
  on("x-list", "toggle", () => { page = 0; if ($("x-list").open) rows(); });
  on("x-before", "click", () => { page--; rows(); });
  on("x-after", "click", () => { page++; rows(); });
  on("x-png", "click", () => {
    const a = document.createElement("a");
    a.download = "schism-" + (d.tables.run || "timeline") + ".png";
    a.href = canvas.toDataURL("image/png");
    a.click();
  });
  for (const link of document.querySelectorAll("a.open")) {
    link.addEventListener("click", (e) => {
      e.preventDefault();
      const n = link.getAttribute("href").slice(3), finding = d.tables.findings.find((f) => String(f.n) === n);
      if (!finding) return;
      focusFinding(finding);
      $("explorer").scrollIntoView();
      canvas.focus({ preventScroll: true });
    });
  }
  addEventListener("hashchange", () => { quiet = true; recall(); quiet = false; });
  new ResizeObserver(repaint).observe(canvas);
  x.palette = palette();
  const one = { lane: new Uint16Array(d.n), names: [""] };
  x.whole = pyramid(d, one, { chosen: new Uint8Array(d.n).fill(1) });
  if (!recall()) regroup("node");
  quiet = false;
  paint(false);
  return { x, paint, repaint };
}

async function start() {
  let made = null;
  themes(() => {
    if (!made) return;
    made.x.palette = palette();
    made.repaint();
  });
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  const source = $("calls-data");
  if (!source) return;
  try {
    const d = columnsOf(await unpack(source.textContent));
    for (const one of document.querySelectorAll(".script-only")) one.hidden = false;
    made = explorer(d);
    // For tests: how long a redraw takes, pixels read back.
    window.schism = {
      redraw: () => {
        const began = performance.now();
        made.paint(false);
        $("x-canvas").getContext("2d").getImageData(0, 0, 1, 1);
        return performance.now() - began;
      },
      calls: d.n,
      picked: () => made.x.picked,
    };
  } catch (e) {
    for (const one of document.querySelectorAll("#x")) one.hidden = true;
    const p = document.createElement("p");
    p.className = "note";
    p.textContent = "This browser could not unpack the calls (" + e.message + "). Everything else on this page is complete.";
    $("explorer").append(p);
  }
}
start();
