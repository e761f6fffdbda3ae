import { type DecodedRecord, RecordKind } from "../backplane/record.ts";
import type { WSTerminateEvent } from "../connection/dispatch/events.ts";
import { outgoingMessage } from "../connection/sending/outgoing-message.ts";
import { CloseCode } from "../protocol/close-frame.ts";
import type { BackplaneNode } from "../topics/backplane-node.ts";
import { type LeaveReason, type ListedMember, PresenceNode } from "../topics/presence-node.ts";
import { readMember } from "../topics/presence-member.ts";
import { topicHeader } from "../topics/topic-frame.ts";
import { sendToMany } from "./send-to-many.ts";
import type { ServerDispatcher } from "./server-dispatcher.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** Why a connection has closed. */
type Closed = Pick<WSTerminateEvent, "code" | "cause">;

/** A connection that is to be listed, when its subscription has begun. */
export interface Listing {
  /** The connection. */
  readonly ws: WebSocketConnection;
  /** The topic. */
  readonly topic: string;
  /** Who it is. */
  readonly member: ListedMember;
}

/** The connections of a server that are listed as present in topics. */
export class TopicPresence {
  readonly #node: BackplaneNode;
  readonly #rows: PresenceNode;
  /** Those that are to be listed, by their connection and topic. Who leaves, and comes back, meanwhile has another one. */
  readonly #listings = new Map<string, Listing>();

  constructor(node: BackplaneNode) {
    this.#node = node;
    this.#rows = new PresenceNode(node);
  }

  /** A connection subscribes, and is to be listed. It must not be listed already. */
  begin(ws: WebSocketConnection, topic: string, member: ListedMember): Listing {
    const listing = { ws, topic, member };
    this.#listings.set(keyOf(listing), listing);
    return listing;
  }

  /** Lists a connection, unless it has left since `begin`. It never rejects: while the broker is away the connection is listed later. */
  async list(listing: Listing): Promise<void> {
    const { ws, topic, member } = listing;
    if (!this.#isToBeListed(listing)) return;
    const { wanted } = this.#node;
    // The broker tells who comes and goes, also to a server that is alone.
    wanted.add(topic);
    if (!wanted.isConfirmed(topic)) await wanted.whenConfirmed(topic);
    if (!this.#isToBeListed(listing)) return;
    this.#listings.delete(keyOf(listing));
    await this.#rows.join(topic, ws.id, member);
  }

  /** The subscription has not begun. Its connection may have subscribed again. */
  cancel(listing: Listing): void {
    if (this.#isToBeListed(listing)) this.#listings.delete(keyOf(listing));
  }

  /** Takes a connection from the list. `event`: it has closed; undefined: it has unsubscribed. */
  leave(ws: WebSocketConnection, topic: string, event?: Closed): void {
    this.#listings.delete(keyOf({ ws, topic }));
    this.#rows.leave(topic, ws.id, leaveReason(event));
  }

  /** A heartbeat was answered: see `NodeListener`. */
  onBeat(isBack: boolean, wasExpired: boolean): void {
    if (isBack || wasExpired) this.#rows.onReady(wasExpired);
    else this.#rows.onBeat();
  }

  /** Forgets all of them. */
  clear(): void {
    this.#listings.clear();
    this.#rows.clear();
  }

  #isToBeListed(listing: Listing): boolean {
    return this.#listings.get(keyOf(listing)) === listing;
  }
}

/** Those who are told that somebody has come or gone. */
interface PresenceReceivers {
  /** The subscribers with header lines. */
  readonly framed: ReadonlySet<WebSocketConnection> | undefined;
  /** Calls the server's handler. */
  readonly reporter: Pick<ServerDispatcher, "dispatchPresence">;
}

/** Tells that somebody has come or gone. Returns whether the record says that. */
export function tellPresence(
  topic: string,
  { kind, payload }: DecodedRecord,
  { framed, reporter }: PresenceReceivers,
): boolean {
  if (kind !== RecordKind.join && kind !== RecordKind.leave) return false;
  const text = String(payload);
  const member = readMember(text);
  if (member === undefined) return false;
  const isJoin = kind === RecordKind.join;
  if (framed !== undefined) {
    const line = topicHeader(isJoin ? "j" : "l", undefined, "-", topic);
    sendToMany(outgoingMessage(line + text), { from: framed, except: undefined });
  }
  reporter.dispatchPresence({ type: isJoin ? "join" : "leave", topic, member });
  return true;
}

function keyOf({ ws, topic }: Pick<Listing, "ws" | "topic">): string {
  return `${String(ws.id)} ${topic}`;
}

function leaveReason(event: Closed | undefined): LeaveReason {
  if (event?.cause?.code === "HWS_SHUTDOWN") return "shutdown";
  return event?.code === CloseCode.abnormal ? "lost" : "left";
}
