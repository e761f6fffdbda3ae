import { HawserError, withoutStack } from "../errors/errors.ts";

/** The error for a message that is lost because an application has transferred memory that it shares with another one. */
export function memoryTransferredError(): HawserError {
  return withoutStack(() => new HawserError("HWS_MEMORY_TRANSFERRED"));
}

/** Whether `value` is bytes whose memory was transferred: the view has no bytes any more. */
export function isTransferred(value: unknown): boolean {
  if (!(value instanceof Uint8Array) || value.length > 0) return false;
  try {
    // Node 20 has no `ArrayBuffer.prototype.detached`.
    value.buffer.slice(0, 0);
    return false;
  } catch {
    return true;
  }
}
