import { type ErrorRow, errorTable } from "../../../src/errors/table.ts";

const ofLibrary: ReadonlySet<string | undefined> = new Set(
  Object.values(errorTable).map((row: ErrorRow) => row.closeReason),
);

/** Whether a reason may come from the connection of this peer: its own texts, and those of the library. */
export function isOwnReason(reason: string, name: string): boolean {
  return (
    reason === `done ${name}` || reason === `bye ${name}` || ofLibrary.has(reason) || /^retry-after=\d+$/.test(reason)
  );
}
