// The page of the chat. Text from outside is only ever put in with textContent.

import { WebSocket } from "./client.js";

const $ = (id) => document.getElementById(id);
const [entries, composer, text, naming, nameField] = ["entries", "composer", "text", "naming", "name"].map($);

const LOG_LIMIT = 500;
const KEY = "hawser-chat-name";
const people = new Set();
let me = ""; // the name that the server gave us: the one asked for, or that one with a number
let wanted = stored(() => sessionStorage.getItem(KEY)); // a window keeps its name; a new one proposes the last
let ws; // undefined until one has joined

// ---- The connection -----------------------------------------------------------------------------------------------

function connect() {
  showState("Connecting…", false);
  ws = new WebSocket(address, handler, { reconnect: true });
}

/** The client asks for it before each dial: the name may be another one by then. */
function address() {
  const url = new URL("chat", location.href);
  url.searchParams.set("name", wanted);
  return url;
}

const handler = {
  dataType: "object",
  onMessage(_ws, { data: message }) {
    receive[message.type]?.(message);
    showPeople();
  },
  onReconnecting() {
    leave("Reconnecting…");
  },
  onTerminate() {
    leave("Not connected");
  },
};

function leave(state) {
  showState(state, false);
  people.clear();
  showPeople();
}

const receive = {
  welcome({ name, people: names }) {
    addNotice(me === "" ? `Welcome, ${name}.` : `Welcome back, ${name}.`);
    me = name;
    people.clear();
    names.forEach((each) => people.add(each));
    showState("Connected", true);
  },
  "new client"({ name }) {
    people.add(name);
    addNotice(`${name} came in.`);
  },
  "client left"({ name }) {
    people.delete(name);
    addNotice(`${name} left.`);
  },
  renamed({ from, to }) {
    people.delete(from);
    people.add(to);
    addNotice(from === me ? `You are now ${to}.` : `${from} is now ${to}.`);
    if (from === me) me = to;
  },
  message: ({ name, text }) => addMessage(name, text),
  refused: ({ reason }) => addNotice(reason),
};

const isOpen = () => ws?.status === "Connected";

/** What a storage holds; nothing where the browser forbids it. */
function stored(access) {
  try {
    return access();
  } catch {
    return null;
  }
}

// ---- What one sees ------------------------------------------------------------------------------------------------

/** A new element, with text or with other elements in it. */
function element(tag, className, content) {
  const made = document.createElement(tag);
  made.className = className;
  if (typeof content === "string") made.textContent = content;
  else made.append(...content);
  return made;
}

/** A name's own colour, and its first letter in a disc. */
function avatar(name) {
  const disc = element("span", "avatar", [...name][0]);
  disc.ariaHidden = "true";
  return disc;
}
const hue = (name) => [...name].reduce((sum, letter) => (sum * 37 + letter.codePointAt(0) * 137) % 360, 0);

function showState(words, ready) {
  if ($("state").textContent !== words) $("state").textContent = words; // said aloud once, not at each attempt
  $("state").classList.toggle("ready", ready);
  $("send").disabled = !ready;
}

function showPeople() {
  const others = [...people].filter((name) => name !== me);
  const rows = (people.has(me) ? [me, ...others] : others).map((name) => {
    const row = element("li", "", [avatar(name), element("bdi", "", name)]);
    row.style.setProperty("--hue", hue(name));
    if (name === me) row.append(element("span", "you", "you"));
    return row;
  });
  $("people").replaceChildren(...rows);
  $("count").textContent = people.size;
  $("alone").hidden = people.size !== 1 || entries.querySelector(".message") !== null;
}

function addMessage(name, content) {
  const now = new Date();
  const time = element("time", "", now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = now.toISOString();
  const who = element("p", "who", [element("bdi", "", name), time]);
  const message = element("article", "message", [avatar(name), who, element("p", "bubble", content)]);
  message.style.setProperty("--hue", hue(name));
  message.dataset.name = name;
  message.classList.toggle("mine", name === me);
  message.classList.toggle("more", entries.lastElementChild.dataset.name === name); // the same person goes on
  add(message);
}

const addNotice = (words) => add(element("p", "notice", words));

function add(entry) {
  entries.append(entry);
  if (entries.childElementCount > LOG_LIMIT) entries.children[1].remove(); // 0 is the hint for who is alone
}

visualViewport?.addEventListener("resize", () => {
  // iOS lays the keyboard over the page without making it smaller, and pushes the page up.
  if (visualViewport.scale !== 1) return;
  document.body.style.setProperty("--height", `${visualViewport.height}px`);
  scrollTo(0, 0);
});

// ---- What one does ------------------------------------------------------------------------------------------------

composer.onsubmit = (event) => {
  event.preventDefault();
  const content = text.value.trim();
  if (content === "" || !isOpen()) return; // off line the draft stays where it is
  ws.send({ type: "message", text: content });
  addMessage(me, content);
  $("log").scrollTop = 0; // the end, see page.css
  showPeople();
  composer.reset();
  text.focus();
};

text.onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  composer.requestSubmit();
};

$("rename").onclick = () => ask("Change name");

function ask(verb) {
  $("verb").textContent = verb;
  nameField.value = wanted ?? stored(() => localStorage.getItem(KEY)) ?? "";
  naming.returnValue = "";
  naming.showModal();
  nameField.select();
}

naming.onclose = () => {
  const joining = ws === undefined; // then one joins, however the dialog was closed
  if (!joining && naming.returnValue !== "ok") return;
  wanted = nameField.value.trim();
  stored(() => [sessionStorage, localStorage].forEach((storage) => storage.setItem(KEY, wanted)));
  if (joining) connect();
  else if (isOpen()) ws.send({ type: "name", name: wanted });
  text.focus();
};

if (wanted === null) ask("Join");
else connect();
