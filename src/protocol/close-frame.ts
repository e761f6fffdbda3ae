import { type Bytes, EMPTY, allocate } from "./bytes.ts";
import { MAX_CLOSE_REASON } from "./limits.ts";
import { isUtf8, utf8Length } from "./utf8.ts";

/** The close codes that have a meaning of their own here (RFC 6455 7.4.1). Those of failures are in the error table. */
export const CloseCode = {
  normal: 1000,
  noStatus: 1005,
  abnormal: 1006,
} as const;

/** The content of a close frame. */
export interface Close {
  /** The peer's code; 1005 when its frame had none (RFC 6455 7.1.5). */
  readonly code: number;
  /** The peer's reason; undefined when its frame had none (RFC 6455 7.1.6). */
  readonly reason: string | undefined;
}

/**
 * True when a close frame may carry `code`: 1000 to 1014 except the codes that are never sent (1004, 1005, 1006),
 * and 3000 to 4999 (RFC 6455 7.4; 1012 to 1014 are later entries in its registry).
 */
export function isSendableCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

/** True when `reason` fits in a close frame after its code: at most 123 bytes of UTF-8. */
export function fitsReason(reason: string): boolean {
  return reason.length <= MAX_CLOSE_REASON && utf8Length(reason) <= MAX_CLOSE_REASON;
}

/** Reads a close frame's unmasked body. Returns the rule that it breaks, if it breaks one (RFC 6455 5.5.1). */
export function parseClose(body: Bytes): Close | "HWS_CLOSE_LENGTH" | "HWS_CLOSE_CODE" | "HWS_INVALID_UTF8" {
  if (body.length === 0) return { code: CloseCode.noStatus, reason: undefined };
  if (body.length === 1) return "HWS_CLOSE_LENGTH";
  const code = (body[0]! << 8) | body[1]!;
  if (!isSendableCode(code)) return "HWS_CLOSE_CODE";
  if (!isUtf8(body, 2, body.length)) return "HWS_INVALID_UTF8";
  return { code, reason: body.length === 2 ? undefined : body.utf8Slice(2, body.length) };
}

/** The body of a close frame. Without a code it is empty (RFC 6455 5.5.1). The caller has checked code and reason. */
export function serializeClose(code: number | undefined, reason = ""): Bytes {
  if (code === undefined) return EMPTY;
  const body = allocate(2 + utf8Length(reason));
  body[0] = code >>> 8;
  body[1] = code & 0xff;
  body.utf8Write(reason, 2);
  return body;
}
