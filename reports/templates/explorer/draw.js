// Draws a view: counts where calls are many, boxes where they are few, words where there is room.

const LEFT = 92, TOP = 26, FAULT = 16, AXIS = 24;

function palette() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue("--" + name).trim();
  return { outcomes: [of("ok"), of("opfail"), of("info")], fg: of("fg"), muted: of("muted"), line: of("line"), grid: of("grid"), card: of("card"), sunk: of("sunk"), fault: of("fault"), faultfg: of("faultfg"), bad: of("bad"), unknown: of("unknown"), link: of("link") };
}

// Faults in rows: those that overlap get rows of their own.
function faultRows(d) {
  const ends = [];
  return d.tables.faults.slice(0, 500).map((fault) => {
    const until = fault.until ?? d.until;
    let row = ends.findIndex((end) => end <= fault.from);
    if (row < 0) row = ends.length < 6 ? ends.push(0) - 1 : 5;
    ends[row] = until;
    return { ...fault, until, row };
  });
}

function pattern(ctx, colour, seen) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const c = tile.getContext("2d");
  c.strokeStyle = colour;
  c.globalAlpha = seen ? 0.22 : 0.1;
  c.beginPath();
  c.moveTo(0, 8); c.lineTo(8, 0);
  c.stroke();
  return ctx.createPattern(tile, "repeat");
}

function ticks(span, room) {
  const rough = span / Math.max(2, room / 110), scale = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((f) => f * scale).find((step) => step >= rough) || 1;
}

function draw(canvas, x, quick) {
  const { d, view, lanes, choice, faults, picked, filter } = x;
  const began = performance.now();
  const ratio = quick ? 1 : Math.min(2, window.devicePixelRatio || 1);
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const ctx = canvas.getContext("2d"), p = x.palette;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.fillStyle = p.card;
  ctx.fillRect(0, 0, width, height);
  const room = width - LEFT - 8, span = view.until - view.from, scale = room / span;
  const X = (t) => LEFT + (t - view.from) * scale;
  const top = TOP + (faults.length ? (Math.max(...faults.map((f) => f.row)) + 1) * FAULT : 0);
  const bottom = height - AXIS, count = Math.min(x.visibleLanes, lanes.names.length - view.lane);
  const laneHeight = Math.max(14, Math.min(64, (bottom - top) / Math.max(1, count)));
  x.shape = { top, laneHeight, scale, room, count };
  ctx.font = "12px system-ui,sans-serif";
  ctx.textBaseline = "middle";

  ctx.save();
  ctx.beginPath();
  ctx.rect(LEFT, 0, room, height);
  ctx.clip();
  for (const fault of faults) {
    if (fault.until < view.from || fault.from > view.until) continue;
    const from = X(fault.from), to = Math.max(X(fault.until), from + 2), y = TOP + fault.row * FAULT - 8;
    const colour = fault.seen ? p.fault : p.unknown;
    ctx.globalAlpha = 0.08;
    ctx.fillStyle = colour;
    ctx.fillRect(from, top, to - from, bottom - top);
    ctx.globalAlpha = 1;
    ctx.fillStyle = pattern(ctx, colour, fault.seen);
    ctx.fillRect(from, top, to - from, bottom - top);
    ctx.globalAlpha = 0.3;
    ctx.fillStyle = colour;
    ctx.fillRect(from, y, to - from, FAULT - 2);
    ctx.globalAlpha = 1;
    ctx.fillRect(from, y, 1.5, FAULT - 2);
    ctx.fillRect(to - 1.5, y, 1.5, FAULT - 2);
    ctx.save();
    ctx.beginPath();
    ctx.rect(Math.max(from, LEFT), y, to - Math.max(from, LEFT), FAULT);
    ctx.clip();
    ctx.fillStyle = p.fg;
    ctx.fillText(fault.label + (fault.seen ? "" : " (not seen to take effect)"), Math.max(from, LEFT) + 5, y + 7);
    ctx.restore();
  }
  const firstLane = view.lane;
  const Y = (lane) => top + (lane - firstLane) * laneHeight;
  for (let lane = firstLane; lane <= firstLane + count; lane++) {
    ctx.fillStyle = p.grid;
    ctx.fillRect(LEFT, Math.round(Y(lane)), room, 1);
  }
  const inside = firstFrom(d, view.until) - firstFrom(d, view.from);
  const few = inside / Math.max(1, count) < room / 4;
  if (few) boxes(ctx, x, X, Y, laneHeight, firstLane, count);
  else columns(ctx, x, Y, laneHeight, firstLane, count, room);
  for (const finding of d.tables.findings) {
    const at = X(finding.until);
    if (at < LEFT || at > width) continue;
    ctx.fillStyle = p.bad;
    ctx.beginPath();
    ctx.moveTo(at, bottom - 9); ctx.lineTo(at - 6, bottom); ctx.lineTo(at + 6, bottom);
    ctx.fill();
    ctx.fillText(String(finding.n), at + 8, bottom - 6);
  }
  if (picked >= 0) {
    const from = X(d.start[picked]);
    ctx.fillStyle = p.link;
    ctx.fillRect(from - 0.5, top, 1, bottom - top);
  }
  if (x.brush) {
    ctx.globalAlpha = 0.2;
    ctx.fillStyle = p.link;
    ctx.fillRect(Math.min(x.brush.from, x.brush.to), top, Math.abs(x.brush.to - x.brush.from), bottom - top);
    ctx.globalAlpha = 1;
  }
  ctx.fillStyle = p.muted;
  const step = ticks(span, room), digits = step >= 1e6 ? 0 : step >= 1000 ? 3 : 6;
  for (let t = Math.ceil(view.from / step) * step; t <= view.until; t += step) {
    ctx.fillRect(X(t), bottom, 1, 4);
    ctx.fillText(clock(d, t, digits), X(t) + 3, bottom + 13);
  }
  ctx.restore();

  ctx.fillStyle = p.fg;
  ctx.textAlign = "right";
  for (let lane = firstLane; lane < firstLane + count; lane++) {
    const name = lanes.names[lane];
    ctx.fillText(name.length > 13 ? name.slice(0, 12) + "…" : name, LEFT - 8, Y(lane) + laneHeight / 2);
  }
  ctx.textAlign = "left";
  if (choice.n === 0) {
    ctx.fillStyle = p.unknown;
    ctx.fillText("no call fits: " + blame(filter), LEFT + 12, top + 16);
  }
  x.took = performance.now() - began;
}

