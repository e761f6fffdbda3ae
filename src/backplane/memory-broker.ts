import { AsyncResource } from "node:async_hooks";
import { type Bytes, copyOf } from "../protocol/bytes.ts";
import type { Appended, Beat, MemberList, PresentMember } from "./contract.ts";
import { MessageIds } from "./ids.ts";
import { memberRecord } from "./member-record.ts";
import type { MemoryInbox } from "./memory-inbox.ts";
import { MemoryPresence, type PresenceRow } from "./memory-presence.ts";
import { type MemoryAppend, type MemoryLimits, MemoryStore } from "./memory-store.ts";
import { plainPacket } from "./packet.ts";
import { RecordKind } from "./record.ts";

/** Milliseconds for which the members of a closed node stay listed: its clients may come back to another one. */
export const LEASE = 30_000;

/** The end of a turn is shared by all nodes: it must not run in the asynchronous context of one of them. */
const noContext = new AsyncResource("HawserMemory");

/** Node's own: a test that simulates timers must not stop the messages. */
const { setImmediate: nodeSetImmediate } = globalThis;

/** What the nodes of one `memory()` share. */
export class MemoryBroker {
  /** The histories of all topics. */
  readonly store: MemoryStore;
  readonly #now: () => number;
  /** The rules of the node that was opened last; undefined: none is open. */
  #rules: string | undefined;
  readonly #inboxes = new Set<MemoryInbox>();
  readonly #presence = new MemoryPresence();
  /** Closed nodes that have members, and when they were closed. */
  readonly #closed = new Map<string, number>();
  readonly #ids = new MessageIds();
  #isFlushing = false;

  /** @param now a clock that never goes back, in milliseconds */
  constructor(limits: MemoryLimits, now: () => number) {
    this.#now = now;
    this.store = new MemoryStore(limits, now, (topic) => this.#isWanted(topic));
  }

  /** How many nodes are open. */
  get size(): number {
    return this.#inboxes.size;
  }

  /** A node is open from now on. Returns the rules of the one that was opened before it. */
  add(inbox: MemoryInbox): string | undefined {
    const before = this.#rules;
    this.#rules = inbox.rules;
    this.#inboxes.add(inbox);
    this.#closed.delete(inbox.node);
    this.store.start();
    return before;
  }

  /** A node is closed. Its members stay until its lease has run out: nobody is told that they have gone. */
  remove(inbox: MemoryInbox): void {
    this.#inboxes.delete(inbox);
    if (this.#presence.has(inbox.node)) this.#closed.set(inbox.node, this.#now());
    if (this.#inboxes.size > 0) return;
    this.#rules = undefined;
    this.#presence.clear();
    this.#closed.clear();
    this.store.stop();
  }

  /** Sends a packet to the other nodes that want it. It is copied if there is one. */
  send(topic: string | undefined, packet: Bytes, from: MemoryInbox): void {
    let copy: Bytes | undefined;
    for (const inbox of this.#inboxes)
      if (inbox !== from && inbox.wants(topic)) inbox.push(topic, (copy ??= copyOf(packet)));
    if (copy !== undefined) this.#flushLater();
  }

  /** Stores records, and publishes them: to the node they come from at once, to the others in a later turn. */
  append(from: MemoryInbox, call: MemoryAppend): Appended {
    const { appended, packet } = this.store.append(call);
    if (packet !== undefined) {
      this.#push(call.topic, packet, from);
      from.deliver();
    }
    return appended;
  }

  /** Lists a member. The nodes are told if it is the first connection of its id. */
  join(topic: string, row: PresenceRow, isQuiet: boolean): void {
    const { id, data } = row;
    const isFirst = this.#presence.join(topic, row);
    if (isFirst && !isQuiet) this.#tell(topic, RecordKind.join, { id, data, connections: 1 });
  }

  /** Takes a member from the list. The nodes are told if it was the last connection of its id. */
  leave(from: MemoryInbox, topic: string, connection: number): void {
    const gone = this.#presence.leave(topic, from.node, connection);
    if (gone !== undefined) this.#tell(topic, RecordKind.leave, gone);
  }

  /** Who is present in a topic. */
  members(topic: string, limit: number): MemberList {
    return this.#presence.members(topic, limit, (node) => !this.#isExpired(node));
  }

  /** Which nodes are open, and which closed ones have left members. */
  beat(): Beat {
    const alive = Array.from(this.#inboxes, ({ node }) => node);
    return { alive, expired: [...this.#closed.keys()].filter((node) => this.#isExpired(node)), wasExpired: false };
  }

  /** Removes the members that a closed node has left, if its lease has run out. */
  reap(node: string): void {
    if (!this.#isExpired(node)) return;
    this.#closed.delete(node);
    this.#presence.reap(node, (topic, member) => this.#tell(topic, RecordKind.leave, member));
  }

  #isExpired(node: string): boolean {
    const closedAt = this.#closed.get(node);
    return closedAt !== undefined && closedAt + LEASE <= this.#now();
  }

  #isWanted(topic: string): boolean {
    for (const inbox of this.#inboxes) if (inbox.wants(topic)) return true;
    return false;
  }

  #tell(topic: string, kind: typeof RecordKind.join | typeof RecordKind.leave, member: PresentMember): void {
    if (this.#isWanted(topic)) this.#push(topic, plainPacket([memberRecord(kind, this.#ids.next(), member)]));
  }

  /** Hands a packet to all nodes that want it: those other than `now` take it in a later turn. */
  #push(topic: string, packet: Bytes, now?: MemoryInbox): void {
    for (const inbox of this.#inboxes) {
      if (!inbox.wants(topic)) continue;
      inbox.push(topic, packet);
      if (inbox !== now) this.#flushLater();
    }
  }

  #flushLater(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    noContext.runInAsyncScope(() => nodeSetImmediate(this.#flush));
  }

  readonly #flush = (): void => {
    this.#isFlushing = false;
    for (const inbox of this.#inboxes) inbox.deliver();
  };
}
