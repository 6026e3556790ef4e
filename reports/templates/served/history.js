const LIMIT = 1000, SHOWN = 200;
const seconds = (id) => Math.max(0, Number($(id).value) || 0);
const show = (from, to) => {
  $("from").value = String(Number(Math.max(0, from).toFixed(9)));
  $("to").value = String(Number(Math.max(0, to).toFixed(9)));
};
let after = null, asked = 0, window_ = [0, 1], all = [];

const cell = (row, text, className) => {
  const at = make("td", undefined, className);
  at.append(make("bdi", inert(text === undefined ? "" : typeof text === "string" ? text : JSON.stringify(text), SHOWN)));
  row.append(at);
};

const rows = () => {
  const only = $("only").value;
  const matching = only === "" ? all : all.filter((e) => JSON.stringify(e).includes(only));
  $("rows").replaceChildren(...matching.map((e) => {
    const row = make("tr", undefined, ["ok", "fail", "info"].includes(e.type) ? e.type : "");
    cell(row, e.index, "mono");
    cell(row, clock(e.time), "mono");
    cell(row, e.process === undefined ? "" : `p${e.process}`);
    cell(row, e.node);
    cell(row, e.type, "type");
    cell(row, e.f);
    cell(row, e.key);
    cell(row, e.error === undefined ? e.value : e.error, "value");
    return row;
  }));
  return matching.length;
};

const tell = (shown, window) => {
  const parts = [`${count(all.length)} events from ${clock(window_[0])} on`];
  if (shown < all.length) parts.push(`${count(shown)} shown`);
  if (window.next !== null) parts.push("more follow: Next events");
  if (window.unreadable > 0) parts.push(`${count(window.unreadable)} lines that cannot be read`);
  parts.push(`the journal has ${count(window.size)} bytes`);
  say("said", parts.join("; "));
};

const ask = async (more, first) => {
  const mine = ++asked;
  const [from, to] = [Math.round(seconds("from") * 1e9), Math.round(seconds("to") * 1e9)];
  const query = new URLSearchParams(first ? { limit: LIMIT } : { from, to, limit: LIMIT });
  if (more && after !== null) query.set("after", after);
  say("said", "reading…");
  try {
    const answer = await fetch(`../api/${run}/history?${query}`);
    if (!answer.ok) throw new Error(await answer.text());
    // A number that JavaScript cannot keep is shown as it was written.
    const window = JSON.parse(await answer.text(), (_, value, at) =>
      typeof value === "number" && !Number.isSafeInteger(value) && at && at.source ? at.source : value);
    if (mine !== asked) return;
    all = window.events;
    // The first window is wherever the first events are: a cluster takes its time to come up.
    if (first && all.length > 0) show(all[0].time / 1e9, all[all.length - 1].time / 1e9);
    window_ = [seconds("from") * 1e9, seconds("to") * 1e9];
    after = window.next;
    $("next").disabled = after === null;
    const shown = rows();
    tell(shown, window);
    document.body.dataset.read = String(mine);
    history.replaceState(null, "", `#from=${seconds("from")}&to=${seconds("to")}`);
    $("only").oninput = () => tell(rows(), window);
  } catch (error) {
    if (mine === asked) say("said", `This could not be read: ${inert(error.message, SHOWN)}`);
  }
};

const move = (by, scale) => () => {
  const [from, to] = [seconds("from"), seconds("to")];
  const width = Math.max(1e-6, to - from);
  const middle = (from + to) / 2 + by * width;
  show(middle - (width * scale) / 2, middle + (width * scale) / 2);
  ask(false);
};
$("earlier").onclick = move(-1, 1);
$("later").onclick = move(1, 1);
$("wider").onclick = move(0, 4);
$("narrower").onclick = move(0, 0.25);
$("next").onclick = () => ask(true);
$("window").onsubmit = (e) => {
  e.preventDefault();
  ask(false);
};
const place = new URLSearchParams(location.hash.slice(1));
if (place.has("from")) show(Number(place.get("from")) || 0, Number(place.get("to")) || (Number(place.get("from")) || 0) + 1);
ask(false, !place.has("from"));
