import { InvalidArgumentError } from "../errors/errors.ts";
import { similarName } from "../util/similar.ts";

/** What a call may say. */
const NAMES = {
  broadcast: ["to", "except", "topics", "exceptTopics", "local", "key", "compress"],
  publish: ["except", "key", "compress", "id"],
  "ws.publish": ["key", "compress", "id"],
  subscribe: ["since", "last", "framing", "presence"],
  presence: ["limit"],
} as const;

/**
 * Checks that a call has no option that there is not: one of another name would be ignored, and the message would reach too many.
 *
 * @throws {InvalidArgumentError} for another name, or options that are no object
 */
export function checkOptionNames(call: keyof typeof NAMES, options: unknown): void {
  // Both forms of `publish` have one name in messages.
  const method = call.replace("ws.", "");
  if (typeof options !== "object" || options === null)
    throw new InvalidArgumentError(`${method}: options: expected an object`);
  const names: readonly string[] = NAMES[call];
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const meant = similarName(name, names);
    const more = meant === undefined ? "" : `: did you mean ${meant}?`;
    throw new InvalidArgumentError(`${method}: there is no option ${JSON.stringify(name)}${more}`);
  }
}
