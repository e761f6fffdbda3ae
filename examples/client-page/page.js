import { WebSocket } from "/client.js";

const status = document.querySelector("#status");
const button = document.querySelector("button");
const list = document.querySelector("ol");

/** The handler: a page may have one as it may have any other object. */
const page = {
  onOpen() {
    status.textContent = "connected";
    button.disabled = false;
  },
  onMessage(_ws, { data }) {
    list.append(Object.assign(document.createElement("li"), { textContent: data }));
  },
  onReconnecting(_ws, { delay }) {
    status.textContent = `away, next try in ${Math.ceil(delay / 1000)} s`;
  },
  onTerminate(_ws, { code }) {
    status.textContent = `gone for good (${code})`;
    button.disabled = true;
  },
};

const ws = new WebSocket("/clock", page, {
  // What is asked while the page is away is answered later.
  reconnect: { whileAway: "queue" },
  // A browser cannot ping: the page asks, and the server answers by itself.
  probe: { request: "?", response: "!" },
});
button.addEventListener("click", () => ws.send("It is"));
