import type { BroadcastTopics, DecodedRecord } from "../backplane/record.ts";
import { Compression } from "../connection/sending/outgoing-message.ts";
import { Opcode } from "../protocol/opcodes.ts";
import { copyOf } from "../protocol/bytes.ts";
import type { RelayedMessage } from "../topics/backplane-node.ts";
import type { PublishedMessage } from "./published-message.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** A message for the other servers. */
export function relayedMessage({ opcode, payload, key, compression }: PublishedMessage): RelayedMessage {
  return { payload, isBinary: opcode === Opcode.binary, mayCompress: compression !== Compression.forbidden, key };
}

/** A message of another server, in memory of its own. */
export function messageOf({ isBinary, mayCompress, key, payload }: DecodedRecord): PublishedMessage {
  return {
    opcode: isBinary ? Opcode.binary : Opcode.text,
    payload: copyOf(payload),
    key,
    compression: mayCompress ? Compression.allowed : Compression.forbidden,
  };
}

/** Finds the subscribers of a topic; undefined: there are none. */
type Find = (topic: string) => readonly WebSocketConnection[] | undefined;

/** The connections that get a broadcast of another server, each once. */
export function broadcastReceivers(
  { topics, exceptTopics }: BroadcastTopics,
  all: readonly WebSocketConnection[],
  find: Find,
): { readonly from: readonly WebSocketConnection[]; readonly except: ReadonlySet<WebSocketConnection> | undefined } {
  const [topic] = topics;
  const except = exceptTopics.length === 0 ? undefined : union(exceptTopics, find);
  if (topic === undefined) return { from: all, except };
  return { from: topics.length === 1 ? (find(topic) ?? []) : [...union(topics, find)], except };
}

function union(topics: readonly string[], find: Find): Set<WebSocketConnection> {
  return new Set(topics.flatMap((topic) => find(topic) ?? []));
}
