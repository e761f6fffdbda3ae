import { InvalidArgumentError } from "../errors/errors.ts";
import { attempt } from "../util/attempt.ts";

/** The values of the named segments of a path, e.g. `{ id: "7" }` for `/rooms/:id`. The object has no prototype. */
export type PathParams = Readonly<Record<string, string>>;

/** The rest of a path that a final `*` stands for is in `params["*"]`. */
const REST = "*";

/** Other frameworks allow more after a name, such as `:id(\d+)` or `:id?`: as a part of the name it would mean nothing. */
const NAME = /^[A-Za-z_]\w*$/;

/** What each segment of a pattern says: text that is compared, a name, or the rest of the path. */
interface Segment {
  readonly text: string | undefined;
  readonly name: string;
}

/** Whether a path has named segments or a final `*`: otherwise it is compared exactly. */
export function isPattern(path: string): boolean {
  return path.split("/").some((segment) => segment.startsWith(":") || segment.includes(REST));
}

/** A path with named segments (`/rooms/:id`) and perhaps a final `*`. A segment stands for one that is not empty. */
export class PathPattern {
  readonly #segments: readonly Segment[];
  readonly #hasRest: boolean;

  /** @throws {InvalidArgumentError} for a `*` that is not the last segment, a name that has other characters or comes twice */
  constructor(pattern: string) {
    const segments = pattern.split("/").map(readSegment);
    const names = segments.filter(({ text }) => text === undefined).map(({ name }) => name);
    if (new Set(names).size < names.length || !names.every((name) => name === REST || NAME.test(name)))
      throw new InvalidArgumentError(
        `path: ${pattern}: expected names of letters, digits and _, each once. For other rules, path may be a function`,
      );
    this.#hasRest = segments.at(-1)?.name === REST;
    if (pattern.replace(/(^|\/)\*$/, "").includes(REST))
      throw new InvalidArgumentError(`path: ${pattern}: expected * as the last segment only`);
    this.#segments = segments;
  }

  /** The decoded values of the named segments; undefined if the path does not fit, or a value is not valid UTF-8 in `%`. */
  match(path: string): PathParams | undefined {
    const parts = path.split("/");
    const count = this.#segments.length;
    if (this.#hasRest ? parts.length < count : parts.length !== count) return undefined;
    const params = Object.create(null) as Record<string, string>;
    for (const [i, { text, name }] of this.#segments.entries()) {
      const part = name === REST ? parts.slice(i).join("/") : (parts[i] ?? "");
      const value = text === undefined ? attempt(() => decodeURIComponent(part)) : part;
      if (value === undefined || (text === undefined ? value === "" && name !== REST : value !== text))
        return undefined;
      if (text === undefined) params[name] = value;
    }
    return params;
  }
}

function readSegment(segment: string): Segment {
  if (segment === REST) return { text: undefined, name: REST };
  return segment.startsWith(":") ? { text: undefined, name: segment.slice(1) } : { text: segment, name: "" };
}