function blame(filter) {
  if (!filter.outcomes.some(Boolean)) return "choose an outcome";
  const set = [filter.q && "the search", filter.f !== "" && "the call", filter.node !== "" && "the node", filter.finding !== "" && "the finding"].filter(Boolean);
  return set.length ? "drop " + set.join(" or ") : "choose more outcomes";
}

// Many calls: each column of pixels is a stack of the calls that began there, by outcome, as tall as the root of their
// number; what is rare gets two pixels.
// What has no known end is a line with an open end, never a box: it would cover everything.
function columns(ctx, x, Y, laneHeight, firstLane, count, room) {
  const { d, view, lanes, choice } = x, width = Math.ceil(room), span = view.until - view.from;
  const cells = new Uint32Array(count * width * 3);
  const { slots, counts } = x.pyramid;
  if ((span / (d.until + 1)) * slots >= width) {
    const perSlot = (d.until + 1) / slots;
    const from = Math.max(0, Math.floor(view.from / perSlot)), to = Math.min(slots, Math.ceil(view.until / perSlot));
    for (let lane = 0; lane < count; lane++) {
      for (let slot = from; slot < to; slot++) {
        const at = Math.floor(((slot * perSlot - view.from) / span) * width);
        if (at < 0 || at >= width) continue;
        const source = ((lane + firstLane) * slots + slot) * 3, target = (lane * width + at) * 3;
        for (let k = 0; k < 3; k++) cells[target + k] += counts[source + k];
      }
    }
  } else {
    const last = firstFrom(d, view.until), scale = width / span;
    for (let i = firstFrom(d, view.from); i < last; i++) {
      const lane = lanes.lane[i] - firstLane;
      if (lane < 0 || lane >= count || !choice.chosen[i]) continue;
      cells[(lane * width + Math.min(width - 1, ((d.start[i] - view.from) * scale) | 0)) * 3 + d.outcome[i]]++;
    }
  }
  let most = 1;
  for (let at = 0; at < cells.length; at += 3) most = Math.max(most, cells[at] + cells[at + 1] + cells[at + 2]);
  // One path an outcome: the fill is set three times, not once a column.
  const full = laneHeight - 3, paths = [new Path2D(), new Path2D(), new Path2D()];
  for (let lane = 0; lane < count; lane++) {
    const floor = Y(lane + firstLane) + laneHeight - 1;
    for (let at = 0; at < width; at++) {
      const cell = (lane * width + at) * 3, total = cells[cell] + cells[cell + 1] + cells[cell + 2];
      if (!total) continue;
      const tall = full * (0.2 + 0.8 * Math.sqrt(total / most));
      let y = floor;
      for (const k of [FAIL, INFO, OK]) {
        if (!cells[cell + k]) continue;
        const share = (tall * cells[cell + k]) / total, h = Math.min(k === OK ? share : Math.max(2, share), y - floor + full);
        if (h <= 0) continue;
        paths[k].rect(LEFT + at, y - h, 1, h);
        y -= h;
      }
    }
  }
  paths.forEach((path, k) => {
    ctx.fillStyle = x.palette.outcomes[k];
    ctx.fill(path);
  });
  whiskers(ctx, x, Y, laneHeight, firstLane, count);
}

