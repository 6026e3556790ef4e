// Unpacks the calls: columns of variable-length integers, deflated and in base64. See packed.rs.
const $ = (id) => document.getElementById(id);
const OK = 0, FAIL = 1, INFO = 2, OUTCOMES = ["ok", "fail", "info"];

async function unpack(base64) {
  const packed = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function columnsOf(bytes) {
  let at = 0;
  const number = () => {
    let n = 0, scale = 1, byte;
    do { byte = bytes[at++]; n += (byte & 127) * scale; scale *= 128; } while (byte > 127);
    return n;
  };
  const n = number();
  const column = (make, add) => {
    const size = number(), end = at + size, out = new make(n);
    let last = 0;
    for (let i = 0; i < n; i++) out[i] = last = number() + (add ? last : 0);
    if (at !== end) throw new Error("a column of the wrong length");
    return out;
  };
  const d = { n };
  d.index = column(Uint32Array, true);
  d.start = column(Float64Array, true);
  d.length = column(Float64Array);
  d.process = column(Uint32Array);
  d.node = column(Uint16Array);
  const kind = column(Uint32Array);
  d.key = column(Uint32Array);
  d.reason = column(Uint16Array);
  const sizes = column(Uint32Array);
  const words = number();
  d.words = bytes.subarray(at, at + words);
  at += words;
  d.tables = JSON.parse(new TextDecoder().decode(bytes.subarray(at)));
  d.f = new Uint16Array(n);
  d.outcome = new Uint8Array(n);
  d.place = new Uint32Array(n + 1);
  d.end = new Float64Array(n);
  // Of each 256 calls the latest end: what began long ago and is still open is found without looking at every call.
  d.latest = new Float64Array((n >> 8) + 1);
  let until = d.tables.until;
  for (let i = 0; i < n; i++) {
    d.f[i] = kind[i] / 3;
    d.outcome[i] = kind[i] % 3;
    d.place[i + 1] = d.place[i] + sizes[i];
    d.end[i] = d.length[i] ? d.start[i] + d.length[i] - 1 : d.start[i];
    if (d.end[i] > until) until = d.end[i];
    if (d.end[i] > d.latest[i >> 8]) d.latest[i >> 8] = d.end[i];
  }
  d.until = Math.max(until, 1);
  d.infos = [];
  for (let i = 0; i < n; i++) if (d.outcome[i] === INFO) d.infos.push(i);
  const decoder = new TextDecoder();
  d.text = (i) => decoder.decode(d.words.subarray(d.place[i], d.place[i + 1]));
  d.nodeName = (i) => (d.node[i] ? d.tables.nodes[d.node[i] - 1] : "?");
  d.keyName = (i) => (d.key[i] ? d.tables.keys[d.key[i] - 1] : "");
  d.why = (i) => (d.reason[i] ? d.tables.reasons[d.reason[i] - 1] : "");
  return d;
}

// The first call that began at `t` or later.
function firstFrom(d, t) {
  let low = 0, high = d.n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (d.start[middle] < t) low = middle + 1; else high = middle;
  }
  return low;
}

// The call of an index, or -1.
function ofIndex(d, index) {
  let low = 0, high = d.n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (d.index[middle] < index) low = middle + 1; else high = middle;
  }
  return low < d.n && d.index[low] === index ? low : -1;
}

// Calls that are open at some moment of a stretch, in order.
function open(d, from, until, visit) {
  const last = firstFrom(d, until);
  for (let block = 0; block << 8 < last; block++) {
    if (d.latest[block] < from) continue;
    const end = Math.min((block + 1) << 8, last);
    for (let i = block << 8; i < end; i++) if (d.end[i] >= from) visit(i);
  }
}

function clock(d, us, digits = 3) {
  if (!d.tables.timed) return "event " + Math.round(us);
  const ms = us / 1000, minutes = Math.floor(ms / 60000), rest = ms - minutes * 60000;
  return minutes + ":" + (rest < 10000 ? "0" : "") + (rest / 1000).toFixed(digits);
}

function lasting(us) {
  if (us < 1000) return Math.round(us) + " µs";
  if (us < 1e6) return (us / 1000).toFixed(us < 1e4 ? 1 : 0) + " ms";
  return (us / 1e6).toFixed(1) + " s";
}

const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
