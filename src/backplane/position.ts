import type { Mark } from "./contract.ts";
import { NO_ID } from "./ids.ts";

/** The longest text that may be a position. */
const MAX_POSITION_SIZE = 64;

/** What stands for the id where there is no message yet. */
const NO_MESSAGE = "-";

const PATTERN = /^(?<epoch>[\w-]{8})\.(?<offset>[0-9a-z]{1,10})\.(?<id>-|[\w-]{16})$/;

/** The text of a mark: what an application keeps, and gives back as `since`. It is no secret, and no permission. */
export function positionOf({ epoch, offset, id }: Mark): string {
  return `${epoch}.${offset.toString(36)}.${id === NO_ID ? NO_MESSAGE : id}`;
}

/** Reads a position. It may be whatever a client has sent: undefined is none. */
export function readPosition(text: unknown): Mark | undefined {
  if (typeof text !== "string" || text.length > MAX_POSITION_SIZE) return undefined;
  const { epoch, offset, id } = PATTERN.exec(text)?.groups ?? {};
  if (epoch === undefined || offset === undefined || id === undefined) return undefined;
  const number = Number.parseInt(offset, 36);
  return Number.isSafeInteger(number) ? { epoch, offset: number, id: id === NO_MESSAGE ? NO_ID : id } : undefined;
}
