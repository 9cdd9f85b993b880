// Both languages: the chosen one, and its sentences about metre and errors.

let language = localStorage.getItem("language") === "en" ? "en" : "zh";
export const isEnglish = () => language === "en";
export const say = (zh, en) => (isEnglish() ? en : zh);

const ATTRIBUTES = { en: null, enLabel: "aria-label", enTitle: "title", enPlaceholder: "placeholder" };

/** Put the page into a language; the HTML has the Chinese texts, data-en-… the English ones. */
export function speak(wanted = language) {
  language = wanted;
  localStorage.setItem("language", language);
  document.documentElement.lang = say("zh-Hans", "en");
  for (const [key, attribute] of Object.entries(ATTRIBUTES)) {
    const selector = `[data-${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}]`;
    for (const element of document.querySelectorAll(selector)) {
      const now = attribute ? element.getAttribute(attribute) : element.textContent;
      element.dataset[`zh${key}`] ??= now ?? "";
      const text = isEnglish() ? element.dataset[key] : element.dataset[`zh${key}`];
      if (attribute) element.setAttribute(attribute, text);
      else element.textContent = text;
    }
  }
  document.title = say("写诗 · poetry-vae", "Verse · poetry-vae");
}

const NUMBERS = "〇一二三四五六七八九十";
export const numeral = (n) =>
  n <= 10 ? NUMBERS[n] : n < 20 ? `十${NUMBERS[n % 10].replace("〇", "")}` : [...String(n)].map((d) => NUMBERS[d]).join("");

const place = (line, position) => `第${numeral(line)}句第${numeral(position)}字`;

/** A sentence about one fault of a report by /metre. */
export function faultSentence(fault, report) {
  if (isEnglish()) return fault.explanation;
  const character = [...report.lines[fault.line - 1]][fault.position - 1];
  const tone = report.tones[fault.line - 1][fault.position - 1];
  const where = `${place(fault.line, fault.position)}「${character}」`;
  const line = `第${numeral(fault.line)}句`;
  switch (fault.kind) {
    case "平仄":
      return fault.explanation.includes("大拗")
        ? `${where}：应平而仄（大拗），下句未救`
        : `${where}：应${tone === "平" ? "仄" : "平"}而${tone}`;
    case "孤平": return `${where}：此字为仄，使句中平声孤立（孤平）`;
    case "三平尾": return `${where}：${line}末三字皆平（三平尾）`;
    case "字音": return `${where}：平仄未定`;
    case "对": return `${line}：与上句平仄相同，失对`;
    case "粘": return `${line}：与上联失粘`;
    case "韵": return `${where}：不押${rhymeNames(report)}韵`;
    case "首句韵": return `${where}：首句平收而不入韵`;
    default: return `${where}：${fault.kind}`;
  }
}

/** Sentences about departures from the rules that are still regular. */
export function savedSentences(report) {
  const turned = report.turned ?? [], borrowed = report.borrowed ?? [];
  if (isEnglish()) return [...turned, ...borrowed].map((each) => each.explanation);
  return [
    ...turned.map((each) => {
      const by = each.saved_by ? `，${place(each.saved_by.line, each.saved_by.position)}救之` : "，可不救";
      return `${place(each.line, each.position)}：${each.kind}${by}`;
    }),
    ...borrowed.map((each) => `第${numeral(each.line)}句借邻韵（${each.groups.join("、")}）`),
  ];
}

const rhymeNames = (report) => {
  const names = report.rhymes ?? [...new Set((report.line_rhymes ?? []).flat())];
  return names.length ? `「${names.slice(0, 3).join("／")}」` : "";
};

