import { type WSConnectionEvent, type WebSocketServerOptions, refuse } from "../../../src/hawser.ts";
import { holds } from "../../engine/target.ts";
import type { FuzzHandler } from "../../harness/handler.ts";

/** How a server is configured, and what its `onConnection` returns. */
export interface Scenario {
  /** The web server: our own, one of the application that ours is attached to, or one that calls `handleUpgrade`. */
  readonly server: "own" | "attached" | "handleUpgrade";
  readonly options: WebSocketServerOptions;
  readonly answer: (event: WSConnectionEvent, handler: FuzzHandler) => unknown;
  /** Statuses that are allowed in this scenario only. */
  readonly statuses: readonly number[];
  /** Whether it can accept a client. */
  readonly accepts: boolean;
}

/** The statuses that are allowed in every scenario. */
export const STATUSES: readonly number[] = [400, 403, 405, 408, 426, 431];

/** The statuses that the application's web server answers with, or Node for it. */
export const APPLICATION_STATUSES: readonly number[] = [200, 400, 431];

const yes: Scenario = { server: "own", options: {}, answer: accept, statuses: [], accepts: true };
const no: Scenario = { ...yes, accepts: false };

/** The first is the default. */
export const SCENARIOS: readonly Scenario[] = [
  yes,
  { ...yes, options: { path: "/chat" }, statuses: [404] },
  { ...yes, options: { maxHeaderSize: 400, origins: ["*"] } },
  { ...yes, options: { origins: ["https://example.com", "https://*.example.com", "null", "same"] } },
  { ...yes, server: "attached", options: { path: "/chat" }, statuses: [404] },
  { ...yes, server: "handleUpgrade", options: { path: "/chat" }, statuses: [404] },
  { ...yes, server: "attached", answer: async (...args) => Promise.resolve().then(() => accept(...args)) },
  { ...no, answer: () => new Promise(() => undefined), statuses: [503] },
  { ...no, answer: () => null },
  { ...no, answer: () => refuse(401, "Sign in first.", { "WWW-Authenticate": ["Basic", "Bearer"] }), statuses: [401] },
  { ...no, answer: () => Promise.reject(new Error("thrown by the handler")), statuses: [500] },
  { ...no, answer: () => ({ onMessage: "no function" }), statuses: [500] },
  { ...no, options: { origins: () => never() }, answer: never, statuses: [500] },
  { ...yes, options: { origins: (origin, { headers }) => origin === `http://${String(headers.host)}` } },
];

/** Reads every property of the request, selects a subprotocol and accepts the client. */
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
  throw new Error("thrown by the handler");
}
