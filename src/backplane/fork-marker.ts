import type { Bytes } from "../protocol/bytes.ts";
import { ID_SIZE } from "./ids.ts";
import { RecordKind, decodeRecord, encodeRecord } from "./record.ts";

/**
 * A record in a history after its broker has lost messages: whoever resumes from before it may have missed them.
 *
 * @param lost the id of the newest message that was lost
 */
export function forkMarker(id: string, lost: string): Bytes {
  const fields = { isBinary: false, mayCompress: true, key: undefined, to: undefined };
  return encodeRecord({ kind: RecordKind.gap, id, payload: lost, ...fields });
}

/** The id of the newest message that was lost, if a record is such a marker. */
export function lostBy(record: Bytes): string | undefined {
  // Nearly all records are none: no other byte of them is read.
  if (((record[0] ?? 0) & 15) !== RecordKind.gap) return undefined;
  const payload = decodeRecord(record)?.payload;
  return payload?.utf8Slice(0, Math.min(payload.length, ID_TEXT_SIZE));
}

/** The characters of an id. */
const ID_TEXT_SIZE = (ID_SIZE * 4) / 3;
