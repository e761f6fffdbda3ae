import type { Bytes } from "../protocol/bytes.ts";
import type { PresentMember } from "./contract.ts";
import { type RecordKind, encodeRecord } from "./record.ts";

/** A record that somebody has come or gone. Its payload is the member as JSON: `{ id, data, connections }`, without `data` if there is none. */
export function memberRecord(
  kind: typeof RecordKind.join | typeof RecordKind.leave,
  id: string,
  member: PresentMember,
): Bytes {
  return encodeRecord({
    kind,
    isBinary: false,
    mayCompress: true,
    id,
    key: undefined,
    to: undefined,
    payload: memberText(member),
  });
}

/** The bytes of such a record before its payload, for a broker that writes the payload itself. */
export function memberHead(kind: typeof RecordKind.join | typeof RecordKind.leave, id: string): Buffer {
  return Buffer.from(
    encodeRecord({ kind, isBinary: false, mayCompress: true, id, key: undefined, to: undefined, payload: "" }),
  );
}

/** `data` is JSON already. */
function memberText({ id, data, connections }: PresentMember): string {
  const part = data === undefined ? "" : `"data":${data},`;
  return `{"id":${JSON.stringify(id)},${part}"connections":${connections}}`;
}
