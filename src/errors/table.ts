/**
 * The one table of everything that can go wrong: a stable `code` for programs, `errCode` and `componentSignature`
 * for 4D's `errors[]`, the close code or HTTP status it implies, and a text for people.
 * `docs/errors.md` is held against it by a test.
 */

/** One row of the error table. */
export interface ErrorRow {
  /** The number handed to `onError` as `errCode`. Stable between releases. */
  readonly errCode: number;
  /** The part of the library it comes from, as 4D's four letters. */
  readonly componentSignature: string;
  /** The close code sent to the peer (RFC 6455 7.4.1), where one is. */
  readonly closeCode?: number;
  /** The reason sent with that code, in a few words (RFC 6455 7.1.6). */
  readonly closeReason?: string;
  /** What happened, for people. It is never sent to a peer: `closeReason` is. */
  readonly message: string;
}

/** Every error the library makes itself, by its stable code. */
// prettier-ignore
export const errorTable = {
  HWS_RESERVED_BITS: { errCode: 101, componentSignature: "hwpr", closeCode: 1002, closeReason: "reserved bits set", message: "A frame has reserved bits set that no extension gave a meaning" },
  HWS_RESERVED_OPCODE: { errCode: 102, componentSignature: "hwpr", closeCode: 1002, closeReason: "reserved opcode", message: "A frame has a reserved opcode" },
  HWS_MASK_MISSING: { errCode: 103, componentSignature: "hwpr", closeCode: 1002, closeReason: "frame not masked", message: "A client's frame is not masked" },
  HWS_MASK_FORBIDDEN: { errCode: 104, componentSignature: "hwpr", closeCode: 1002, closeReason: "frame masked", message: "A server's frame is masked" },
  HWS_CONTROL_FRAGMENTED: { errCode: 105, componentSignature: "hwpr", closeCode: 1002, closeReason: "control frame fragmented", message: "A control frame is fragmented" },
  HWS_CONTROL_TOO_LONG: { errCode: 106, componentSignature: "hwpr", closeCode: 1002, closeReason: "control frame too long", message: "A control frame carries more than 125 bytes" },
  HWS_LENGTH_NOT_MINIMAL: { errCode: 107, componentSignature: "hwpr", closeCode: 1002, closeReason: "length not minimal", message: "A payload length is not in its shortest form" },
  HWS_LENGTH_SIGN: { errCode: 108, componentSignature: "hwpr", closeCode: 1002, closeReason: "length too large", message: "A 64-bit payload length has its highest bit set" },
  HWS_CONTINUATION_UNEXPECTED: { errCode: 109, componentSignature: "hwpr", closeCode: 1002, closeReason: "continuation not expected", message: "A continuation frame came without a message to continue" },
  HWS_CONTINUATION_EXPECTED: { errCode: 110, componentSignature: "hwpr", closeCode: 1002, closeReason: "continuation expected", message: "A new message began inside a fragmented one" },
  HWS_CLOSE_LENGTH: { errCode: 111, componentSignature: "hwpr", closeCode: 1002, closeReason: "close frame of one byte", message: "A close frame has a body of one byte" },
  HWS_CLOSE_CODE: { errCode: 112, componentSignature: "hwpr", closeCode: 1002, closeReason: "invalid close code", message: "A close frame has a code that must not be sent" },
  HWS_INVALID_UTF8: { errCode: 113, componentSignature: "hwpr", closeCode: 1007, closeReason: "invalid UTF-8", message: "A text or a close reason is not UTF-8" },
  HWS_MESSAGE_TOO_BIG: { errCode: 114, componentSignature: "hwpr", closeCode: 1009, closeReason: "message too big", message: "A message is larger than maxMessageSize" },
  HWS_TOO_MANY_FRAGMENTS: { errCode: 115, componentSignature: "hwpr", closeCode: 1009, closeReason: "too many fragments", message: "A message comes in too many fragments" },
  HWS_INVALID_COMPRESSION: { errCode: 116, componentSignature: "hwpr", closeCode: 1007, closeReason: "invalid compression", message: "A compressed message is not DEFLATE data, or is incomplete" },
  HWS_STREAM_TOO_BIG: { errCode: 117, componentSignature: "hwpr", closeCode: 1009, closeReason: "message too big", message: "A message that is streamed is larger than maxStreamSize" },
  HWS_INVALID_JSON: { errCode: 201, componentSignature: "hwcn", closeCode: 1007, closeReason: "invalid JSON", message: "A message is not JSON" },
  HWS_SEND_QUEUE_FULL: { errCode: 202, componentSignature: "hwcn", closeCode: 1013, closeReason: "reading too slowly", message: "The peer reads too slowly: more waits for it than may" },
  HWS_STREAM_FAILED: { errCode: 203, componentSignature: "hwcn", message: "The connection's stream failed" },
  HWS_SEND_FAILED: { errCode: 204, componentSignature: "hwcn", closeCode: 1011, message: "A message could not be sent: its stream failed, its Blob was not read, or its memory changed" },
  HWS_INTERNAL: { errCode: 205, componentSignature: "hwcn", closeCode: 1011, message: "The library, or the memory it asked for, failed" },
  HWS_JSON_TOO_DEEP: { errCode: 206, componentSignature: "hwcn", closeCode: 1009, closeReason: "JSON too deep", message: "A message's JSON is nested deeper than maxJsonDepth" },
  HWS_JSON_TOO_BIG: { errCode: 207, componentSignature: "hwcn", closeCode: 1009, closeReason: "JSON has too many values", message: "A message's JSON has more values than maxJsonValues" },
  HWS_PEER_SILENT: { errCode: 208, componentSignature: "hwcn", message: "The peer did not answer a ping within pingTimeout, nor send anything else" },
  HWS_RATE_EXCEEDED: { errCode: 209, componentSignature: "hwcn", closeCode: 1008, closeReason: "rate exceeded", message: "The peer sends more than maxMessagesPerSecond or maxBytesPerSecond" },
  HWS_IDLE_TIMEOUT: { errCode: 210, componentSignature: "hwcn", closeCode: 1001, closeReason: "idle timeout", message: "No message was sent or received for idleTimeout" },
  HWS_MAX_LIFETIME: { errCode: 211, componentSignature: "hwcn", closeCode: 1001, closeReason: "max lifetime", message: "The connection was open for maxLifetime" },
  HWS_SHUTDOWN: { errCode: 212, componentSignature: "hwcn", closeCode: 1001, message: "The server was terminated" },
  HWS_CLOSE_TIMEOUT: { errCode: 213, componentSignature: "hwcn", message: "The peer did not read what was sent, or did not answer the close frame, within closeTimeout" },
  HWS_STREAM_ENDED: { errCode: 214, componentSignature: "hwcn", message: "The connection's stream ended without a close frame of the peer" },
  HWS_MEMORY_TRANSFERRED: { errCode: 215, componentSignature: "hwcn", closeCode: 1011, message: "A handler transferred the memory of a message, which the messages after it share: transfer a copy" },
  HWS_HANDSHAKE_TIMEOUT: { errCode: 216, componentSignature: "hwcn", message: "onConnection did not answer within handshakeTimeout" },
  HWS_LIMIT_REACHED: { errCode: 217, componentSignature: "hwcn", message: "A handshake was refused for another client while onConnection was pending: maxHandshakes was reached" },
  HWS_TOO_MANY_TOPICS: { errCode: 218, componentSignature: "hwcn", message: "A connection cannot subscribe to one more topic" },
  HWS_MESSAGE_CUT: { errCode: 219, componentSignature: "hwcn", message: "The connection ended, or was closed, before the whole message had come" },
  HWS_NOT_CONNECTED: { errCode: 221, componentSignature: "hwcn", message: "A message may not have been sent: the connection is closing or closed" },
  HWS_HANDLER_FAILED: { errCode: 301, componentSignature: "hwhd", closeCode: 1011, message: "A handler's callback threw" },
  HWS_INVALID_HANDLER: { errCode: 302, componentSignature: "hwhd", message: "onConnection did not return a connection handler" },
  HWS_INVALID_ARGUMENT: { errCode: 401, componentSignature: "hwsv", message: "An argument or option is not of the type that was expected" },
  HWS_OUT_OF_RANGE: { errCode: 402, componentSignature: "hwsv", message: "An argument or option is out of range" },
  HWS_ANSWERED_BY_OTHER: { errCode: 403, componentSignature: "hwsv", message: "Another upgrade listener answered a handshake while onConnection was pending" },
  HWS_NOT_STARTED: { errCode: 404, componentSignature: "hwsv", message: "The server was terminated before it listened" },
  HWS_CONNECT_FAILED: { errCode: 501, componentSignature: "hwcl", message: "The client could not connect" },
  HWS_CONNECT_TIMEOUT: { errCode: 502, componentSignature: "hwcl", message: "The client was not connected within handshakeTimeout" },
  HWS_REFUSED: { errCode: 503, componentSignature: "hwcl", message: "The server refused the handshake" },
  HWS_BAD_HANDSHAKE: { errCode: 504, componentSignature: "hwcl", message: "The server's answer to the handshake is invalid" },
  HWS_PROXY_FAILED: { errCode: 505, componentSignature: "hwcl", message: "The proxy did not connect to the server" },
  HWS_REDIRECT: { errCode: 506, componentSignature: "hwcl", message: "The server answered with a redirect, which is not followed" },
  HWS_GAVE_UP: { errCode: 507, componentSignature: "hwcl", message: "As many dials have failed as reconnect.maxAttempts allows" },
  HWS_ABORTED: { errCode: 508, componentSignature: "hwcl", message: "The client was ended before it was connected" },
  HWS_RECEIVE_QUEUE_FULL: { errCode: 509, componentSignature: "hwcl", closeCode: 1013, closeReason: "receiving too slowly", message: "More bytes wait for the handler than maxReceiveQueue" },
  HWS_CLOSED: { errCode: 510, componentSignature: "hwcl", message: "The connection was closed with a code that is not orderly" },
  HWS_SUBSCRIBE_REFUSED: { errCode: 511, componentSignature: "hwcl", message: "The server has refused a subscription" },
  HWS_UNSUBSCRIBED: { errCode: 512, componentSignature: "hwcl", message: "A subscription was ended before it began" },
  HWS_NO_TOPICS: { errCode: 513, componentSignature: "hwcl", message: "The server has not chosen the subprotocol hawser.v1: clients cannot subscribe there" },
  HWS_BACKPLANE_AWAY: { errCode: 601, componentSignature: "hwbp", message: "The backplane cannot be reached: nothing was stored or changed" },
  HWS_BACKPLANE_FULL: { errCode: 602, componentSignature: "hwbp", message: "More waits for the backplane than may: nothing was stored" },
  HWS_BACKPLANE_FAILED: { errCode: 603, componentSignature: "hwbp", message: "The backplane refused: nothing was stored or changed" },
  HWS_PUBLISH_UNCERTAIN: { errCode: 604, componentSignature: "hwbp", message: "A message was handed over, and no answer came: it may be stored" },
  HWS_BACKPLANE_FOREIGN: { errCode: 605, componentSignature: "hwbp", message: "Bytes came from the backplane that are not ours, or of another version: they were ignored" },
  HWS_BACKPLANE_MISMATCH: { errCode: 606, componentSignature: "hwbp", message: "Servers of one backplane have different options history" },
  HWS_TOPIC_FRAME: { errCode: 607, componentSignature: "hwbp", closeCode: 1002, closeReason: "invalid topic request", message: "A client of hawser.v1 sent a message that begins as a request for a topic, and is none" },
} as const satisfies Record<string, ErrorRow>;

/** The stable code of an error that the library makes. */
export type ErrorCode = keyof typeof errorTable;

/** The codes for which RFC 6455 wants the connection failed: those of frames and messages. */
export type ProtocolErrorCode = {
  [Code in ErrorCode]: (typeof errorTable)[Code] extends { readonly componentSignature: "hwpr" } ? Code : never;
}[ErrorCode];

/** `componentSignature` of an error that the operating system or Node reported. */
export const SYSTEM_COMPONENT = "syst";
