/**
 * <picture-desk>: suggestions of a Picturedesk server inside any page, in one file.
 *
 *   <script type="module" src="https://desk.example/element.js"></script>
 *   <picture-desk server="https://desk.example" key="…" text="The river rose …"></picture-desk>
 *
 * Attributes: `server` (where the desk is; default: where this file came from), `text` (the story;
 * without it the element has a field of its own), `key` (if the server asks for one), `k` (pictures,
 * 1 to 48), `where` (a condition), `route`, `lang` (en, de, zh). The property `text` sets the story
 * while it is written. When a picture is taken, the element records the choice and fires
 * `picture-chosen`; its `detail` has {picture, text, choice}; `choice` is null if none could be
 * recorded. `suggested` is fired with each answer, `desk-problem` with each refusal.
 */

const WAIT = 180; // milliseconds without a change before the desk is asked
const HEIGHT = 132; // pixels of a row
const GAP = 8;

const WORDS = {
  en: {
    label: "Story",
    hint: "Write or paste a story …",
    list: "Suggested pictures",
    none: "No picture found.",
    start: "Pictures appear while you write.",
    doubt: "There may be no good picture here.",
    found: "The right picture is among these with a chance of {chance}.",
    taken: "Chosen",
    use: "Use picture: {name}",
    strong: "Strong match",
    fair: "Fair match",
    weak: "Weak match",
    away: "The desk does not answer.",
  },
  de: {
    label: "Text",
    hint: "Text schreiben oder einfügen …",
    list: "Vorgeschlagene Bilder",
    none: "Kein Bild gefunden.",
    start: "Bilder erscheinen beim Schreiben.",
    doubt: "Vielleicht ist kein gutes Bild dabei.",
    found: "Das richtige Bild ist mit einer Chance von {chance} dabei.",
    taken: "Gewählt",
    use: "Bild nehmen: {name}",
    strong: "Passt sehr gut",
    fair: "Passt mittelgut",
    weak: "Passt wenig",
    away: "Das Pult antwortet nicht.",
  },
  zh: {
    label: "文章",
    hint: "输入或粘贴文章……",
    list: "推荐的图片",
    none: "没有找到图片。",
    start: "写作时图片随即出现。",
    doubt: "这里可能没有合适的图片。",
    found: "所需图片在其中的可能性为 {chance}。",
    taken: "已选择",
    use: "使用图片：{name}",
    strong: "非常匹配",
    fair: "一般匹配",
    weak: "不太匹配",
    away: "图片台没有回应。",
  },
};

const STYLE = `
:host { display: block; color-scheme: light dark; color: light-dark(#1d1b18, #ece9e3);
  --accent: light-dark(#a8441a, #f2976a); --quiet: light-dark(#625d55, #aba59b);
  --mat: light-dark(#edeae3, #262422); --edge: light-dark(#8f897e, #77716a);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
textarea { width: 100%; min-height: 96px; padding: 8px 12px; border: 1px solid var(--edge);
  border-radius: 6px; background: light-dark(#fff, #1b1a18); color: inherit; font: inherit;
  resize: vertical; }
p { margin: 8px 0; color: var(--quiet); font-size: 13px; }
ul { display: flex; flex-wrap: wrap; gap: ${GAP}px; margin: 0; padding: 0; list-style: none; }
button { display: block; position: relative; padding: 0; border: 0; border-radius: 6px;
  background: var(--mat); color: inherit; font: inherit; cursor: pointer; overflow: hidden; }
button:hover { box-shadow: 0 0 0 2px var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
img { display: block; width: 100%; height: 100%; object-fit: contain; }
.caption { display: block; width: 0; min-width: 100%; overflow: hidden; padding-top: 2px;
  font-size: 12px; text-overflow: ellipsis; white-space: nowrap; }
.taken button { box-shadow: 0 0 0 3px var(--accent); }
.mark { position: absolute; right: 4px; bottom: 4px; padding: 0 6px; border-radius: 4px;
  background: light-dark(#fff, #1b1a18); font-size: 12px; }
`;

