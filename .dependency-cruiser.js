/**
 * The rooms of src/, from the ground up. A room may import only from itself and from rooms above it in this list.
 * A new room is a new line here; a folder that is not in the list is an error.
 */
const ROOMS = [
  "errors",
  "protocol",
  "handshake",
  "connection",
  "server",
  "client",
  "topics",
  "backplane",
  "inspector",
  "metrics",
  "cli",
];

const downward = ROOMS.slice(0, -1).map((room, index) => ({
  name: `${room}-imports-only-upwards`,
  comment: `src/${room} may import only from: ${ROOMS.slice(0, index + 1).join(", ")}.`,
  severity: "error",
  from: { path: `^src/${room}/` },
  to: { path: `^src/(${ROOMS.slice(index + 1).join("|")})/` },
}));

/** The chambers of src/connection, in the same order. What lies in the room itself uses all of them. */
const CHAMBERS = ["counters", "stream", "life", "sending", "receiving", "handler"];

const inward = CHAMBERS.map((chamber, index) => ({
  name: `${chamber}-imports-only-upwards`,
  comment: `src/connection/${chamber} may import of its room only: ${CHAMBERS.slice(0, index + 1).join(", ")}.`,
  severity: "error",
  from: { path: `^src/connection/${chamber}/` },
  to: { path: "^src/connection/", pathNot: `^src/connection/(${CHAMBERS.slice(0, index + 1).join("|")})/` },
}));

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...downward,
    ...inward,
    {
      name: "no-unknown-room",
      comment: "Every folder of src/ is a room and stands in the list at the top of .dependency-cruiser.js.",
      severity: "error",
      from: {},
      to: { path: "^src/[^/]+/", pathNot: `^src/(${ROOMS.join("|")})/` },
    },
    {
      name: "entries-are-for-users",
      comment: "The entry files are the public face: no room imports from one.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^src/[^/]+$" },
    },
    {
      name: "no-node-in-the-engine",
      comment: "The protocol and the error table are bytes and numbers: they use no module of Node.",
      severity: "error",
      from: { path: "^src/(errors|protocol)/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "src-imports-only-src",
      comment: "Hawser has no runtime dependency, and knows nothing of its tests: src imports only src and node:.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypesNot: ["core"], pathNot: "^src/" },
    },
    {
      name: "no-cycle",
      comment: "Two files that run each other are one file, or the wrong two. The public types may name each other.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "resolves",
      comment: "An import that leads nowhere hides from every other rule.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)dist/" },
    tsConfig: { fileName: "tsconfig.json" },
    // Imports of types count too: an arrow is an arrow.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["types", "import", "node", "default"] },
    skipAnalysisNotInRules: true,
  },
};
