import { type WSConnectionEvent, type WebSocketServerOptions, refuse } from "../../../src/hawser.ts";
import { holds } from "../../engine/target.ts";
import type { FuzzHandler } from "../../world/handler.ts";

/** How a server is set up, and what its `onConnection` answers. */
export interface Scenario {
  /** Whose web server it is: ours, the user's to which ours is attached, or the user's who hands sockets over. */
  readonly server: "own" | "attached" | "handed over";
  readonly options: WebSocketServerOptions;
  readonly answer: (event: WSConnectionEvent, handler: FuzzHandler) => unknown;
  /** Statuses that this scenario adds to those that every server may answer with. */
  readonly statuses: readonly number[];
  /** Whether it can ever let somebody in. */
  readonly accepts: boolean;
}

/** All that a server may answer with by itself. */
export const STATUSES: readonly number[] = [400, 403, 405, 408, 426, 431];

/** What Node answers for the user's own web server, and what that answers to plain requests. */
export const USERS: readonly number[] = [200, 400, 431];

const yes: Scenario = { server: "own", options: {}, answer: accept, statuses: [], accepts: true };
const no: Scenario = { ...yes, accepts: false };

/** The first is the default. */
export const SCENARIOS: readonly Scenario[] = [
  yes,
  { ...yes, options: { path: "/chat" }, statuses: [404] },
  { ...yes, options: { maxHeaderSize: 400, origins: "*" as unknown as readonly string[] } },
  { ...yes, options: { origins: ["https://example.com", "https://*.example.com", "null", "same"] } },
  { ...yes, server: "attached", options: { path: "/chat" }, statuses: [404] },
  { ...yes, server: "handed over", options: { path: "/chat" }, statuses: [404] },
  { ...yes, server: "attached", answer: async (...args) => Promise.resolve().then(() => accept(...args)) },
  { ...no, answer: () => new Promise(() => undefined), statuses: [503] },
  { ...no, answer: () => null },
  { ...no, answer: () => refuse(401, "Sign in first.", { "WWW-Authenticate": ["Basic", "Bearer"] }), statuses: [401] },
  { ...no, answer: () => Promise.reject(new Error("a handler's own")), statuses: [500] },
  { ...no, answer: () => ({ onMessage: "no function" }), statuses: [500] },
  { ...no, options: { origins: () => never() }, answer: never, statuses: [500] },
  { ...yes, options: { origins: (origin, { headers }) => origin === `http://${String(headers["host"])}` } },
];

/** Looks at all there is, picks a subprotocol and lets the client in. */
function accept(event: WSConnectionEvent, handler: FuzzHandler): FuzzHandler {
  const { headers, query, url, remoteAddress } = event.request;
  holds(
    Object.getPrototypeOf(headers) === null && Object.getPrototypeOf(query) === null,
    "headers or query have a prototype",
  );
  holds(typeof url === "string" && typeof remoteAddress === "string", "the request lacks its target or address");
  event.protocol = event.protocols.at(-1);
  return handler;
}

function never(): never {
  throw new Error("a handler's own");
}
