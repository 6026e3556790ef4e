// Which lane a call is in, which calls are chosen, and the counts that the outer zoom levels draw.

const GROUPS = {
  node: { of: (d, i) => d.node[i], name: (d, v) => (v ? d.tables.nodes[v - 1] : "node ?") },
  process: { of: (d, i) => d.process[i], name: (d, v) => "p" + v },
  key: { of: (d, i) => d.key[i], name: (d, v) => (v ? "key " + d.tables.keys[v - 1] : "no key") },
  f: { of: (d, i) => d.f[i], name: (d, v) => d.tables.fs[v] },
};
const MAX_LANES = 2000;

function group(d, by) {
  const { of, name } = GROUPS[by], seen = new Map();
  for (let i = 0; i < d.n; i++) {
    const value = of(d, i);
    if (!seen.has(value)) seen.set(value, 0);
  }
  const values = [...seen.keys()].sort((a, b) => a - b);
  // Beyond that many the rest shares the last lane.
  values.forEach((value, at) => seen.set(value, Math.min(at, MAX_LANES - 1)));
  const lane = new Uint16Array(d.n);
  for (let i = 0; i < d.n; i++) lane[i] = seen.get(of(d, i));
  const names = values.slice(0, MAX_LANES).map((value) => name(d, value));
  if (values.length > MAX_LANES) names[MAX_LANES - 1] = grouped(values.length - MAX_LANES + 1) + " more";
  return { by, lane, names };
}

// What the search box asks for: every word must fit.
function matcher(d, query) {
  const tests = [];
  for (const word of query.trim().split(/\s+/).filter(Boolean)) {
    const [, what, value] = /^(\w+):(.+)$/.exec(word) || [];
    const among = (table, text) => new Set(table.flatMap((name, at) => (name.includes(text) ? [at + 1] : [])));
    if (what === "key") {
      const keys = new Set(d.tables.keys.flatMap((name, at) => (name === value ? [at + 1] : [])));
      tests.push((i) => keys.has(d.key[i]));
    } else if (what === "error") {
      const reasons = among(d.tables.reasons, value);
      tests.push((i) => reasons.has(d.reason[i]));
    } else if (what === "node") {
      const nodes = among(d.tables.nodes, value);
      tests.push((i) => nodes.has(d.node[i]));
    } else if (what === "op") {
      tests.push((i) => d.index[i] === +value);
    } else if (what === "ms") {
      tests.push((i) => d.length[i] - 1 >= +value * 1000);
    } else if (/^p\d+$/.test(word)) {
      const process = +word.slice(1);
      tests.push((i) => d.process[i] === process);
    } else {
      tests.push((i) => d.text(i).includes(word));
    }
  }
  return tests;
}

// Which calls fit: by outcome, call, node, finding and search. Also the counts by outcome.
function choose(d, filter) {
  const tests = matcher(d, filter.q), chosen = new Uint8Array(d.n), counts = [0, 0, 0];
  const f = filter.f === "" ? -1 : +filter.f, node = filter.node === "" ? -1 : +filter.node;
  const finding = d.tables.findings.find((x) => String(x.n) === filter.finding);
  const ops = finding && new Set(finding.ops);
  let n = 0;
  for (let i = 0; i < d.n; i++) {
    if (f >= 0 && d.f[i] !== f) continue;
    if (node >= 0 && d.node[i] !== node) continue;
    if (ops && !ops.has(d.index[i])) continue;
    if (!tests.every((test) => test(i))) continue;
    counts[d.outcome[i]]++;
    if (!filter.outcomes[d.outcome[i]]) continue;
    chosen[i] = 1;
    n++;
  }
  return { chosen, counts, n, all: n === d.n };
}

// Calls that began, by lane, stretch of time and outcome; and again, of the chosen ones only.
function pyramid(d, lanes, choice) {
  const slots = Math.max(256, Math.min(4096, Math.floor(3e6 / lanes.names.length / 3)));
  const counts = new Uint32Array(lanes.names.length * slots * 3);
  const scale = slots / (d.until + 1);
  for (let i = 0; i < d.n; i++) {
    if (choice.chosen[i]) counts[(lanes.lane[i] * slots + ((d.start[i] * scale) | 0)) * 3 + d.outcome[i]]++;
  }
  return { slots, counts };
}
