/**
 * Whether the long form of the tests runs (`npm run test:long`): full sizes and counts, all scenarios in browsers over HTTP/2,
 * and all hostile peers over HTTP/2. Run it before a release.
 */
export const isLong = process.env["LONG_TESTS"] === "1";
