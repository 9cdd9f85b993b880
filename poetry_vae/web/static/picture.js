// A poem as a picture, drawn with the reader's own fonts.

const HAN = '"Songti SC", "Noto Serif CJK SC", "Source Han Serif SC", STSong, SimSun, serif';
const WIDTH = 1080, EDGE = 120;
const STYLES = {
  paper: { ground: "#f8f3e6", ink: "#27221c", soft: "#83766a", seal: "#a4342a" },
  ruled: { ground: "#fcf8ee", ink: "#27221c", soft: "#83766a", seal: "#a4342a", rules: "#c96a5c" },
  ink: { ground: "#1b1a19", ink: "#efe8d9", soft: "#9d9485", seal: "#c24a3c" },
};
const DIGITS = "〇一二三四五六七八九";
const small = (n) => (n < 10 ? DIGITS[n] : `${n >= 20 ? DIGITS[Math.floor(n / 10)] : ""}十${n % 10 ? DIGITS[n % 10] : ""}`);

/** A day as it is written below poems. */
export const day = (date) =>
  `${[...String(date.getFullYear())].map((d) => DIGITS[d]).join("")}年${small(date.getMonth() + 1)}月${small(date.getDate())}日`;

/** Draw lines on a canvas: paper and ruled in columns from the right, ink in rows. */
export function draw(canvas, lines, { style = "paper", author = "", date = new Date() } = {}) {
  const look = STYLES[style];
  const isVertical = style !== "ink";
  const rows = lines.map((line) => [...line]);
  const longest = Math.max(...rows.map((row) => row.length));
  const along = isVertical ? rows.length : longest;
  const size = Math.floor(Math.min(92, (WIDTH - 2 * EDGE) / (along * (isVertical ? 1.62 : 1.14)), isVertical ? 1500 / longest : 92));
  const pitch = size * (isVertical ? 1.62 : 1.14);
  const deep = isVertical ? longest * size * 1.2 : rows.length * size * 1.75;
  const height = Math.max(Math.round(deep + 2 * EDGE + 210), 720);
  canvas.width = WIDTH;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  pen.fillStyle = look.ground;
  pen.fillRect(0, 0, WIDTH, height);
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  frame(pen, look, height);

  const top = (height - 190 - deep) / 2 + 20;
  const write = (text, x, y, px, colour) => {
    pen.font = `${px}px ${HAN}`;
    pen.fillStyle = colour;
    pen.fillText(text, x, y);
  };
  let at = (i, j, row) => [(WIDTH - row.length * pitch) / 2 + (j + 0.5) * pitch, top + (i + 0.5) * size * 1.75];
  if (isVertical) {
    const width = rows.length * pitch;
    const right = (WIDTH + width) / 2;
    if (look.rules) {
      pen.strokeStyle = look.rules;
      pen.lineWidth = 2;
      pen.strokeRect(right - width - 14, top - 24, width + 28, deep + 48);
      pen.beginPath();
      for (let i = 1; i < rows.length; i += 1) {
        pen.moveTo(right - i * pitch, top - 24);
        pen.lineTo(right - i * pitch, top + deep + 24);
      }
      pen.stroke();
    }
    at = (i, j) => [right - (i + 0.5) * pitch, top + (j + 0.5) * size * 1.2];
  }
  rows.forEach((row, i) => row.forEach((c, j) => write(c, ...at(i, j, row), size, look.ink)));
  pen.textAlign = "right";
  const under = [author, day(date)].filter(Boolean).join("　");
  write(under, WIDTH - EDGE - 80, height - 116, 28, look.soft);
  seal(pen, look, [...author.trim()][0] ?? "詩", WIDTH - EDGE - 56, height - 144);
}

function frame(pen, look, height) {
  pen.strokeStyle = look.soft;
  pen.globalAlpha = 0.5;
  pen.lineWidth = 2;
  pen.strokeRect(44, 44, WIDTH - 88, height - 88);
  pen.lineWidth = 1;
  pen.strokeRect(54, 54, WIDTH - 108, height - 108);
  pen.globalAlpha = 1;
}

function seal(pen, look, character, x, y) {
  pen.fillStyle = look.seal;
  pen.beginPath();
  pen.roundRect(x, y, 56, 56, 7);
  pen.fill();
  pen.textAlign = "center";
  pen.font = `36px ${HAN}`;
  pen.fillStyle = look.ground;
  pen.fillText(character, x + 28, y + 30);
}
