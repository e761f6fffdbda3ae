// The page of the chat. Text from outside is only ever put in with textContent.

const $ = (id) => document.getElementById(id);
const [entries, composer, text, naming, nameField] = ["entries", "composer", "text", "naming", "name"].map($);

const LOG_LIMIT = 500;
const KEY = "hawser-chat-name";
const people = new Set();
let me = ""; // the name that the server gave us: the one asked for, or that one with a number
let wanted = stored(() => sessionStorage.getItem(KEY)); // a window keeps its name; a new one proposes the last
let socket;
let timer; // waits for the next attempt, or for the connection to have proved itself
let attempt = 0;

// ---- The connection -----------------------------------------------------------------------------------------------

function connect() {
  clearTimeout(timer);
  showState(attempt === 0 ? "Connecting…" : "Reconnecting…", false);
  const url = new URL("chat", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.searchParams.set("name", wanted);
  socket = new WebSocket(url);
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    receive[message.type]?.(message);
    showPeople();
  };
  socket.onclose = () => {
    clearTimeout(timer);
    showState("Reconnecting…", false);
    people.clear();
    showPeople();
    // Twice as long each time, up to 30 s, and by chance: a server that restarts is not met by all its pages at once.
    const longest = Math.min(30_000, 500 * 2 ** attempt++);
    timer = setTimeout(connect, longest * (0.5 + Math.random() / 2));
  };
}

/** No need to wait when the network or the reader comes back. */
function hurry() {
  if (socket?.readyState === WebSocket.CLOSED && !document.hidden) connect();
}
addEventListener("online", hurry);
document.addEventListener("visibilitychange", hurry);

const receive = {
  welcome({ name, people: names }) {
    addNotice(me === "" ? `Welcome, ${name}.` : `Welcome back, ${name}.`);
    me = name;
    people.clear();
    names.forEach((each) => people.add(each));
    showState("Connected", true);
    timer = setTimeout(() => (attempt = 0), 5000);
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

const isOpen = () => socket?.readyState === WebSocket.OPEN;

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
  socket.send(JSON.stringify({ type: "message", text: content }));
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
  const joining = socket === undefined; // then one joins, however the dialog was closed
  if (!joining && naming.returnValue !== "ok") return;
  wanted = nameField.value.trim();
  stored(() => [sessionStorage, localStorage].forEach((storage) => storage.setItem(KEY, wanted)));
  if (joining) connect();
  else if (isOpen()) socket.send(JSON.stringify({ type: "name", name: wanted }));
  text.focus();
};

if (wanted === null) ask("Join");
else connect();
