const EVENTS = 200, LINES = 400, RATES = 180;
const rates = [];
let lines = [];

const list = (id, items) => {
  const at = $(id);
  const now = JSON.stringify(items);
  if (at.dataset.now === now) return;
  at.dataset.now = now;
  at.replaceChildren(...items.map(([text, className]) => {
    const item = make("li");
    item.append(make("bdi", inert(text, 600), className));
    return item;
  }));
};

const draw = (rate) => {
  rates.push(rate);
  if (rates.length > RATES) rates.shift();
  const top = Math.max(...rates, 1);
  $("spark").setAttribute("points", rates.map((r, i) => `${(1 + (i * 358) / Math.max(rates.length - 1, 29)).toFixed(1)},${(42 - (r / top) * 40).toFixed(1)}`).join(" "));
};

const picture = (p) => {
  say("phase", inert(p.phase, 80));
  const verdict = $("verdict");
  if (!verdict.dataset.over) {
    say("verdict", p.violations_seen > 0 ? "✗ VIOLATION, see below" : "no violation so far");
    verdict.classList.toggle("fail", p.violations_seen > 0);
  }
  const n = p.progress;
  if (n) {
    say("ops", count(n.ok + n.fail + n.info));
    for (const id of ["ok", "fail", "info", "open", "rate"]) say(id, count(n[id]));
    say("p50", span(n.p50));
    say("p99", span(n.p99));
    const share = n.planned > 0 && p.phase === "workload" ? Math.min(1, n.since / n.planned) : p.phase === "workload" ? 0 : 1;
    $("done").style.width = `${(share * 100).toFixed(1)}%`;
    draw(n.rate);
  }
  const seen = { true: ", seen to bite", false: ", not seen to bite" };
  list("faults", p.faults.map((f) => [`${f.what}, since ${clock(f.since)}${seen[f.verified] || ""}`, f.verified === false ? "warning" : ""]));
  const more = p.faults_in_force - p.faults.length;
  say("injected", `${count(p.faults_in_force)} in force, ${count(p.injected)} injected so far${more > 0 ? `; ${count(more)} more than are named` : ""}`);
  $("none").hidden = p.violations_seen > 0;
  list("violations", p.violations.map((text) => [text, "fail"]));
};

const words = (e) => {
  switch (e.type) {
    case "phase": return `phase ${e.name}`;
    case "warning": return `⚠ ${e.text}`;
    case "violation": return `✗ violation at ${clock(e.time)}: ${e.what}`;
    case "fault": return `${e.kind} ${e.what}: ${e.step}${e.ok ? "" : " failed"}${e.detail ? `, ${e.detail}` : ""}`;
    default: return `${e.type} ${e.text || ""}`;
  }
};

const event = (e) => {
  const item = make("li");
  const bad = e.type === "violation" ? "fail" : e.type === "warning" || e.ok === false ? "warning" : "";
  item.append(make("span", `${Number(e.t || 0).toFixed(1)} s `, "note mono"), make("bdi", inert(words(e), 600), bad));
  const all = $("events");
  all.prepend(item);
  while (all.childElementCount > EVENTS) all.lastElementChild.remove();
};

const log = (added) => {
  lines = lines.concat(added.map((line) => inert(line, 600))).slice(-LINES);
  const at = $("log");
  const following = at.scrollTop + at.clientHeight >= at.scrollHeight - 8;
  at.textContent = lines.join("\n");
  if (following) at.scrollTop = at.scrollHeight;
};

const glyphs = { pass: "✓ pass: no violation found", fail: "✗ fail", unknown: "? unknown", error: "! error", interrupted: "! interrupted" };
const end = (e) => {
  const verdict = $("verdict");
  verdict.dataset.over = "1";
  verdict.className = `v ${["pass", "fail", "unknown", "error"].includes(e.verdict) ? e.verdict : "unknown"}`;
  say("verdict", glyphs[e.verdict] || inert(e.verdict, 20));
  say("phase", "over");
  say("link", "");
  $("done").style.width = "100%";
  if (e.report) {
    const link = $("report");
    link.href = document.body.dataset.report;
    link.hidden = false;
  }
  document.body.dataset.over = "1";
};

const source = new EventSource(`${run}/events`);
const on = (name, then) => source.addEventListener(name, (message) => then(JSON.parse(message.data)));
on("picture", picture);
on("event", event);
on("log", (e) => log(e.lines));
on("end", (e) => {
  source.close();
  end(e);
});
source.onopen = () => say("link", "live");
source.onerror = () => say("link", source.readyState === EventSource.CLOSED ? "the server does not answer; reload to try again" : "cut off; trying again");
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (e) => {
  if (e.persisted) location.reload();
});
