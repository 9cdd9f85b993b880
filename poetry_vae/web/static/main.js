// The page: tabs, settings, and the exchange between its parts.

import { Refused, ask, events, get } from "./api.js";
import * as asking from "./asking.js";
import * as desk from "./desk.js";
import * as kept from "./kept.js";
import { draw } from "./picture.js";
import { about, asText, make, secondStanza, setLines, shown, view } from "./poem.js";
import { GIVEN_UP, errorSentence, isEnglish, say, speak } from "./words.js";

const $ = (id) => document.getElementById(id);
const TABS = ["write", "wander", "reply", "kept"];
const RHYMES = "东冬江支微鱼虞齐佳灰真文元寒删先萧肴豪歌麻阳庚青蒸尤侵覃盐咸";
let drawing = null; // ends the drawing that is under way
let way = [];
let cards = []; // [element, poem] of all poems shown small

let fading = 0;
function tell(text) {
  clearTimeout(fading);
  $("status").textContent = text;
  if (text) fading = setTimeout(() => { $("status").textContent = ""; }, 3500);
}
const showError = (error) => tell(errorSentence(error.errors?.[0] ?? { kind: "", message: error.message }));

async function guarded(work, failed = showError) {
  try {
    await work();
  } catch (error) {
    if (error instanceof Refused) failed(error);
    else if (error.name !== "AbortError") throw error;
  }
}

// Tabs

function turnTo(name) {
  for (const each of TABS) {
    $(each).hidden = each !== name;
    $(`tab-${each}`).setAttribute("aria-selected", String(each === name));
    $(`tab-${each}`).tabIndex = each === name ? 0 : -1;
  }
  if (name !== "write") desk.choose(null);
  if (name === "kept") showKept();
}
TABS.forEach((name, i) => {
  $(`tab-${name}`).onclick = () => turnTo(name);
  $(`tab-${name}`).onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = TABS[(i + step + TABS.length) % TABS.length];
    turnTo(next);
    $(`tab-${next}`).focus();
  };
});

// Settings

function applyView() {
  document.body.classList.toggle("vertical", view.vertical);
  document.body.classList.toggle("tones", view.tones);
  $("set-script").setAttribute("aria-pressed", String(view.script === "traditional"));
  for (const name of ["vertical", "tones", "pinyin"]) $(`set-${name}`).setAttribute("aria-pressed", String(view[name]));
  $("set-language").textContent = say("EN", "中文");
  $("set-language").lang = say("en", "zh");
}
function set(name, value) {
  view[name] = value;
  localStorage.setItem(name, value);
  applyView();
  showAll();
}
$("set-script").onclick = () => set("script", view.script === "traditional" ? "simplified" : "traditional");
for (const name of ["vertical", "tones", "pinyin"]) $(`set-${name}`).onclick = () => set(name, !view[name]);
$("set-language").onclick = () => {
  speak(isEnglish() ? "zh" : "en");
  showAll();
  applyView();
};
function showAll() {
  cards = cards.filter(([element]) => element.isConnected);
  for (const [element, poem] of cards) guarded(() => fillCard(element, poem));
  desk.show();
  if (way.length) showWay();
  showCount();
}

// Poems that are shown small

function card(poem, ...buttons) {
  const open = make("button", { type: "button", className: "open-poem" });
  const element = make(
    "article", { className: "card" },
    make("div", { className: "poem" }), make("p", { className: "about" }),
    make("div", { className: "tools" }, open, ...buttons),
  );
  const show = (where) => {
    turnTo("write");
    for (const [other] of cards) other.classList.toggle("open", other === element);
    return guarded(async () => {
      await desk.open(poem, where);
      $("desk").scrollIntoView({ block: "nearest" });
    });
  };
  open.onclick = async () => {
    await show(null);
    $("poem").querySelector(".char")?.focus();
  };
  element.querySelector(".poem").onclick = (event) => {
    const { line, place } = event.target.dataset;
    show(line ? [Number(line), Number(place)] : null);
  };
  cards.push([element, poem]);
  guarded(() => fillCard(element, poem));
  return element;
}
async function fillCard(element, poem) {
  const lines = await shown(poem);
  element.querySelector(".poem").replaceChildren(...setLines(lines, poem.form));
  element.querySelector(".about").textContent = about(poem);
  element.querySelector(".open-poem").textContent = say("推敲", "Work on it");
}

// Ask

