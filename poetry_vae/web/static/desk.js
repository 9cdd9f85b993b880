// The poem at work: choose, pick, lock, redraw, undo.

import { ask, Refused } from "./api.js";
import { CLASS, about, asText, lineClass, make, point, read, view } from "./poem.js";
import { errorSentence, faultSentence, numeral, savedSentences, say, verdict } from "./words.js";

const $ = (id) => document.getElementById(id);
let poem = null; // {form, lines, seed, index, asked, locks, isChanged}
let reading = null;
let at = null; // [line, place], from 1
let past = [], future = [];
let fresh = new Set();
let busy = false;
let tell = () => {}, showError = () => {};
const found = new Map(); // alternatives by the characters around a place

export const current = () => poem;
export const currentReading = () => reading;

/** Wire the desk; ``said`` shows a short message, ``failed`` an error. */
export function start(said, failed) {
  tell = said;
  showError = failed;
  $("undo").onclick = () => travel(past, future);
  $("redo").onclick = () => travel(future, past);
  $("redraw-rest").onclick = () => revise(unlocked());
  $("redraw-character").onclick = () => redraw([place(...at)]);
  $("redraw-word").onclick = () => redraw([word(...at)]);
  $("redraw-line").onclick = () => redraw([`line${at[0]}`]);
  $("lock").onclick = () => lock([place(...at)]);
  $("lock-line").onclick = () => lock([...poem.lines[at[0] - 1]].map((_, j) => place(at[0], j + 1)));
  $("only").onchange = () => showAlternatives();
  $("choices-close").onclick = () => { choose(null); };
  $("poem").addEventListener("keydown", walk);
  document.addEventListener("keydown", shortcut);
}

/** Open a poem, at a place if one is given. */
export async function open(given, where = null) {
  poem = { locks: [], isChanged: false, ...given, lines: [...given.lines] };
  [past, future, at] = [[], [], null];
  fresh = new Set();
  $("desk").hidden = false;
  $("empty").hidden = true;
  await show();
  choose(where);
}

const place = (line, character) => `${line},${character}`;

function change(lines) {
  past.push({ lines: poem.lines, isChanged: poem.isChanged });
  future = [];
  fresh = new Set();
  lines.forEach((line, i) => [...line].forEach((c, j) => {
    if ([...poem.lines[i]][j] !== c) fresh.add(place(i + 1, j + 1));
  }));
  poem = { ...poem, lines, isChanged: true };
  return show();
}

function travel(from, to) {
  if (!from.length || busy) return;
  to.push({ lines: poem.lines, isChanged: poem.isChanged });
  poem = { ...poem, ...from.pop() };
  fresh = new Set();
  show();
}

/** Set the poem anew. */
export async function show() {
  if (!poem) return;
  const mine = poem;
  let report;
  try {
    report = await read(poem);
  } catch (error) {
    showError(error);
    return;
  }
  if (mine !== poem) return;
  reading = report;
  const faults = new Set((report.faults ?? []).map((f) => place(f.line, f.position)));
  const lines = report[view.script];
  const hadFocus = $("poem").contains(document.activeElement);
  $("desk-about").textContent = about(poem);
  $("poem").setAttribute("aria-label", asText(lines));
  $("poem").replaceChildren(...lines.map((line, i) => make(
    "div", { className: lineClass(i, poem.form) },
    ...[...line].map((character, j) => cell(character, i, j, report, faults)),
    make("span", { className: "point", ariaHidden: "true" }, point(i, lines.length)),
  )));
  focusable().tabIndex = 0;
  if (hadFocus) focusable().focus();
  $("verdict").textContent = verdict(report);
  $("verdict").classList.toggle("ok", Boolean(report.ok));
  $("faults").replaceChildren(
    ...(report.faults ?? []).map((fault) => make("li", {}, faultSentence(fault, report))),
    ...savedSentences(report).map((text) => make("li", { className: "saved" }, text)),
  );
  tools();
  if (at) showAlternatives();
}

