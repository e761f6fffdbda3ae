import { HawserError } from "../errors/errors.ts";
import { type ErrorCode, errorTable } from "../errors/table.ts";
import type { WSServerErrorEvent } from "../server/handlers.ts";

/** Errors of a connection that its peer did not cause. */
const NOT_BY_PEER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "HWS_SEND_FAILED",
  "HWS_INTERNAL",
  "HWS_MEMORY_TRANSFERRED",
]);

/** What is looked at. */
type Failure = Pick<WSServerErrorEvent, "errors"> & { readonly connection?: object | undefined };

/** Whether the peer or the network has made a connection fail, as happens all the time: nobody needs to act. */
export function failedByPeer({ errors, connection }: Failure): boolean {
  const [{ cause, componentSignature }] = errors;
  if (connection === undefined || componentSignature === errorTable.HWS_HANDLER_FAILED.componentSignature) return false;
  return !(cause instanceof HawserError && NOT_BY_PEER.has(cause.code));
}
