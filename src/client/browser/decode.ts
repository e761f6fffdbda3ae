import type { DataType } from "../../connection/receiving/decode.ts";
import { HawserError } from "../../errors/errors.ts";
import type { JsonLimits } from "../../util/json-checks.ts";

/**
 * Makes the handler's `event.data` of a message.
 *
 * @throws {HawserError} for bytes that are not UTF-8, and a text that is not JSON or is beyond a limit
 */
export function decodeMessage(
  data: string | ArrayBuffer | Uint8Array,
  dataType: DataType,
  limits: JsonLimits,
): unknown {
  if (dataType === "blob") return typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
  if (dataType === "auto" && typeof data !== "string") return new Uint8Array(data);
  const text = typeof data === "string" ? data : decodeText(data);
  return dataType === "object" ? decodeJson(text, limits) : text;
}

function decodeText(data: ArrayBuffer | Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw new HawserError("HWS_INVALID_UTF8", 'a binary message under dataType "text" or "object"');
  }
}

function decodeJson(text: string, limits: JsonLimits): unknown {
  let value: unknown;
  try {
    // RFC 8259 8.1: a byte order mark may be ignored.
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new HawserError("HWS_INVALID_JSON", undefined, { cause });
  }
  checkJson(value, limits);
  return value;
}

/** Checks the limits, level by level, and removes keys through which a prototype is reached. Node does it before parsing, with more code. */
function checkJson(value: unknown, { maxJsonDepth, maxJsonValues }: JsonLimits): void {
  let [level, values] = [[value], 1];
  for (let depth = 0; level.length > 0; depth++) {
    const objects = level.filter((one) => typeof one === "object" && one !== null) as Record<string, unknown>[];
    if (objects.length > 0 && depth >= maxJsonDepth) throw new HawserError("HWS_JSON_TOO_DEEP");
    level = objects.flatMap((one) => Object.values(one));
    values += level.length;
    if (values > maxJsonValues) throw new HawserError("HWS_JSON_TOO_BIG");
    objects.forEach(disarm);
  }
}

function disarm(object: Record<string, unknown>): void {
  Reflect.deleteProperty(object, "__proto__");
  const maker: unknown = Object.hasOwn(object, "constructor") ? Reflect.get(object, "constructor") : undefined;
  if (typeof maker === "object" && maker !== null && Object.hasOwn(maker, "prototype"))
    Reflect.deleteProperty(object, "constructor");
}