function cell(character, i, j, report, faults) {
  const key = place(i + 1, j + 1);
  const tone = report.tones?.[i][j] ?? "";
  const parts = [
    say(`第${numeral(i + 1)}句第${numeral(j + 1)}字 ${character}`, `line ${i + 1}, character ${j + 1}: ${character}`), tone,
    poem.locks.includes(key) ? say("已锁", "locked") : "", faults.has(key) ? say("出律", "breaks a rule") : "",
  ];
  const button = make("button", {
    type: "button", tabIndex: -1, "data-at": key, "aria-label": parts.filter(Boolean).join(" "),
    className: ["char", poem.locks.includes(key) && "locked", faults.has(key) && "fault", fresh.has(key) && "fresh"].filter(Boolean).join(" "),
    "aria-pressed": String(at !== null && place(...at) === key),
  });
  if (view.pinyin && report.pinyin) button.append(make("span", { className: "pin" }, report.pinyin[i][j] || " "));
  button.append(make("span", { className: "zi" }, character));
  button.append(make("span", { className: `tone ${CLASS[tone] ?? ""}` }, tone === "中" ? "通" : tone));
  button.onclick = () => choose([i + 1, j + 1]);
  return button;
}

const focusable = () => $("poem").querySelector(at ? `[data-at="${place(...at)}"]` : ".char");

/** Select a place, or none. */
export function choose(where) {
  at = where;
  for (const button of $("poem").querySelectorAll(".char")) {
    const isIt = at !== null && button.dataset.at === place(...at);
    button.setAttribute("aria-pressed", String(isIt));
    button.tabIndex = isIt ? 0 : -1;
  }
  if (!at && poem) focusable().tabIndex = 0;
  $("choices").classList.toggle("open", at !== null);
  document.body.classList.toggle("choosing", at !== null);
  showAlternatives();
  tools();
}

async function showAlternatives() {
  $("choices-hint").hidden = at !== null;
  $("redraws").hidden = $("only-label").hidden = at === null;
  if (!at) {
    $("choices-title").textContent = "";
    $("alternatives").replaceChildren();
    return;
  }
  const [line, character] = at, mine = poem;
  const characters = [...poem.lines[line - 1]];
  const here = characters[character - 1];
  const display = [...reading[view.script][line - 1]][character - 1];
  $("choices-title").textContent = say(`可替换「${display}」的字`, `Instead of ${display}`);
  const around = poem.lines.map((l, i) => (i === line - 1 ? characters.with(character - 1, "□").join("") : l)).join("，");
  const key = `${around} ${$("only").checked} ${view.script}`;
  if (!found.has(key)) {
    $("alternatives").replaceChildren(make("li", { className: "waiting hint" }, say("正在推敲", "thinking")));
    const wishes = $("only").checked ? { metre: "loose", rhyme_book: poem.asked?.rhyme_book } : {};
    const asked = { poem: poem.lines.join("，"), form: poem.form, line, place: character, n: 14, script: view.script, ...told(), ...wishes };
    try {
      found.set(key, (await ask("/alternatives", asked)).alternatives);
    } catch (error) {
      if (mine === poem && at && place(...at) === place(line, character)) {
        $("alternatives").replaceChildren(make("li", { className: "error" }, errorSentence(error.errors?.[0] ?? error)));
      }
      return;
    }
  }
  if (mine !== poem || !at || place(...at) !== place(line, character)) return;
  $("alternatives").replaceChildren(...found.get(key).map((each) => alternative(each, here, line, character)));
}

function alternative(each, here, line, character) {
  const isHere = each.character === here;
  const share = each.probability < 0.001 ? "<0.1%" : `${(100 * each.probability).toFixed(each.probability < 0.1 ? 1 : 0)}%`;
  const button = make(
    "button",
    { type: "button", "aria-pressed": String(isHere), "data-character": each.character },
    make("span", { className: "zi" }, each.shown),
    make("small", {}, make("span", { className: CLASS[each.tones] ?? "" }, (each.tones.length > 1 ? "通" : each.tones) || "？"), ` ${each.rhymes.slice(0, 3).join(" ")}`),
    make("small", {}, share),
  );
  button.onclick = async () => {
    if (busy || isHere) return;
    const characters = [...poem.lines[line - 1]];
    characters[character - 1] = each.character;
    await change(poem.lines.map((l, i) => (i === line - 1 ? characters.join("") : l)));
    $("alternatives").querySelector("[aria-pressed=true]")?.focus();
  };
  return make("li", {}, button);
}