async function drawPoems(path, body, heading, open = 0) {
  drawing?.abort();
  const mine = (drawing = new AbortController());
  const title = make("h2", { className: "waiting" }, heading);
  $("drawn").replaceChildren(title);
  $("empty").hidden = true;
  $("go").disabled = true;
  $("stop").hidden = false;
  try {
    for await (const [name, value] of events(path, { ...body, script: "traditional" }, mine.signal)) {
      if (name === "note") title.append(` · ${value.replace("keywords:", say("取词：", "keywords:")).replace("subject:", say("题旨：", "subject:"))}`);
      if (name !== "poem") continue;
      const { form, lines, seed, index, rules, about, dynasty } = value;
      const poem = { form, lines, seed, index, asked: { ...rules, about, dynasty, n: body.n } };
      const element = card(poem);
      $("drawn").append(element);
      if (index === open && path === "/poems") {
        element.classList.add("open");
        await desk.open(poem);
        if (matchMedia("(max-width: 48rem)").matches) $("work").scrollIntoView();
      }
    }
  } finally {
    if (mine === drawing) {
      title.classList.remove("waiting");
      if (!$("drawn").querySelector(".card")) {
        if (path === "/revise" && !mine.signal.aborted) title.append(` · ${say("没有别的写法", "no other version")}`);
        else $("drawn").replaceChildren();
      }
      $("empty").hidden = Boolean(desk.current() || $("drawn").childElementCount);
      $("go").disabled = false;
      $("stop").hidden = true;
    }
  }
}

async function write(open) {
  asking.clearErrors();
  await guarded(
    () => drawPoems("/poems", asking.wishes(), say("新作", "Drawn"), open),
    (error) => asking.showErrors(error.errors),
  );
}
$("ask").onsubmit = (event) => {
  event.preventDefault();
  write();
};
$("stop").onclick = () => drawing?.abort();
$("clear").onclick = () => asking.clearErrors();

$("vary").onclick = () => guarded(() => {
  const { lines, form } = desk.current();
  return drawPoems("/revise", { poem: lines.join("，"), form, n: 3, ...desk.unlocked() }, say("变体", "Variations"));
});

// Keep, copy, picture, link

$("keep").onclick = () => {
  tell(kept.keep(desk.current()) ? say("已收藏", "Kept") : say("已在收藏中", "Already kept"));
  showCount();
};
function showCount() {
  const n = kept.all().length;
  $("kept-count").textContent = n ? String(n) : "";
  $("kept-empty").hidden = n > 0;
  $("copy-all").hidden = n === 0;
}
function showKept() {
  $("kept-list").replaceChildren(...kept.all().map((poem) => {
    const copyIt = make("button", { type: "button" }, say("复制", "Copy"));
    copyIt.onclick = () => guarded(async () => copy(asText(await shown(poem))));
    const drop = make("button", { type: "button", className: "drop" }, say("删除", "Remove"));
    const element = card(poem, copyIt, drop);
    drop.onclick = () => {
      kept.drop(poem);
      element.remove();
      showCount();
    };
    return element;
  }));
  showCount();
}
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no secure context, or no leave to
    const area = make("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  tell(say("已复制", "Copied"));
}
$("copy").onclick = () => copy(asText(desk.currentReading()[view.script]));
$("copy-all").onclick = () => guarded(async () => copy((await Promise.all(kept.all().map(shown))).map(asText).join("\n\n")));
$("link").onclick = () => {
  const poem = desk.current();
  const wishes = poem.seed === undefined ? {} : { ...poem.asked, seed: poem.seed, open: poem.index || undefined };
  const url = asking.address({ form: poem.form, ...wishes, poem: poem.isChanged || poem.seed === undefined ? poem.lines.join("，") : undefined });
  history.replaceState(null, "", url);
  copy(url);
};

function showPicture() {
  const lines = desk.currentReading()[view.script];
  localStorage.setItem("author", $("author").value);
  localStorage.setItem("style", $("style").value);
  $("canvas").setAttribute("aria-label", asText(lines));
  draw($("canvas"), lines, { style: $("style").value, author: $("author").value });
}
$("picture").onclick = () => {
  $("author").value = localStorage.getItem("author") ?? "";
  $("style").value = localStorage.getItem("style") ?? "paper";
  showPicture();
  $("picture-dialog").showModal();
};
$("style").onchange = $("author").oninput = showPicture;
$("save-picture").onclick = () => $("canvas").toBlob((blob) => {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: `${desk.currentReading()[view.script][0]}.png` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
});

// Wander