// As many open ends as can be told apart.
const MAX_WHISKERS = 600;

function whiskers(ctx, x, Y, laneHeight, firstLane, count) {
  const { d, view, lanes, choice, shape } = x, path = new Path2D();
  let drawn = 0;
  for (const i of d.infos) {
    if (d.start[i] > view.until || drawn >= MAX_WHISKERS) break;
    const lane = lanes.lane[i] - firstLane;
    if (d.end[i] < view.from || lane < 0 || lane >= count || !choice.chosen[i]) continue;
    const from = LEFT + (d.start[i] - view.from) * shape.scale, to = Math.max(from + 8, LEFT + (d.end[i] - view.from) * shape.scale);
    const y = Math.round(Y(lane + firstLane) + 4 + (drawn * 3) % Math.max(3, laneHeight / 2 - 4)) + 0.5;
    path.moveTo(from, y); path.lineTo(to, y);
    path.moveTo(to - 3, y - 2.5); path.lineTo(to, y); path.lineTo(to - 3, y + 2.5);
    drawn++;
  }
  ctx.strokeStyle = x.palette.outcomes[INFO];
  ctx.globalAlpha = 0.7;
  ctx.stroke(path);
  ctx.globalAlpha = 1;
}

// Few calls: boxes, those that overlap in a lane beneath each other, with words where there is room.
function boxes(ctx, x, X, Y, laneHeight, firstLane, count) {
  const { d, view, lanes, choice, filter, picked } = x, p = x.palette, ends = [], opened = [], worded = [], proof = [];
  x.drawn = [];
  const rows = Math.max(1, Math.min(4, Math.floor(laneHeight / 14))), tall = (laneHeight - 3) / rows;
  const finding = d.tables.findings.find((f) => String(f.n) === filter.finding);
  const ops = finding && new Set(finding.ops);
  let inks = 0;
  open(d, view.from, view.until, (i) => {
    const lane = lanes.lane[i] - firstLane;
    if (lane < 0 || lane >= count) return;
    const fits = choice.chosen[i];
    if (!fits && (filter.hide || inks > 4000)) return;
    inks++;
    const from = X(d.start[i]), open = d.outcome[i] === INFO || !d.length[i];
    const to = open ? Math.max(from + 10, Math.min(X(d.end[i]), LEFT + x.shape.room)) : Math.max(X(d.end[i]), from + 2);
    const lastEnds = (ends[lane] ||= new Array(rows).fill(-1));
    let row = lastEnds.findIndex((end) => end <= from);
    if (row < 0) row = lastEnds.indexOf(Math.min(...lastEnds));
    // What is open must not keep others from its row, and takes the lowest that it can.
    if (open) row = rows - 1 - ((opened[lane] = (opened[lane] || 0) + 1) - 1) % rows;
    else lastEnds[row] = to;
    const y = Y(lane + firstLane) + 2 + row * tall, h = tall - 2, colour = p.outcomes[d.outcome[i]];
    ctx.globalAlpha = fits ? (ops && !ops.has(d.index[i]) ? 0.25 : 1) : 0.15;
    ctx.strokeStyle = ctx.fillStyle = colour;
    if (open) {
      ctx.beginPath();
      ctx.moveTo(from, y); ctx.lineTo(from, y + h);
      ctx.moveTo(from, y + h / 2); ctx.lineTo(to, y + h / 2);
      ctx.moveTo(to - 4, y + h / 2 - 4); ctx.lineTo(to, y + h / 2); ctx.lineTo(to - 4, y + h / 2 + 4);
      ctx.stroke();
    } else if (d.outcome[i] === FAIL) {
      ctx.strokeRect(from + 0.5, y + 0.5, Math.max(1, to - from - 1), h - 1);
      ctx.beginPath();
      for (let s = from; s < to; s += 5) { ctx.moveTo(s, y + h); ctx.lineTo(Math.min(s + 5, to), y); }
      ctx.stroke();
    } else {
      ctx.fillRect(from, y, Math.max(1.5, to - from - 0.5), h);
    }
    if (i === picked) {
      ctx.lineWidth = 2;
      ctx.strokeStyle = p.fg;
      ctx.strokeRect(from - 1.5, y - 1.5, to - from + 3, h + 3);
      ctx.lineWidth = 1;
    }
    const place = lane * rows + row, begins = Math.max(from, LEFT);
    if (fits && h >= 10 && to - begins >= 48 && begins >= (worded[place] ?? 0)) {
      worded[place] = Math.min(to, begins + 8 + ctx.measureText(d.text(i)).width);
      ctx.save();
      ctx.beginPath();
      ctx.rect(from, y, to - from, h);
      ctx.clip();
      ctx.fillStyle = d.outcome[i] === OK ? p.card : p.fg;
      ctx.fillText(d.text(i), Math.max(from, LEFT) + 4, y + h / 2 + 0.5);
      ctx.restore();
    }
    ctx.globalAlpha = 1;
    x.drawn.push(i, from, to, y, h);
    if (ops && ops.has(d.index[i])) proof.push([i, from, to, y, h]);
  });
  // The calls of a finding are named, however short they are.
  for (const [i, from, to, y, h] of proof) {
    const words = d.text(i), wide = ctx.measureText(words).width + 8;
    if (to - from >= wide) continue;
    const at = to + 4 + wide > LEFT + x.shape.room ? from - wide - 4 : to + 4;
    ctx.fillStyle = p.card;
    ctx.fillRect(at, y - 1, wide, h + 2);
    ctx.fillStyle = p.fg;
    ctx.fillText(words, at + 4, y + h / 2);
  }
}