/** An element by its tag, with attributes and children; strings become text. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

class PictureDesk extends HTMLElement {
  static observedAttributes = ["server", "text", "key", "k", "where", "route", "lang"];

  #root = this.attachShadow({ mode: "open" });
  #field = make("textarea", { part: "text" });
  #note = make("p", { role: "status", part: "note" });
  #list = make("ul", { role: "list", part: "pictures" });
  #written = "";
  #timer = 0;
  #latest = 0;
  #stop = null;
  #blobs = [];

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.append(this.#field, this.#note, this.#list);
    this.#field.addEventListener("input", () => {
      this.text = this.#field.value;
    });
  }

  /** The story that pictures are suggested for. */
  get text() {
    return this.#written || this.getAttribute("text") || "";
  }

  set text(value) {
    this.#written = String(value);
    if (this.#field.value !== this.#written) this.#field.value = this.#written;
    this.#askSoon();
  }

  connectedCallback() {
    this.#draw();
    this.#askSoon(0);
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#stop?.abort();
    this.#forget();
  }

  attributeChangedCallback(name) {
    if (name === "text") this.#written = "";
    if (!this.isConnected) return;
    this.#draw();
    this.#askSoon();
  }

  #draw() {
    this.#field.hidden = this.hasAttribute("text");
    this.#field.placeholder = this.#say("hint");
    this.#field.setAttribute("aria-label", this.#say("label"));
    this.#list.setAttribute("aria-label", this.#say("list"));
  }

  get #server() {
    const given = this.getAttribute("server");
    return new URL(given || import.meta.url, document.baseURI).origin;
  }

  get #language() {
    const named = this.getAttribute("lang") || document.documentElement.lang || navigator.language;
    const code = named.split("-")[0].toLowerCase();
    return code in WORDS ? code : "en";
  }

  #say(key, values = {}) {
    const text = WORDS[this.#language][key];
    return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  }

  #askSoon(wait = WAIT) {
    if (!this.isConnected) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), wait);
  }

  async #ask() {
    this.#stop?.abort();
    this.#stop = new AbortController();
    this.#latest += 1;
    const mine = this.#latest;
    const text = this.text.trim();
    if (!text) {
      this.#show([], this.#say("start"));
      return;
    }
    try {
      const answer = await this.#call("/suggest", this.#question(text), this.#stop.signal);
      if (mine !== this.#latest) return;
      this.#show(answer.suggestions, this.#sentence(answer));
      this.#tell("suggested", { found: answer.found, suggestions: answer.suggestions });
    } catch (problem) {
      if (problem.name === "AbortError" || mine !== this.#latest) return;
      this.#show([], problem.message || this.#say("away"));
      this.#tell("desk-problem", { message: problem.message, status: problem.status ?? 0 });
    }
  }

  #question(text) {
    const k = Math.min(48, Math.max(1, Number(this.getAttribute("k")) || 10));
    const options = { text, k };
    for (const name of ["where", "route"]) {
      if (this.getAttribute(name)) options[name] = this.getAttribute(name);
    }
    return options;
  }

  #sentence({ found, doubt, suggestions }) {
    if (suggestions.length === 0) return this.#say("none");
    if (doubt) return this.#say("doubt");
    if (found === null) return "";
    const format = new Intl.NumberFormat(this.#language, { style: "percent" });
    return this.#say("found", { chance: format.format(found) });
  }

  async #call(path, json, signal) {
    const headers = { ...this.#authorised(), "Content-Type": "application/json" };
    const request = { method: "POST", headers, body: JSON.stringify(json), signal };
    const answer = await fetch(`${this.#server}/v1${path}`, request);
    const document = await answer.json();
    if (answer.ok) return document;
    const problem = new Error([document.detail, document.cure].filter(Boolean).join(" "));
    problem.status = answer.status;
    throw problem;
  }

  #authorised() {
    const key = this.getAttribute("key");
    return key ? { Authorization: `Bearer ${key}` } : {};
  }

  #show(suggestions, note) {
    this.#note.textContent = note;
    this.#forget();
    this.#list.replaceChildren(...suggestions.map((one) => this.#item(one)));
  }

  #item(suggestion) {
    const { picture, match } = suggestion;
    const { width, height } = picture.columns ?? {};
    const aspect = width > 0 && height > 0 ? Math.min(2.2, Math.max(0.6, width / height)) : 1.4;
    const name = picture.caption || picture.uri.split(/[\\/]/).pop();
    const facts = [this.#say("use", { name }), match && this.#say(match), picture.credit];
    const image = make("img", { alt: "", decoding: "async" });
    const button = make(
      "button",
      { type: "button", "aria-label": facts.filter(Boolean).join(". "), title: name, part: "picture" },
      image,
    );
    button.style.width = `${Math.round(HEIGHT * aspect)}px`;
    button.style.height = `${HEIGHT}px`;
    this.#load(image, picture.key);
    const item = make("li", {}, button, make("span", { class: "caption" }, name));
    button.addEventListener("click", () => this.#choose(picture, item, button));
    return item;
  }

  async #load(image, key) {
    const address = `${this.#server}/v1/pictures/${encodeURIComponent(key)}/thumbnail?width=480`;
    if (!this.getAttribute("key")) {
      image.crossOrigin = "anonymous"; // tells the server which site asks
      image.src = address;
      return;
    }
    const answer = await fetch(address, { headers: this.#authorised() }).catch(() => null);
    if (!answer?.ok) return;
    const url = URL.createObjectURL(await answer.blob());
    this.#blobs.push(url);
    image.src = url;
  }

  #forget() {
    for (const url of this.#blobs) URL.revokeObjectURL(url);
    this.#blobs = [];
  }

  /** Records the choice where that is possible, and tells the page around. */
  async #choose(picture, item, button) {
    const text = this.text.trim();
    let choice = null;
    try {
      choice = await this.#call("/choices", { text, picture: picture.key });
    } catch (problem) {
      this.#tell("desk-problem", { message: problem.message, status: problem.status ?? 0 });
    }
    for (const other of this.#list.querySelectorAll(".taken")) {
      other.classList.remove("taken");
      other.querySelector(".mark")?.remove();
    }
    item.classList.add("taken");
    button.append(make("span", { class: "mark" }, this.#say("taken")));
    this.#tell("picture-chosen", { picture, text, choice });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

customElements.define("picture-desk", PictureDesk);
