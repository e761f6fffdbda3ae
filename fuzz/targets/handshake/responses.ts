import { holds } from "../../engine/target.ts";

/** An HTTP response as it stood on the wire. */
export interface Response {
  readonly status: number;
  /** Names in lower case; each field line is one entry. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Node's answer to an `Expect` that it does not know: nobody is told of the request. */
export const UNEXPECTED = 417;

const STATUS_LINE = /^HTTP\/1\.1 (\d{3}) [\x21-\x7e][\x20-\x7e]*$/;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t\x20-\x7e]*)$/;

/**
 * Reads what was written as RFC 9112 has it; what follows a 101 is no HTTP any more. Throws `Broken` at what is not
 * well-formed, or cut off.
 *
 * @param methods those of the requests that somebody was told of: the answer to HEAD has no body
 */
export function readResponses(bytes: Buffer, methods: readonly string[]): Response[] {
  const responses: Response[] = [];
  let told = 0;
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf("\r\n\r\n", at);
    holds(end >= 0, "a response has no end of its head", bytes.toString("latin1", at));
    const [line = "", ...lines] = bytes.toString("latin1", at, end).split("\r\n");
    const status = Number(STATUS_LINE.exec(line)?.[1]);
    holds(status >= 100 && status <= 599, "a response has a bad status line", line);
    const fields = lines.map(readField);
    at = end + 4;
    if (status === 101) return [...responses, { status, fields, body: Buffer.alloc(0) }];
    // RFC 9110 15.2: a response before the response.
    if (status < 200) continue;
    const head = status === UNEXPECTED ? bytes.indexOf("0\r\n\r\n", at) !== at : methods[told++] === "HEAD";
    const length = lengthOf(fields, head, bytes.subarray(at));
    holds(at + length <= bytes.length, "a response's body is cut off");
    responses.push({ status, fields, body: bytes.subarray(at, at + length) });
    at += length;
  }
  return responses;
}

/** The value of a header that is there once; undefined otherwise. */
export function valueOf({ fields }: Response, name: string): string | undefined {
  const values = fields.filter(([one]) => one === name);
  return values.length === 1 ? values[0]?.[1] : undefined;
}

function readField(line: string): readonly [string, string] {
  const [, name = "", value = ""] = FIELD.exec(line) ?? [];
  holds(name !== "", "a response has a bad header", line);
  return [name.toLowerCase(), value];
}

/** Bytes of the body. */
function lengthOf(fields: Response["fields"], head: boolean, rest: Buffer): number {
  if (head) return 0;
  const lengths = fields.filter(([name]) => name === "content-length").map(([, value]) => value);
  const chunked = fields.some(([name, value]) => name === "transfer-encoding" && value === "chunked");
  holds(lengths.length < 2 && !(chunked && lengths.length > 0), "a response has two lengths", fields);
  if (chunked) return rest.indexOf("0\r\n\r\n") + 5;
  const [length] = lengths;
  holds(length === undefined || /^\d+$/.test(length), "a response has a bad length", length);
  if (length !== undefined) return Number(length);
  // As HTTP/1.0 has it, up to the end of the connection. A second response would be taken for a part of the first.
  holds(!/HTTP\/1\.1 \d{3} /.test(rest.toString("latin1")), "there is more than one response", rest.toString("latin1"));
  return rest.length;
}