/** One line about a whole poem: template, rhyme, whether all is kept. */
export function verdict(report) {
  if (!report.tones) return say("这种体裁没有格律", "This form has no metre");
  const parts = [];
  if (report.template) parts.push(report.template.name);
  else if (report.style) parts.push(report.style === "词" ? `词・${report.form}` : report.style);
  if (rhymeNames(report)) parts.push(say(`${rhymeNames(report)}韵`, `rhyme ${rhymeNames(report)}`));
  if (report.ok) parts.push(say("合律", "keeps metre and rhyme"));
  else if (!report.faults.length) parts.push(say("不拘平仄", "has no metre to keep"));
  else parts.push(say(`出律 ${report.faults.length} 处`, `${report.faults.length} faults`));
  return parts.join("　");
}

const KINDS = {
  TimeLimit: "用时太长，请减少要求",
  Busy: "现在请求太多，请稍后再试",
  Leaving: "服务正在停止",
  TokenError: "口令不对",
  ServerError: "服务出错，原因见服务日志",
  Offline: "连不上服务：它还在运行吗？",
};
const MESSAGES = [
  [/no poem was found/, () => "写不出符合全部要求的诗，请放宽一些"],
  [/do not go together; leave out (.*)$/, (m) => `这些要求不能并存，请去掉：${m[1]}`],
  [/has (\d+) characters, but a (\S+) needs .*?(\d+) in all/, (m) => `有 ${m[1]} 字，而${m[2]}需要 ${m[3]} 字`],
  [/line (\d+) \('?(.*?)'?\) has (\d+) characters.* has (\d+)/, (m) => `第 ${m[1]} 句「${m[2]}」有 ${m[3]} 字，应为 ${m[4]} 字`],
  [/has (\d+) lines, and a (\S+) has (\d+)/, (m) => `有 ${m[1]} 句，而${m[2]}是 ${m[3]} 句`],
  [/lies outside: a (\S+) has (\d+) lines/, (m) => `${m[1]}只有 ${m[2]} 句，放不下`],
  [/lies outside: a (\S+) has (\d+) characters/, (m) => `${m[1]}每句只有 ${m[2]} 字`],
  [/(\d+) heads: a poem has at most 8/, (m) => `${m[1]} 个字太多：一首最多八句`],
  [/is no rhyme/, () => "没有这个韵：请写一个韵字或韵部的名称"],
  [/does not know the character (\S+):/, (m) => `不认识「${m[1]}」字，请换常用字`],
  [/no word was found/, () => "里面找不到可用的词"],
  [/is no pin/, () => "请写作「句,位=字」，如 2,3=月"],
  [/lines: give/, () => "只写一句，句中不要标点"],
  [/nothing at place/, () => "此处没有合律的字，请放宽"],
  [/nothing is to be written anew/, () => "全都锁住了，没有可重写的字"],
  [/no form is called/, () => "没有这种体裁或词牌；句式写作 5,5,7,7"],
  [/must have 1 to (\d+) lines of 1 to (\d+)/, (m) => `须有 1 至 ${m[1]} 句，每句 1 至 ${m[2]} 字`],
  [/no model for|the model writes/, () => "没有能写这种体裁的模型"],
  [/doublings are an exception/, () => "「允许叠字」要和「不用重字」一起选"],
  [/parallel/, () => "这种体裁没有可以对仗的联"],
  [/stands for a lost character|bracket/, () => "有缺字或不成对的括号"],
  [/unable to parse|valid integer|whole number/i, () => "请写一个整数"],
  [/at least 0|greater than|less than/i, () => "数值超出范围"],
  [/at most 2000/, () => "太长了"],
];

/** An error of the interface in the chosen language. */
export function errorSentence({ kind, message }) {
  if (isEnglish()) return message;
  if (KINDS[kind]) return KINDS[kind];
  for (const [pattern, told] of MESSAGES) {
    const found = message.match(pattern);
    if (found) return told(found);
  }
  return `做不到：${message}`;
}

/** The rules that a reply to a line does not keep, in Chinese. */
export const GIVEN_UP = {
  "words that end at the same places": "断句",
  "words of the same class": "词性",
  "opposed tones": "平仄",
};
