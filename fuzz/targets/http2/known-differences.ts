import type { Verdict } from "../http2-handshake.ts";
import type { SameRequest } from "./sides.ts";

/** A difference between the versions that is known and meant. */
interface KnownDifference {
  readonly why: string;
  /** Whether it is this one. */
  readonly explains: (asked: SameRequest, over1: Verdict, over2: Verdict) => boolean;
}

/** The characters of RFC 3986 3.2. */
const AUTHORITY = /^[A-Za-z0-9\-._~%!$&'()*+,;=:@[\]]+$/;

/** 128 less the pseudo-headers. */
const MOST_FIELDS = 123;

/** All of them. docs/http2.md has those that applications can notice. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    why: "another version is told with 400 instead of 426, which is about Upgrade",
    explains: (_asked, over1, over2) => over1.status === 426 && over2.status === 400,
  },
  {
    why: "a path that does not begin with a slash, or that has other characters, resets the stream: nghttp2 takes no other (RFC 9113 8.3.1)",
    explains: ({ target }, _over1, over2) => over2.status === undefined && !/^\/[!-~]*$/.test(target),
  },
  {
    why: "the path is compared before the characters of the target are: Node looks at them first over HTTP/1.1",
    explains: ({ target }, over1, over2) => over1.status === 400 && over2.status === 404 && !/^[!-~]*$/.test(target),
  },
  {
    why: "an empty :authority, or one with other characters, resets the stream: nghttp2 takes no other",
    explains: ({ host }, _over1, over2) => over2.status === undefined && !AUTHORITY.test(host),
  },
  {
    why: "a server of node:http2 resets a stream with more than 128 headers, unless its option maxHeaderListPairs allows more",
    explains: ({ fields }, _over1, over2) => over2.status === undefined && fields.length > MOST_FIELDS,
  },
  {
    why: "nghttp2 resets a stream with a header that it finds malformed before the library sees it",
    explains: (_asked, over1, over2) => over2.status === undefined && over1.status === 400,
  },
];