/** Subject and dynasty, which belong to the poem. */
const told = () => Object.fromEntries(["about", "dynasty"].filter((name) => poem.asked?.[name]).map((name) => [name, poem.asked[name]]));

/** The places of the word that a character stands in, as /revise names them. */
function word(line, character) {
  let start = 1;
  for (const end of reading.words[line - 1]) {
    if (character <= end) return start === end ? place(line, start) : `${line},${start}-${end}`;
    start = end + 1;
  }
  return place(line, character);
}

function lock(keys) {
  const isOn = keys.every((key) => poem.locks.includes(key));
  const rest = poem.locks.filter((key) => !keys.includes(key));
  poem = { ...poem, locks: isOn ? rest : [...rest, ...keys] };
  show();
}

const redraw = (places) => revise({ redraw: places, keep: poem.locks });

/** All that is not locked, as /revise takes it. */
export const unlocked = () => (poem.locks.length ? { keep: poem.locks } : { redraw: poem.lines.map((_, i) => `line${i + 1}`) });

async function revise(asked) {
  if (busy) return;
  setBusy(true);
  const body = { poem: poem.lines.join("，"), form: poem.form, n: 1, script: "traditional", ...told(), ...asked };
  try {
    const before = poem;
    const [other] = (await ask("/revise", body)).poems ?? [];
    if (before !== poem) return;
    if (other) await change(other.lines);
    tell(other ? say("已改，可撤销", "Redrawn; undo brings it back") : say("模型认为这里不用改", "The model would leave it as it is"));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    showError(error);
  } finally {
    setBusy(false);
  }
}

function setBusy(is) {
  busy = is;
  $("desk").setAttribute("aria-busy", String(is));
  tell(is ? say("正在重写……", "Writing …") : "");
  tools();
}

function tools() {
  $("undo").disabled = busy || !past.length;
  $("redo").disabled = busy || !future.length;
  for (const id of ["redraw-rest", "redraw-character", "redraw-word", "redraw-line", "vary"]) $(id).disabled = busy;
  if (!at || !poem) return;
  const isLocked = poem.locks.includes(place(...at));
  $("lock").setAttribute("aria-pressed", String(isLocked));
}

/** Arrows lead from character to character, as they stand on the page. */
function walk(event) {
  const key = event.target.dataset?.at;
  if (!key || !event.key.startsWith("Arrow")) return;
  let [line, character] = key.split(",").map(Number);
  const [dl, dc] = view.vertical
    ? { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [1, 0], ArrowRight: [-1, 0] }[event.key]
    : { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  line = Math.min(Math.max(1, line + dl), poem.lines.length);
  character = Math.min(Math.max(1, character + dc), [...poem.lines[line - 1]].length);
  const next = $("poem").querySelector(`[data-at="${line},${character}"]`);
  for (const button of $("poem").querySelectorAll(".char")) button.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  event.preventDefault();
}

function shortcut(event) {
  if (!poem || event.target.matches?.("input, textarea, select") || document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase(), focused = event.target.dataset?.at;
  if ((event.ctrlKey || event.metaKey) && key === "z") travel(...(event.shiftKey ? [future, past] : [past, future]));
  else if ((event.ctrlKey || event.metaKey) && key === "y") travel(future, past);
  else if (event.ctrlKey || event.metaKey || event.altKey) return;
  else if (key === "escape" && at) {
    const before = place(...at);
    choose(null);
    $("poem").querySelector(`[data-at="${before}"]`)?.focus();
  } else if (focused && key === "l") lock([focused]);
  else if (focused && key === "r") redraw([focused]);
  else return;
  event.preventDefault();
}
