import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  Application,
  type Context,
  Converter,
  type DeclarationReflection,
  IntersectionType,
  ParameterReflection,
  type ProjectReflection,
  ReferenceType,
  ReflectionKind,
  type TypeDocOptions,
} from "typedoc";
import { type PluginOptions, load } from "typedoc-plugin-markdown";
import ts from "typescript";

/**
 * Makes the pages of docs/api from the doc comments of what the entry points export. With `--write` it writes them.
 * Without it, it fails if the pages there are not those that the doc comments make.
 */
const root = fileURLToPath(new URL("..", import.meta.url));
const pages = join(root, "docs/api");

/** Types that only check an argument: TypeScript shows their words at one that does not fit. */
const CHECKS = ["FittingHandlers", "FittingMessage"];

const options = {
  entryPoints: [
    "src/hawser.ts",
    "src/client.ts",
    "src/client-topics.ts",
    "src/crossws.ts",
    "src/fastify.ts",
    "src/nest.ts",
    "src/redis.ts",
    "src/streams.ts",
    "src/testing.ts",
    "src/ws.ts",
  ].map((name) => join(root, name)),
  tsconfig: join(root, "tsconfig.build.json"),
  name: "The API of Hawser",
  readme: "none",
  logLevel: "Warn",
  intentionallyNotExported: [
    "ServerHandlerType",
    "ConnectionHandlerType",
    "MessageOf",
    "PublishableOf",
    "BroadcastableOf",
    "ByteStream",
    "KnownHandler",
    "Identified",
    "Driver",
  ],
  preservedTypeAnnotationTags: ["@throws"],
  // What `Error` and other classes of the platform have, and line numbers, which change with each commit.
  excludeExternals: true,
  disableSources: true,
  excludeInternal: true,
  sort: ["source-order"],
  // A page for each class. The interfaces and types are short: they share the page of their entry point.
  router: "member",
  membersWithOwnFile: ["Class"],
  hideBreadcrumbs: true,
  hidePageHeader: true,
  hideGenerator: true,
  useCodeBlocks: true,
  indexFormat: "table",
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  classPropertiesFormat: "table",
  typeAliasPropertiesFormat: "table",
  propertyMembersFormat: "table",
  typeDeclarationFormat: "table",
  tableColumnSettings: {
    hideInherited: true,
    hideModifiers: true,
    hideOverrides: true,
    hideSources: true,
    hideValues: true,
  },
} satisfies Partial<TypeDocOptions & PluginOptions>;

/** Writes the pages to a folder, which is emptied first. Returns whether there was no warning. */
async function generate(folder: string): Promise<boolean> {
  const app = await Application.bootstrapWithPlugins({ ...options, plugin: [load], out: folder });
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, useWords);
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }: Context) => {
    hideConstructors(project);
    hideChecks(project);
    showErrors(project);
  });
  const project = await app.convert();
  if (project === undefined) return false;
  app.validate(project);
  await app.generateOutputs(project);
  return !app.logger.hasErrors() && !app.logger.hasWarnings();
}

/** Lists the words that a type stands for where the type is declared, and names the type where it is used. */
function useWords(context: Context, reflection: DeclarationReflection): void {
  const symbol = context.getSymbolFromReflection(reflection);
  const declaration = symbol?.declarations?.[0];
  if (symbol === undefined || declaration === undefined) return;
  if (ts.isTypeAliasDeclaration(declaration)) {
    if (declaration.type.getText().includes("typeof ")) reflection.comment?.modifierTags.add("@useDeclaredType");
  } else if (ts.isPropertySignature(declaration) || ts.isPropertyDeclaration(declaration)) {
    const { type } = declaration;
    if (type !== undefined && (ts.isTypeReferenceNode(type) || ts.isTypeOperatorNode(type)))
      reflection.type = context.converter.convertType(context.withScope(reflection), type);
  }
}

/** `M & FittingMessage<M>` is a message `M`. */
function hideChecks(project: ProjectReflection): void {
  for (const parameter of project.getReflectionsByKind(ReflectionKind.Parameter)) {
    if (!(parameter instanceof ParameterReflection) || !(parameter.type instanceof IntersectionType)) continue;
    const types = parameter.type.types.filter((one) => !(one instanceof ReferenceType && CHECKS.includes(one.name)));
    const [only, ...others] = types;
    parameter.type = only !== undefined && others.length === 0 ? only : new IntersectionType(types);
  }
}

/** Users make servers and clients. The library makes the objects of all other classes. */
function hideConstructors(project: ProjectReflection): void {
  for (const constructor of project.getReflectionsByKind(ReflectionKind.Constructor))
    if (!["WebSocketServer", "WebSocket", "WsServer"].includes(constructor.parent?.name ?? ""))
      project.removeReflection(constructor);
}

/** `@throws {OutOfRangeError} for a number out of range`: with the class. */
function showErrors(project: ProjectReflection): void {
  for (const { comment } of Object.values(project.reflections))
    for (const { typeAnnotation, content } of comment?.blockTags ?? [])
      if (typeAnnotation !== undefined)
        content.unshift(
          { kind: "code", text: `\`${typeAnnotation.replace(/[{}]/g, "")}\`` },
          { kind: "text", text: " " },
        );
}

function readPages(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md"));
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

const isWriting = process.argv.includes("--write");
const made = isWriting ? pages : join(root, "node_modules/.cache/api");
if (!(await generate(made))) process.exitCode = 1;
else if (!isWriting) {
  const [now, then] = [readPages(made), readPages(pages)];
  const different = [...new Set([...now.keys(), ...then.keys()])].filter((name) => now.get(name) !== then.get(name));
  if (different.length > 0) {
    console.error(`docs/api: not what the doc comments make: ${different.join(", ")}; run: npm run api -- --write`);
    process.exitCode = 1;
  }
}
