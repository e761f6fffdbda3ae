/**
 * The layers of src/, from the ground up: the table in docs/architecture.md, which a test holds against this list. A layer
 * may import from itself and from the layers before it. A folder of src/ that is not in the list is an error.
 */
export const LAYERS = [
  "errors",
  "util",
  "protocol",
  "compression",
  "handshake",
  "connection",
  "backplane",
  "redis",
  "topics",
  "server",
  "adapters",
  "client",
  "metrics",
  "inspector",
  "cli",
  "testing",
];

const downward = LAYERS.slice(0, -1).map((layer, index) => ({
  name: `${layer}-imports-only-from-layers-before-it`,
  comment: `src/${layer} may import only from: ${LAYERS.slice(0, index + 1).join(", ")}.`,
  severity: "error",
  from: { path: `^src/${layer}/` },
  to: { path: `^src/(${LAYERS.slice(index + 1).join("|")})/` },
}));

/** Layers that know nothing of each other although one stands before the other in the list. Types are excepted. */
const apart = [
  ["client", "server"],
  ["topics", "connection"],
  ["backplane", "connection"],
].map(([from, to]) => ({
  name: `${from}-and-${to}-are-apart`,
  comment: `src/${from} knows nothing of src/${to}, types excepted.`,
  severity: "error",
  from: { path: `^src/${from}/` },
  to: { path: `^src/${to}/`, dependencyTypesNot: ["type-only"] },
}));

/** The folders of src/connection, in the same order. Files in src/connection itself use all of them. */
export const CONNECTION_FOLDERS = ["counters", "transport", "keepalive", "sending", "receiving", "dispatch"];

const inward = CONNECTION_FOLDERS.map((folder, index) => ({
  name: `${folder}-imports-only-from-folders-before-it`,
  comment: `src/connection/${folder} may import of its layer only: ${CONNECTION_FOLDERS.slice(0, index + 1).join(", ")}.`,
  severity: "error",
  from: { path: `^src/connection/${folder}/` },
  to: { path: "^src/connection/", pathNot: `^src/connection/(${CONNECTION_FOLDERS.slice(0, index + 1).join("|")})/` },
}));

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...downward,
    ...apart,
    ...inward,
    {
      name: "redis-is-an-entry",
      comment: "Only the entry hawser/redis uses src/redis: nobody else loads it.",
      severity: "error",
      from: { path: "^src/[^/]+/", pathNot: "^src/redis/" },
      to: { path: "^src/redis/" },
    },
    {
      name: "no-unknown-layer",
      comment: "Every folder of src/ is a layer and stands in the list at the top of .dependency-cruiser.js.",
      severity: "error",
      from: {},
      to: { path: "^src/[^/]+/", pathNot: `^src/(${LAYERS.join("|")})/` },
    },
    {
      name: "entries-are-for-users",
      comment: "The entry files name what is public: no layer imports from one.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^src/[^/]+$" },
    },
    {
      name: "no-node-in-the-protocol",
      comment: "Errors, general structures and the protocol are values and bytes: they use no module of Node.",
      severity: "error",
      from: { path: "^src/(errors|util|protocol)/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "one-adapter-for-zlib",
      comment: "Only src/compression/zlib*.ts know node:zlib: the codec's interface is what others use.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/compression/zlib[^/]*[.]ts$" },
      to: { path: "^(node:)?zlib$" },
    },
    {
      name: "src-imports-only-src",
      comment: "Hawser has no runtime dependency, and knows nothing of its tests: src imports only src and node:.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/adapters/" },
      to: { dependencyTypesNot: ["core"], pathNot: "^src/" },
    },
    {
      name: "adapters-import-types-of-frameworks",
      comment: "An adapter may name the types of its framework, which the application has. It runs nothing of it.",
      severity: "error",
      from: { path: "^src/adapters/", pathNot: "^src/adapters/crossws/crossws-adapter[.]ts$" },
      to: { dependencyTypesNot: ["core", "type-only"], pathNot: "^src/" },
    },
    {
      name: "crossws-makes-its-adapter",
      comment: "hawser/crossws is crossws' own adapter with another server below: that adapter is all that it runs.",
      severity: "error",
      from: { path: "^src/adapters/crossws/crossws-adapter[.]ts$" },
      to: { dependencyTypesNot: ["core", "type-only"], pathNot: "^(src/|node_modules/crossws/dist/adapters/node[.])" },
    },
    {
      name: "adapters-are-entries",
      comment: "Only entry files use src/adapters: nobody else loads it.",
      severity: "error",
      from: { path: "^src/[^/]+/", pathNot: "^src/adapters/" },
      to: { path: "^src/adapters/" },
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
      // The pages get this one from their servers.
      to: { couldNotResolve: true, pathNot: "^[.]?/client[.]js$" },
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