// The whole run in a strip, with the part that is shown.
function drawMap(canvas, x) {
  const { d, view } = x, p = x.palette, width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width;
  canvas.height = height;
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = p.sunk;
  ctx.fillRect(0, 0, width, height);
  const room = width - LEFT - 8, { slots, counts } = x.whole;
  const columns = new Uint32Array(room * 3);
  for (let slot = 0; slot < slots; slot++) {
    const at = Math.floor((slot / slots) * room) * 3;
    for (let k = 0; k < 3; k++) columns[at + k] += counts[slot * 3 + k];
  }
  let most = 1;
  for (let at = 0; at < columns.length; at += 3) most = Math.max(most, columns[at] + columns[at + 1] + columns[at + 2]);
  for (let at = 0; at < room; at++) {
    const all = columns[at * 3] + columns[at * 3 + 1] + columns[at * 3 + 2];
    let y = height - 2;
    for (const k of [FAIL, INFO, OK]) {
      const n = columns[at * 3 + k];
      if (!n) continue;
      const h = Math.min(y, Math.max(k === OK ? 1 : 2, (n / all) * Math.sqrt(all / most) * (height - 8)));
      ctx.fillStyle = p.outcomes[k];
      ctx.fillRect(LEFT + at, y - h, 1, h);
      y -= h;
    }
  }
  const whole = room / d.until;
  for (const finding of d.tables.findings) {
    const at = LEFT + finding.until * whole;
    ctx.fillStyle = p.bad;
    ctx.beginPath();
    ctx.moveTo(at - 4, 0); ctx.lineTo(at + 4, 0); ctx.lineTo(at, 7);
    ctx.fill();
  }
  const from = LEFT + Math.max(0, view.from) * whole, to = LEFT + Math.min(d.until, view.until) * whole;
  ctx.strokeStyle = p.link;
  ctx.lineWidth = 2;
  ctx.strokeRect(from, 1, Math.max(3, to - from), height - 2);
  ctx.fillStyle = p.muted;
  ctx.font = "12px system-ui,sans-serif";
  ctx.fillText("whole run", 10, height / 2 + 4);
}
