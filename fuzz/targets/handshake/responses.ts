import { holds } from "../../engine/target.ts";

/** An HTTP response as it was sent. */
export interface Response {
  readonly status: number;
  /** Names in lower case; each field line is one entry. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** The status with which Node answers an unknown `Expect`. It emits no event for the request. */
export const UNEXPECTED = 417;

const STATUS_LINE = /^HTTP\/1\.1 (\d{3}) [\x21-\x7e][\x20-\x7e]*$/;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t\x20-\x7e]*)$/;

/**
 * Parses HTTP responses (RFC 9112), up to the first 101. Throws `InvariantError` if one is not well-formed, or is
 * cut off.
 *
 * @param methods the methods of the requests that the server emitted; the answer to HEAD has no body
 */
export function readResponses(bytes: Buffer, methods: readonly string[]): Response[] {
  const responses: Response[] = [];
  let answered = 0;
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf("\r\n\r\n", at);
    holds(end >= 0, "the head of a response does not end", bytes.toString("latin1", at));
    const [line = "", ...lines] = bytes.toString("latin1", at, end).split("\r\n");
    const status = Number(STATUS_LINE.exec(line)?.[1]);
    holds(status >= 100 && status <= 599, "a response has a bad status line", line);
    const fields = lines.map(readField);
    at = end + 4;
    if (status === 101) return [...responses, { status, fields, body: Buffer.alloc(0) }];
    // RFC 9110 15.2: an interim response.
    if (status < 200) continue;
    const head = status === UNEXPECTED ? bytes.indexOf("0\r\n\r\n", at) !== at : methods[answered++] === "HEAD";
    const length = lengthOf(fields, head, bytes.subarray(at));
    holds(at + length <= bytes.length, "a response's body is cut off");
    responses.push({ status, fields, body: bytes.subarray(at, at + length) });
    at += length;
  }
  return responses;
}

/** The value of a header that occurs exactly once; undefined otherwise. */
export function valueOf({ fields }: Response, name: string): string | undefined {
  const values = fields.filter(([one]) => one === name);
  return values.length === 1 ? values[0]?.[1] : undefined;
}

function readField(line: string): readonly [string, string] {
  const [, name = "", value = ""] = FIELD.exec(line) ?? [];
  holds(name !== "", "a response has a bad header", line);
  return [name.toLowerCase(), value];
}

/** The length of the body in bytes. */
function lengthOf(fields: Response["fields"], head: boolean, rest: Buffer): number {
  if (head) return 0;
  const lengths = fields.filter(([name]) => name === "content-length").map(([, value]) => value);
  const chunked = fields.some(([name, value]) => name === "transfer-encoding" && value === "chunked");
  holds(lengths.length < 2 && !(chunked && lengths.length > 0), "a response has two lengths", fields);
  if (chunked) return rest.indexOf("0\r\n\r\n") + 5;
  const [length] = lengths;
  holds(length === undefined || /^\d+$/.test(length), "a response has a bad length", length);
  if (length !== undefined) return Number(length);
  // The body ends with the connection. A second response would look like a part of it.
  holds(!/HTTP\/1\.1 \d{3} /.test(rest.toString("latin1")), "there is more than one response", rest.toString("latin1"));
  return rest.length;
}