for (const end of ["start", "end"]) {
  $(`as-${end}`).onclick = () => {
    $(end).value = asText(desk.currentReading()[view.script]).replaceAll("\n", "");
    turnTo("wander");
    $($("start").value ? "end" : "start").focus();
  };
}
function showWay() {
  const poem = way[$("slider").value];
  $("way-about").textContent = `${poem.form} · ${Number($("slider").value) + 1} / ${way.length}`;
  guarded(async () => {
    const lines = await shown(poem);
    if (poem === way[$("slider").value]) $("way-poem").replaceChildren(...setLines(lines, poem.form));
    $("slider").setAttribute("aria-valuetext", lines.join("，"));
  });
}
function submits(name, button, work) {
  const place = $(`${name}-error-`);
  const showErrors = (error) => {
    place.textContent = error.errors.map((each) => {
      const label = document.querySelector(`label[for="${each.field}"]`)?.textContent;
      return (label ? `${label}：` : "") + errorSentence(each);
    }).join(" ");
  };
  $(`${name}-form`).onsubmit = (event) => {
    event.preventDefault();
    place.textContent = "";
    $(button).disabled = true;
    guarded(work, showErrors).finally(() => { $(button).disabled = false; });
  };
}
submits("wander", "walk", async () => {
  const answer = await ask("/interpolate", { start: $("start").value, end: $("end").value, steps: 12, script: "traditional" });
  way = answer.poems.filter((poem, i, all) => !i || poem.lines.join() !== all[i - 1].lines.join());
  $("slider").max = way.length - 1;
  $("slider").value = 0;
  $("way").hidden = false;
  showWay();
  $("slider").focus();
});
$("slider").oninput = showWay;
$("way-open").onclick = () => {
  turnTo("write");
  guarded(() => desk.open(way[$("slider").value]));
};

// Reply

submits("reply", "answer", async () => {
  const line = $("line").value.trim();
  const { replies } = await ask("/reply", { line, n: 6, script: "traditional" });
  const form = { 5: "五言联", 7: "七言联" }[[...replies[0].line].length];
  const found = await Promise.all(replies.map((each) => shown({ lines: [line, each.line] }).catch(() => [line, each.line])));
  $("replies").replaceChildren(
    make("li", { className: "first" }, found[0][0]),
    ...replies.map((each, i) => {
      const button = make("button", { type: "button" }, found[i][1]);
      button.onclick = () => guarded(async () => {
        const reading = await ask("/metre", { poem: `${line}，${each.line}` });
        turnTo("write");
        await desk.open({ form: form ?? `2x${[...each.line].length}`, lines: reading.traditional });
      });
      const without = each.given_up.map((text) => (isEnglish() ? text : GIVEN_UP[text] ?? text)).join(say("、", ", "));
      return make("li", {}, button, without ? make("small", {}, say(`放宽${without}`, `without ${without}`)) : "");
    }),
  );
});

// Begin

async function begin() {
  asking.prepare();
  for (const name of RHYMES) $("rhymes").append(new Option(name));
  $("rhymes").append(new Option(say("任一韵部", "any group"), "any"));
  speak();
  applyView();
  showCount();
  desk.start(tell, showError);
  const [{ forms }, { models }] = await Promise.all([get("/forms"), get("/models")]);
  for (const form of forms) secondStanza.set(form.name, form.second_stanza);
  for (const kind of ["诗", "词"]) {
    const written = forms.filter((form) => form.is_written && form.kind === kind);
    if (kind === "词") $("tunes").append(...written.map((form) => new Option(form.name)));
    if (written.length) $("form").append(make("optgroup", { label: kind }, ...written.map((form) => new Option(form.name, form.name, form.name === "七绝", form.name === "七绝"))));
  }
  if (![...$("form").options].some((option) => option.selected)) $("form").selectedIndex = 0;
  document.querySelector("[data-for-subject]").hidden = !models.some((model) => model.takes_subject);
  const dynasties = [...new Set(models.flatMap((model) => model.dynasties))];
  document.querySelector("[data-for-dynasty]").hidden = !dynasties.length;
  $("dynasty").append(...dynasties.map((name) => new Option(name)));
  const { pinyin } = await ask("/metre", { poem: "白日依山尽，黄河入海流" });
  $("set-pinyin").hidden = pinyin === null;
  await restore();
}
async function restore() {
  const asked = asking.fromAddress();
  if (!asked) return;
  turnTo("write");
  asking.fill(asked);
  if (asked.seed !== undefined) await write(Number(asked.open ?? 0));
  if (asked.poem) {
    const reading = await ask("/metre", { poem: asked.poem });
    await desk.open({ form: asked.form, lines: reading.traditional, isChanged: asked.seed !== undefined });
  }
}
window.addEventListener("hashchange", () => guarded(restore));
guarded(begin).finally(() => { document.body.dataset.ready = "true"; });
