import type { Connection } from "../connection/connection.ts";
import type { ConnectionOwner } from "../connection/connection-owner.ts";
import type { ErrorSource, WSTerminateEvent } from "../connection/dispatch/events.ts";
import type { ConnectionSettings } from "../connection/settings.ts";
import { TOPIC_PROTOCOL } from "../topics/topic-request.ts";
import { attempt } from "../util/attempt.ts";
import { requestDecoder } from "./request-decoder.ts";
import { RequestDispatcher } from "./request-dispatcher.ts";

/** The owner of the connections of each server that use `hawser.v1`. It is made for the first of them. */
const ownersByServer = new WeakMap<ConnectionOwner, ConnectionOwner>();

/** Chooses `hawser.v1` for a handler with `onSubscribe`, if the client offers it. Undefined: it is not chosen. */
export function topicProtocolFor(handler: object, offered: readonly string[]): string | undefined {
  if (!offered.includes(TOPIC_PROTOCOL)) return undefined;
  // A getter of the application may throw.
  const hasOnSubscribe = attempt(() => typeof (handler as { onSubscribe?: unknown }).onSubscribe === "function");
  return hasOnSubscribe === true ? TOPIC_PROTOCOL : undefined;
}

/** The owner of a connection: `server` itself, unless its subprotocol is `hawser.v1`. So other connections pay nothing for it. */
export function ownerFor(protocol: string | undefined, server: ConnectionOwner): ConnectionOwner {
  if (protocol !== TOPIC_PROTOCOL) return server;
  let owner = ownersByServer.get(server);
  if (owner === undefined) ownersByServer.set(server, (owner = new RequestOwner(server)));
  return owner;
}

/** A server, as the connections see it whose clients ask for topics. */
class RequestOwner implements ConnectionOwner {
  readonly settings: ConnectionSettings;
  readonly #server: ConnectionOwner;

  constructor(server: ConnectionOwner) {
    const { settings } = server;
    this.settings = { ...settings, decode: requestDecoder(settings.decode), dispatcher: RequestDispatcher };
    this.#server = server;
  }

  get currentTick(): number {
    return this.#server.currentTick;
  }

  onClosed(connection: Connection, event: WSTerminateEvent): void {
    this.#server.onClosed(connection, event);
  }

  onFinished(connection: Connection): void {
    this.#server.onFinished(connection);
  }

  onConnectionError(connection: Connection, error: unknown, source: ErrorSource): void {
    this.#server.onConnectionError(connection, error, source);
  }
}
