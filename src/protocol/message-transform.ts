import type { ProtocolErrorCode } from "../errors/table.ts";
import type { Bytes } from "./bytes.ts";
import type { ReservedBit } from "./frame-header.ts";

/**
 * An extension that changes the payload of whole messages, as permessage-deflate does (RFC 7692 6). A message that it
 * has changed carries the extension's reserved bit on its first frame.
 */
export interface MessageTransform {
  /** The reserved bit that the extension has negotiated (RFC 6455 9.1). */
  readonly reservedBit: ReservedBit;
  /**
   * Decodes a message. Called once for each message that carries the bit, in order.
   *
   * @param payload the whole message as it was sent, unmasked; valid until the call returns
   * @param maxSize the most bytes that the decoded message may have: stop there, before more memory is reserved
   * @returns the decoded message in memory that the receiver may keep, or the rule that the message breaks
   */
  decode(payload: Bytes, maxSize: number): Bytes | ProtocolErrorCode;
}
