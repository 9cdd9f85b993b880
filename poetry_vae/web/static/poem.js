// Poems on the page: their readings, and how they are set.

import { ask } from "./api.js";
import { say, numeral } from "./words.js";

export const view = {
  script: localStorage.getItem("script") ?? "simplified",
  vertical: localStorage.getItem("vertical") === "true",
  tones: localStorage.getItem("tones") !== "false",
  pinyin: localStorage.getItem("pinyin") === "true",
};

/** An element with properties and children; texts are texts, never HTML. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "style") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const readings = new Map();

/** Tones, rhymes, faults, both scripts and pinyin of a poem's traditional lines; remembered. */
export function read({ lines, asked }) {
  const rules = asked?.metre === "loose" ? "loose" : "strict", book = asked?.rhyme_book ?? null;
  const key = [view.script, rules, book, ...lines].join();
  if (!readings.has(key)) {
    if (readings.size > 400) readings.delete(readings.keys().next().value);
    const found = ask("/metre", { poem: lines.join("，"), script: view.script, rules, rhyme_book: book });
    found.catch(() => readings.delete(key));
    readings.set(key, found);
  }
  return readings.get(key);
}

/** The lines of a poem as they are shown. */
export const shown = async (poem) => (await read(poem))[view.script];

/** A poem with its punctuation, as text. */
export const asText = (lines) => lines.map((line, i) => line + point(i, lines.length)).join("\n");
export const point = (i, all) => (i % 2 === 1 || i === all - 1 ? "。" : "，");

export const CLASS = { 平: "level", 仄: "oblique", 中: "both", 平仄: "both" };

/** Which poem of which seed it is, in words. */
export function about(poem) {
  const parts = [poem.form];
  if (poem.seed !== undefined) {
    parts.push(say(`种子 ${poem.seed}`, `seed ${poem.seed}`), say(`第${numeral(poem.index + 1)}首`, `no. ${poem.index + 1}`));
  }
  if (poem.isChanged) parts.push(say("有改动", "changed"));
  return parts.join(" · ");
}

/** The line from 0 with which the second stanza of a form begins; 0 or nothing where it has none. */
export const secondStanza = new Map();
export const lineClass = (i, form) => (i && i === secondStanza.get(form) ? "line stanza" : "line");

/** The lines of a poem, set small: [element]. */
export function setLines(lines, form) {
  return lines.map((line, i) => {
    const characters = [...line].map((c, j) => make("span", { "data-line": i + 1, "data-place": j + 1 }, c));
    const mark = make("span", { className: "point", ariaHidden: "true" }, point(i, lines.length));
    return make("div", { className: lineClass(i, form) }, ...characters, mark);
  });
}
