import { HawserError } from "../../errors/errors.ts";
import { isInstanceOf } from "../../util/attempt.ts";
import { decodeMessage } from "../browser/decode.ts";
import type { TopicDataSettings } from "./options.ts";

/** What a handler gets of a message. */
interface TopicData {
  /** Its data. */
  readonly data: unknown;
}

/**
 * Decodes a message, or what follows its header line. Undefined: it is no JSON, and is dropped.
 *
 * @throws {HawserError} for bytes that are not UTF-8, and a text that is not JSON or is beyond a limit
 */
export function topicData(message: string | Uint8Array, settings: TopicDataSettings): TopicData | undefined {
  const { dataType, ignoresInvalidJson } = settings;
  if (dataType === "auto" || (dataType === "blob" && typeof message !== "string")) return { data: message };
  try {
    return { data: decodeMessage(message, dataType, settings) };
  } catch (error) {
    if (ignoresInvalidJson && isInstanceOf(error, HawserError) && error.code !== "HWS_INVALID_UTF8") return undefined;
    throw error;
  }
}
