"use strict";
// Draws what the page holds as data. Text of a model reaches the document through textContent alone.
const PASS = 9, VALID_FROM = 3, COLOURS = [null, "--void", "--void", "--tampered", "--crash", "--crash", "--slow",
  "--error", null, "--pass"];
const WORDS = ["not run", "test error", "vacuous", "tampered", "crash", "memory", "timeout", "error", "fail", "pass"];
const SHAPES = JSON.parse(document.getElementById("shapes").textContent);
const probe = document.body.appendChild(make("i", {hidden: ""}));
const open = [];
let repaint = () => {};
const smooth = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

async function inflate(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), c => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// -- matrices: each is N rows of [correct flag, M verdicts], rows and columns already sorted ----------------------

const planes = inflate("planes").then(buffer => {
  const all = new Uint8Array(buffer);
  let start = 0;
  return SHAPES.map(([n, m]) => all.subarray(start, start += n * (m + 1)));
});

function colour(name) {
  probe.style.color = `var(${name})`;
  return [...getComputedStyle(probe).color.match(/\d+/g).slice(0, 3).map(Number), 255];
}

function palette() {
  return {right: colour("--right"), wrong: colour("--wrong"), verdicts: COLOURS.map(name => name && colour(name))};
}

function paint(canvas, plane, [n, m], gutter, ink, rows, columns) {
  const image = new ImageData(m + gutter, n);
  for (let i = 0; i < n; i++) {
    const from = (rows ? rows[i] : i) * (m + 1), to = i * (m + gutter) * 4, flag = plane[from];
    for (let j = 0; j < gutter - (gutter > 1 ? 1 : 0); j++) if (flag < 2) image.data.set(flag ? ink.right : ink.wrong, to + j * 4);
    for (let j = 0; j < m; j++) {
      const pixel = ink.verdicts[plane[from + 1 + (columns ? columns[j] : j)]];
      if (pixel) image.data.set(pixel, to + (gutter + j) * 4);
    }
  }
  canvas.width = m + gutter;
  canvas.height = n;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function paintThumbnails(all, thumbnails) {
  const ink = palette();
  for (const canvas of thumbnails) {
    const k = Number(canvas.dataset.index);
    paint(canvas, all[k], SHAPES[k], Math.max(2, Math.round(SHAPES[k][1] / 12)), ink);
  }
}

async function paintAtLeisure() {
  const all = await planes, thumbnails = [...document.querySelectorAll("canvas.thumb")], left = [...thumbnails];
  while (left.length) {
    paintThumbnails(all, left.splice(0, 40));
    await new Promise(done => setTimeout(done));
  }
  // from now on at once: a page that is printed does not wait
  repaint = () => {
    paintThumbnails(all, thumbnails);
    for (const matrix of open) matrix.paint();
  };
  document.documentElement.dataset.painted = "yes";
}

// -- code ------------------------------------------------------------------------------------------------------

const TOKENS = new RegExp([
  /(?<c>#[^\n]*)/, /(?<s>[rbfuRBFU]{0,2}(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))/,
  /(?<k>\b(?:False|None|True|and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield)\b)/,
  /(?<n>\b\d[\w.]*)/, /(?<a>\b(?:assert|fail)[A-Z]\w*)/, /(?<i>\b[A-Za-z_]\w*)/].map(part => part.source).join("|"), "g");

function code(text, other) {
  const pre = make("pre", {class: "code", tabindex: "0"}), known = other && new Set(other.split("\n").map(s => s.trim()));
  let line = make("span", {class: "line"});
  const put = (piece, kind) => piece.split("\n").forEach((part, k) => {
    if (k) { close(); }
    if (part) line.append(kind ? make("span", {class: "t-" + kind}, part) : part);
  });
  const close = () => {
    const content = line.textContent;
    if (known && content.trim() && !known.has(content.trim())) line.classList.add("differs");
    pre.append(line, "\n");
    line = make("span", {class: "line"});
  };
  let at = 0;
  text = text.trimEnd();
  for (const match of text.matchAll(TOKENS)) {
    put(text.slice(at, match.index), "");
    const kind = Object.keys(match.groups).find(name => match.groups[name] !== undefined);
    put(match[0], kind === "i" ? "" : kind);
    at = match.index + match[0].length;
  }
  put(text.slice(at), "");
  close();
  return pre;
}

function card(heading, badge, note, ...body) {
  const title = make("h4", {}, heading);
  if (badge) title.append(" ", make("span", {class: "badge " + badge}, {right: "correct", wrong: "wrong"}[badge] || badge));
  return make("section", {class: "card"}, title, note ? make("p", {class: "note"}, note) : "", ...body);
}

// -- one problem -------------------------------------------------------------------------------------------------

class Matrix {
  constructor(plane, shape, data) {
    [this.plane, this.shape, this.data] = [plane, shape, data];
    const [n, m] = shape;
    this.rows = [...Array(n).keys()];
    this.columns = [...Array(m).keys()];
    this.wide = Math.max(2, Math.min(20, Math.floor(600 / Math.max(m, 1))));
    this.tall = Math.max(4, Math.min(20, Math.floor(480 / n)));
    this.gutter = Math.max(2, Math.ceil(14 / this.wide));
    this.canvas = make("canvas", {class: "matrix"});
    this.cursor = make("div", {class: "cursor", hidden: ""});
    this.pins = make("div", {class: "pins", "aria-hidden": "true"});
    this.stage = make("div", {class: "stage", tabindex: "0", role: "application", "aria-roledescription": "reward matrix",
      "aria-label": `${n} candidate solutions by ${m} unit tests; arrow keys move, the cell is described below`},
      this.canvas, this.pins, this.cursor);
    this.stage.style.width = `${(m + this.gutter) * this.wide}px`;
    this.stage.style.height = `${n * this.tall}px`;
    this.stage.addEventListener("click", event => {
      const box = this.canvas.getBoundingClientRect();
      this.move(Math.floor((event.clientY - box.top) / this.tall),
        Math.floor((event.clientX - box.left) / this.wide) - this.gutter);
    });
    this.stage.addEventListener("keydown", event => {
      const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-10, 0],
        PageDown: [10, 0], Home: [0, -m], End: [0, m]}[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.move(this.i + step[0], this.j + step[1]);
    });
    this.arrange("votes");
  }

  paint() { paint(this.canvas, this.plane, this.shape, this.gutter, palette(), this.rows, this.columns); }

  flag(row) { return this.plane[row * (this.shape[1] + 1)]; }

  verdict(row, column) { return this.plane[row * (this.shape[1] + 1) + 1 + column]; }

  arrange(order) {
    const by = key => (a, b) => key(a) - key(b) || a - b;
    const sampled = order === "sampled";
    this.rows.sort(sampled ? by(r => this.data.rows[r]) : order === "truth" ? by(r => -(this.flag(r) === 1)) : by(r => 0));
    this.columns.sort(sampled ? by(c => this.data.columns[c]) : by(c => 0));
    this.paint();
    this.pins.replaceChildren(
      ...this.data.telling.map(t => this.pin(`pin column ${t.helps === false ? "wrong" : "right"}`, "left",
        (this.columns.indexOf(t.column) + this.gutter + 0.5) * this.wide)),
      this.pin("pin row", "top", (this.rows.indexOf(this.data.chosen) + 0.5) * this.tall));
    if (this.data.rival !== null)
      this.pins.append(this.pin("pin row rival", "top", (this.rows.indexOf(this.data.rival) + 0.5) * this.tall));
    if (this.row !== undefined) this.show(this.row, this.column);
  }

  pin(kind, side, distance) {
    const pin = make("span", {class: kind});
    pin.style[side] = `${distance}px`;
    return pin;
  }

  move(i, j) {
    const clamp = (value, size) => Math.max(0, Math.min(size - 1, value));
    this.show(this.rows[clamp(i, this.shape[0])], this.columns[clamp(j, this.shape[1])]);
  }

  show(row, column) {
    [this.row, this.column, this.i, this.j] = [row, column, this.rows.indexOf(row), this.columns.indexOf(column)];
    this.cursor.hidden = false;
    this.cursor.style.transform = `translate(${(this.j + this.gutter) * this.wide}px, ${this.i * this.tall}px)`;
    this.cursor.style.width = `${this.wide}px`;
    this.cursor.style.height = `${this.tall}px`;
    if (this.onmove) this.onmove(row, column);
  }
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const truth = flag => ["wrong", "right", ""][flag];

async function fill(details) {
  const k = Number(details.dataset.index), body = details.querySelector(".body"), shape = SHAPES[k], [n, m] = shape;
  const data = JSON.parse(new TextDecoder().decode(await inflate("problem-" + k)));
  const matrix = new Matrix((await planes)[k], shape, data);
  const votes = row => data.votes[row];
  const passes = column => data.rows.reduce((sum, _, i) => sum + (matrix.verdict(i, column) === PASS), 0);
  const solution = row => data.solutions[data.row_text[row]], test = column => data.tests[data.column_text[column]];
  const alone = (row, other) => data.columns.filter((_, j) => matrix.verdict(row, j) === PASS
    && matrix.verdict(other, j) !== PASS).length;
  const candidate = (heading, row, other) => card(`${heading}: candidate ${data.rows[row]}`, truth(matrix.flag(row)),
    plural(votes(row), "vote") + (other === null ? "" : `, ${alone(row, other)} from tests that the other fails`),
    code(solution(row), other === null ? null : solution(other)));

  const inspector = make("div", {class: "inspector"}), said = make("p", {class: "said", role: "status"});
  matrix.onmove = (row, column) => {
    const verdict = WORDS[matrix.verdict(row, column)], flag = ["wrong, ", "correct, ", ""][matrix.flag(row)];
    const reason = data.reasons[column];
    said.textContent = `candidate ${data.rows[row]} (${flag}${plural(votes(row), "vote")}) × test ${data.columns[column]} `
      + `(passes ${passes(column)} of ${n}): ${verdict}${reason ? ", " + reason : ""}`;
    inspector.replaceChildren(code(solution(row)), code(test(column)), make("p", {class: "note"}, "Run it again: ",
      make("code", {}, `${data.explain} ${data.rows[row]} ${data.columns[column]}`)));
  };

  const orders = make("fieldset", {class: "orders"}, make("legend", {}, "Sort"));
  for (const [value, words] of [["votes", "by votes"], ["truth", "correct first"], ["sampled", "as sampled"]]) {
    if (value === "truth" && matrix.flag(0) === 2) continue;
    const input = make("input", {type: "radio", name: "order-" + k, value});
    input.checked = value === "votes";
    input.addEventListener("change", () => matrix.arrange(value));
    orders.append(make("label", {}, input, words));
  }
  const present = [...new Set(matrix.plane.filter((_, at) => at % (m + 1)))].filter(v => COLOURS[v]).sort((a, b) => b - a);
  const legend = make("ul", {class: "legend"}, ...present.map(v =>
    make("li", {class: "v-" + COLOURS[v].slice(2)}, WORDS[v])));
  if (matrix.flag(0) < 2) legend.append(make("li", {class: "v-right"}, "correct candidate"), make("li", {class: "v-wrong"}, "wrong candidate"));

  body.replaceChildren(
    make("details", {class: "prompt"}, make("summary", {}, "The problem"), code(data.prompt)),
    make("div", {class: "bench"},
      make("figure", {}, orders, make("div", {class: "scroll"}, matrix.stage), make("figcaption", {}, legend,
        `${n} candidates (rows) × ${m} tests (columns). The strong arrow marks the chosen candidate`
        + (data.rival === null ? "" : ", the faint one the candidate it is compared with")
        + (data.telling.length ? "; arrows on top, the telling tests." : "."))),
      make("div", {class: "cell"}, said, inspector)),
    make("div", {class: "pair"},
      candidate(data.tied > 1 ? `Chosen (one of ${data.tied} tied)` : "Chosen", data.chosen,
        data.rival),
      data.rival === null ? "" : candidate(data.rival_is, data.rival, data.chosen)),
    data.telling.length ? make("div", {class: "pair"}, ...data.telling.map(t =>
      card(`${t.helps === null ? "Telling" : t.helps ? "Helping" : "Misleading"}: test ${data.columns[t.column]}`,
        "", `${t.caption}; the chosen one: ${WORDS[matrix.verdict(data.chosen, t.column)]}`
        + (data.rival === null ? "" : `, its rival: ${WORDS[matrix.verdict(data.rival, t.column)]}`), code(test(t.column))))) : "");
  if (m) matrix.show(data.chosen, data.telling.length ? data.telling[0].column : 0);
  else said.textContent = "This problem has no unit tests.";
  for (const pre of body.querySelectorAll(".pair .code")) {
    const first = pre.querySelector(".differs");
    if (first) pre.scrollTop = first.offsetTop - 60;
  }
  open.push(matrix);
  details.dataset.filled = "yes";
}

// -- the page ----------------------------------------------------------------------------------------------------

for (const details of document.querySelectorAll("details.problem"))
  details.addEventListener("toggle", () => {
    if (details.open && !details.dataset.filled) {
      details.dataset.filled = "filling";
      fill(details).catch(error => {
        details.querySelector(".body").textContent = "This problem cannot be shown: " + error.message;
      });
    }
  });

function reveal() {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (!target) return;
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  target.scrollIntoView({behavior: smooth});
}
addEventListener("hashchange", reveal);

const theme = document.getElementById("theme");
theme.addEventListener("click", () => {
  const dark = (document.documentElement.dataset.theme
    || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  repaint();
});
for (const query of ["print", "(prefers-color-scheme: dark)"])
  matchMedia(query).addEventListener("change", () => repaint());
theme.hidden = false;
paintAtLeisure();
reveal();
