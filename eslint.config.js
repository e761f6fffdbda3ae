import jsdoc from "eslint-plugin-jsdoc";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/** What has no place anywhere: the language can do it, we do not (see the compiler's `erasableSyntaxOnly` for the rest). */
const EVERYWHERE = [
  {
    selector: ":matches(PropertyDefinition, MethodDefinition:not([kind='constructor']))[accessibility='private']",
    message: "Use #private: it is private at run time too.",
  },
  { selector: "ExportDefaultDeclaration", message: "Export by name." },
];

/** Only the entry files hand on what others export. */
const NO_REEXPORT = [
  {
    selector: ":matches(ExportAllDeclaration, ExportNamedDeclaration[source])",
    message: "Only the entry files src/*.ts re-export; import from where it is declared.",
  },
  {
    selector: "ExportNamedDeclaration[declaration=null][source=null]",
    message: "Put `export` where the thing is declared.",
  },
];

/** An entry file is a list of names and nothing else. */
const ONLY_REEXPORT = [
  {
    selector: "Program > :not(ExportNamedDeclaration[source])",
    message: 'An entry file holds nothing but `export { name } from "./layer/file.ts"`.',
  },
];

/** What must have a doc comment, if it is exported: everything that has a name, but the tags `name` and `type`. */
const DOCUMENTED = [
  "TSInterfaceDeclaration",
  "TSTypeAliasDeclaration",
  "TSPropertySignature:not([key.name='type'])",
  "TSMethodSignature",
  "VariableDeclaration",
];

/** Whose doc comment says in words what the thing is. A constructor's may hold its parameters only. */
const DESCRIBED = [
  ...DOCUMENTED,
  "ClassDeclaration",
  "FunctionDeclaration",
  "MethodDefinition:not([kind='constructor'])",
];

const src = {
  files: ["src/**/*.ts"],
  plugins: { jsdoc },
  settings: { jsdoc: { mode: "typescript", ignoreInternal: false } },
  rules: {
    "max-lines": ["error", { max: 400 }],
    "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
    "jsdoc/require-jsdoc": [
      "error",
      {
        publicOnly: true,
        checkConstructors: false,
        enableFixer: false,
        contexts: DOCUMENTED,
        // A member that keeps an interface has its words there; those of the public classes are asked for below.
        require: { ClassDeclaration: true, FunctionDeclaration: true, MethodDefinition: false },
      },
    ],
    "jsdoc/require-description": ["error", { contexts: DESCRIBED, descriptionStyle: "body" }],
    "jsdoc/no-types": "error",
    // A type that is not exported, and stands in the API's pages as what it is: see scripts/api.ts.
    "jsdoc/check-tag-names": ["error", { typed: true, definedTags: ["inline"] }],
    "jsdoc/check-param-names": ["error", { checkDestructured: false, disableMissingParamChecks: true }],
    "jsdoc/require-param-description": "error",
    "jsdoc/require-returns-description": "error",
    "jsdoc/empty-tags": "error",
  },
};

/** The classes that users see: every member is documented where it stands. */
const publicClasses = {
  files: ["src/errors/errors.ts", "src/server/websocket-*.ts", "src/server/connection*.ts"],
  plugins: { jsdoc },
  rules: {
    "jsdoc/require-jsdoc": [
      "error",
      {
        publicOnly: true,
        checkConstructors: false,
        checkSetters: false,
        enableFixer: false,
        contexts: [...DOCUMENTED, "PropertyDefinition:not([key.name=/^(name|type)$/])"],
        require: { ClassDeclaration: true, FunctionDeclaration: true, MethodDefinition: true },
      },
    ],
  },
};

const ours = {
  files: ["**/*.ts"],
  extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
  languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
  linterOptions: { reportUnusedDisableDirectives: "error" },
  rules: {
    eqeqeq: "error",
    "no-console": "off",
    "max-lines-per-function": ["error", { max: 80, skipBlankLines: true, skipComments: true }],
    "no-restricted-syntax": ["error", ...EVERYWHERE],
    "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
    "@typescript-eslint/consistent-type-exports": "error",
    "@typescript-eslint/explicit-member-accessibility": ["error", { accessibility: "no-public" }],
    "@typescript-eslint/no-confusing-void-expression": [
      "error",
      { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
    ],
    "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: "only-allowed-literals" }],
    "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    // The compiler says it already, and knows better.
    "@typescript-eslint/no-unused-vars": "off",
  },
};

export default defineConfig(
  globalIgnores(["**/dist/", "**/node_modules/", "coverage/", "bench/", "frameworks/"]),
  ours,
  src,
  publicClasses,
  { files: ["src/*/**/*.ts"], rules: { "no-restricted-syntax": ["error", ...EVERYWHERE, ...NO_REEXPORT] } },
  { files: ["src/*.ts"], rules: { "no-restricted-syntax": ["error", ...EVERYWHERE, ...ONLY_REEXPORT] } },
  {
    // Loops over bytes and queues: the index is known to be inside, and counting is what they do.
    files: ["src/protocol/**/*.ts", "src/connection/**/*.ts"],
    rules: { "@typescript-eslint/no-non-null-assertion": "off", "@typescript-eslint/prefer-for-of": "off" },
  },
  {
    // A test says once what holds, and writes handlers that do nothing. Its describe is as long as its list of cases.
    files: ["test/**/*.ts"],
    rules: {
      "max-lines-per-function": "off",
      "@typescript-eslint/no-empty-function": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    // An example shows a handler's shape, also where it has nothing to await yet.
    files: ["examples/**/*.ts"],
    rules: { "@typescript-eslint/no-empty-function": "off", "@typescript-eslint/require-await": "off" },
  },
  {
    // Tools that are configured by a default export.
    files: ["**/*.config.ts"],
    rules: { "no-restricted-syntax": "off" },
  },
);
