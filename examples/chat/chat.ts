/**
 * The chat of 4D's documentation: a welcome to the newcomer, "new client" to the others, every message to all others,
 * "client left" at the end. And what a page needs beyond that: names, and who is on line.
 */
import { HawserError, refuse } from "hawser";
import type { WSConnectionEvent, WSErrorEvent, WSMessageEvent, WebSocketConnection, WebSocketServer } from "hawser";

const NAME_LIMIT = 24;
const TEXT_LIMIT = 1000;
const ROOM_LIMIT = 200;

/** What the page sends. Nothing that comes in is trusted to look like this. */
export type FromPage = { type: "message"; text: string } | { type: "name"; name: string };

/** What the page gets. */
export type ToPage =
  | { type: "welcome"; name: string; people: string[] }
  | { type: "new client" | "client left"; name: string }
  | { type: "message"; name: string; text: string }
  | { type: "renamed"; from: string; to: string }
  | { type: "refused"; reason: string };

type Client = WebSocketConnection<Member>;

/** Answers the server: lets a client in and gives it a member of its own. */
export class Chat {
  onConnection(wss: WebSocketServer, event: WSConnectionEvent) {
    if (wss.connections.length >= ROOM_LIMIT) return refuse(503, "The room is full.");
    return new Member(event.request.query["name"]);
  }

  /** Hears of every error, for a Member has no onError. What a client does wrong is no news; a mistake of ours is. */
  onError(_wss: WebSocketServer, event: WSErrorEvent) {
    const cause = event.errors[0].cause;
    if (!(cause instanceof HawserError)) console.error(cause);
  }
}

/** Answers one client, and holds what the chat knows of it. */
export class Member {
  /** Empty until the client has come in. */
  name = "";
  readonly #wanted: unknown;

  constructor(wanted: unknown) {
    this.#wanted = wanted;
  }

  onOpen(ws: Client) {
    this.name = unusedName(ws, this.#wanted);
    const people = ws.wss.connections.map((client) => client.handler.name).filter((name) => name !== "");
    send(ws, { type: "welcome", name: this.name, people });
    tellOthers(ws, { type: "new client", name: this.name });
  }

  onMessage(ws: Client, event: WSMessageEvent<unknown>) {
    const { type, text, name } = Object(event.data) as Record<"type" | "text" | "name", unknown>;
    if (type === "message") this.#speak(ws, text);
    else if (type === "name") this.#rename(ws, name);
    else send(ws, { type: "refused", reason: "A message has the type “message” or “name”." });
  }

  onTerminate(ws: Client) {
    tellOthers(ws, { type: "client left", name: this.name });
  }

  #speak(ws: Client, text: unknown) {
    if (typeof text !== "string" || text.trim() === "") {
      send(ws, { type: "refused", reason: "There was no text in this message." });
    } else if (text.length > TEXT_LIMIT) {
      send(ws, { type: "refused", reason: `A message has at most ${TEXT_LIMIT} characters.` });
    } else {
      tellOthers(ws, { type: "message", name: this.name, text: text.trim() });
    }
  }

  #rename(ws: Client, wanted: unknown) {
    const from = this.name;
    this.name = unusedName(ws, wanted);
    const renamed: ToPage = { type: "renamed", from, to: this.name };
    if (renamed.to !== from) ws.wss.broadcast(renamed);
  }
}

function send(ws: Client, message: ToPage): void {
  ws.send(message);
}

function tellOthers(ws: Client, message: ToPage): void {
  ws.wss.broadcast(message, { except: ws });
}

/** The name asked for, cleaned and cut; with a number behind it when another client has it already. */
function unusedName(ws: Client, wanted: unknown): string {
  // Control and invisible characters go: a name that nobody can see, or that turns the line around, helps nobody.
  const visible = typeof wanted === "string" ? wanted.replace(/[\p{C}\p{Z}]+/gu, " ").trim() : "";
  const clean = Array.from(visible).slice(0, NAME_LIMIT).join("").trim() || "Guest";
  const taken = new Set(ws.wss.connections.filter((client) => client !== ws).map((client) => client.handler.name));
  let name = clean;
  for (let n = 2; taken.has(name); n++) name = `${clean} ${n}`;
  return name;
}
