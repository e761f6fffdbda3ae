import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** What Node asks of its web server about a request with `Upgrade`. */
export interface AskedServer {
  /** Node 24.9 and later: whether such a request becomes an `upgrade` event. */
  shouldUpgradeCallback?: ((message: IncomingMessage) => unknown) | undefined;
  /** Node before: it becomes one if somebody listens to `upgrade`. */
  listenerCount: (event: string, ...more: never[]) => number;
}

type MessageClass = new (socket: Duplex) => IncomingMessage;

/**
 * Lets Node treat some requests with `Upgrade` as plain requests, as it does where nobody listens to `upgrade`. Node then reads
 * their body and what follows itself, with all its limits. Where Node asks in neither way, nothing changes.
 *
 * @param isPlain whether a request with `Upgrade` is a plain request
 * @returns a function that ends this
 */
export function decideUpgrades(server: AskedServer, isPlain: (message: IncomingMessage) => boolean): () => void {
  const before = server.shouldUpgradeCallback;
  if (typeof before !== "function") return decideByCount(server, isPlain);
  const decide = function (this: unknown, message: IncomingMessage): unknown {
    return isPlain(message) ? false : before.call(this, message);
  };
  server.shouldUpgradeCallback = decide;
  return () => {
    if (server.shouldUpgradeCallback === decide) server.shouldUpgradeCallback = before;
  };
}

/**
 * Node before 24.9 makes a message, reads its head, and asks for the number of listeners to `upgrade`. So the message made last
 * is the one that it asks about. The web server keeps the class of its messages under a symbol.
 */
function decideByCount(server: AskedServer, isPlain: (message: IncomingMessage) => boolean): () => void {
  const classes = server as unknown as Record<symbol, unknown>;
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === "IncomingMessage");
  const Message = key === undefined ? undefined : (classes[key] as MessageClass | undefined);
  if (key === undefined || typeof Message !== "function") return nothing;
  // It stays until the next request: one message for each web server.
  let last: IncomingMessage | undefined;
  // Not a subclass: messages stay what the application expects.
  const make = function (socket: Duplex): IncomingMessage {
    return (last = new Message(socket));
  };
  const isOwn = Object.hasOwn(server, "listenerCount");
  const before = server.listenerCount;
  const listenerCount = function (this: AskedServer, event: string, ...more: never[]): number {
    if (event === "upgrade" && last !== undefined && isAskedAbout(last)) {
      const message = last;
      last = undefined;
      if (isPlain(message)) return 0;
    }
    return before.call(this, event, ...more);
  };
  classes[key] = make;
  Object.defineProperty(server, "listenerCount", { value: listenerCount, configurable: true, writable: true });
  return () => {
    last = undefined;
    if (classes[key] === make) classes[key] = Message;
    if (server.listenerCount !== listenerCount) return;
    if (isOwn) server.listenerCount = before;
    else delete (server as Partial<AskedServer>).listenerCount;
  };
}

/** Node has set `upgrade` and not decided yet. Of CONNECT it does not ask. */
function isAskedAbout(message: IncomingMessage & { readonly upgrade?: unknown }): boolean {
  return message.upgrade === true && message.method !== "CONNECT";
}

function nothing(): void {
  // Node does not ask here.
}
