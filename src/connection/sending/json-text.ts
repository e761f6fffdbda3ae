import { InvalidArgumentError } from "../../errors/errors.ts";
import { isThenable } from "../../util/thenable.ts";

/** What an error says of a message that cannot be sent. */
export const EXPECTED =
  "expected a string, bytes (Uint8Array, any view, ArrayBuffer, Blob), or an object or array that JSON can hold";

/**
 * The JSON of an object: exactly what `JSON.stringify` gives.
 *
 * @throws {InvalidArgumentError} for an object of which JSON would hold nothing; and the error of `JSON.stringify` if that throws
 */
export function jsonText(message: object): string {
  const hasOwnJson = isPlain(message) || typeof (message as { toJSON?: unknown }).toJSON === "function";
  if (!hasOwnJson) checkInstance(message);
  const json = stringify(message);
  // An object of the platform, such as `URLSearchParams`, has a tag. Its content is not in its properties.
  if (json === "{}" && !hasOwnJson && (message as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] !== undefined)
    throw refused(message);
  return json;
}

/**
 * The JSON of an object.
 *
 * @throws {InvalidArgumentError} if it has none; and the error of `JSON.stringify` if that throws
 */
export function stringify(message: object): string {
  const json = JSON.stringify(message) as string | undefined;
  if (json === undefined) throw new InvalidArgumentError("message: toJSON returned nothing that JSON can hold");
  return json;
}

/** Whether `value` is an array, or an object whose prototype is null or `Object.prototype` (of any realm). */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The prototypes of classes whose instances can be sent. */
const sendable = new WeakSet();

function checkInstance(message: object): void {
  if (isThenable(message)) throw refused(message, ": await it first");
  const prototype = Object.getPrototypeOf(message) as object;
  if (sendable.has(prototype)) return;
  if (isOfEngine(prototype)) throw refused(message);
  sendable.add(prototype);
}

/** Whether a class is the engine's, or extends one: a `Map`, an `Error`, a `String` object has its content where JSON does not look. */
function isOfEngine(prototype: object): boolean {
  let one = prototype;
  for (;;) {
    const next = Object.getPrototypeOf(one) as object | null;
    // `Object.prototype`.
    if (next === null) return false;
    const maker: unknown = Object.getOwnPropertyDescriptor(one, "constructor")?.value;
    if (typeof maker === "function" && Function.prototype.toString.call(maker).endsWith("{ [native code] }"))
      return true;
    one = next;
  }
}

function refused(message: object, more = ""): InvalidArgumentError {
  const name = (message.constructor as { name?: unknown } | undefined)?.name;
  const what = typeof name === "string" && name !== "" ? `an instance of ${name}` : "an object of a class";
  return new InvalidArgumentError(`message: ${EXPECTED}, got ${what}${more}`);
}
