const $ = (id) => document.getElementById(id);
const run = document.body.dataset.run;
const say = (id, text) => {
  const at = $(id);
  if (at.textContent !== text) at.textContent = text;
};
const make = (tag, text, className) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
};
const count = (n) => Number(n || 0).toLocaleString("en-US");
const clock = (ns) => {
  const s = Number(ns || 0) / 1e9;
  return `${Math.floor(s / 60)}:${(s % 60).toFixed(3).padStart(6, "0")}`;
};
const span = (ns) => {
  if (ns === null || ns === undefined) return "–";
  const ms = ns / 1e6;
  return ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
};
const hidden = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\u{e0000}-\u{e007f}]/gu;
const inert = (text, most) => {
  const all = [...String(text)];
  const shown = all.slice(0, most).join("").replace(hidden, (c) => `⟨U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
  return all.length > most ? `${shown}… (${count(all.length)} characters)` : shown;
};
