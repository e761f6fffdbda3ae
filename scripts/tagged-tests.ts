import ts from "typescript";

/** A test with a comment directly above it that names requirements: `// shows 6455-5.1-3, 4D-2-open`. */
export interface TaggedTest {
  readonly file: string;
  /** The names of its `describe` blocks and its own, joined by ` > `. */
  readonly name: string;
  readonly ids: readonly string[];
  /** True when the test, or a block around it, may not run or is expected to fail. */
  readonly skipped: boolean;
}

/** The tagged tests of one file. */
export interface TaggedFile {
  readonly tests: readonly TaggedTest[];
  /** Tags that are not above a test, as `file:line`. */
  readonly stray: readonly string[];
}

// An id has no spaces, so that a sentence that starts with "shows" does not match.
const TAG = /^\/\/ shows (\S+(?:, \S+)*)$/;
const BLOCKS = new Set(["describe", "suite"]);
// A test that runs on some machines only proves nothing, and one that must fail proves the opposite.
const NO_PROOF = new Set(["skip", "skipIf", "runIf", "todo", "fails"]);

/**
 * Finds the tagged tests of a file without running it.
 *
 * @param file - the name the tests are reported under
 * @param text - the TypeScript source
 */
export function findTaggedTests(file: string, text: string): TaggedFile {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const tests: TaggedTest[] = [];
  const used = new Set<number>();
  const visit = (node: ts.Node, blocks: readonly Named[]): void => {
    const call = callOf(node);
    const named = call === undefined ? undefined : nameOf(call);
    if (named === undefined) {
      ts.forEachChild(node, (child) => visit(child, blocks));
      return;
    }
    const path = [...blocks, named];
    const tags = BLOCKS.has(named.callee) ? [] : tagsAbove(node, text);
    if (tags.length > 0) {
      for (const tag of tags) used.add(tag.pos);
      tests.push({
        file,
        name: path.map((part) => part.name).join(" > "),
        ids: tags.flatMap((tag) => tag.ids),
        skipped: path.some((part) => part.skipped) || skipsItself(node),
      });
    }
    ts.forEachChild(node, (child) => visit(child, path));
  };
  visit(source, []);
  const stray = allTags(source)
    .filter((tag) => !used.has(tag.pos))
    .map((tag) => `${file}:${source.getLineAndCharacterOfPosition(tag.pos).line + 1}`);
  return { tests, stray };
}

interface Named {
  readonly callee: string;
  readonly name: string;
  readonly skipped: boolean;
}

function callOf(node: ts.Node): ts.CallExpression | undefined {
  if (!ts.isExpressionStatement(node)) return undefined;
  const expression = ts.isVoidExpression(node.expression) ? node.expression.expression : node.expression;
  return ts.isCallExpression(expression) ? expression : undefined;
}

/** The name in a call with a text as its first argument: `test("…")`, `it.each(rows)("…")`, or a helper for several tests. */
function nameOf(call: ts.CallExpression): Named | undefined {
  const [first, second] = call.arguments;
  if (first === undefined || !isText(first)) return undefined;
  const words: string[] = [];
  let callee: ts.Expression = call.expression;
  while (!ts.isIdentifier(callee)) {
    if (ts.isPropertyAccessExpression(callee)) {
      words.push(callee.name.text);
      callee = callee.expression;
    } else if (ts.isCallExpression(callee)) callee = callee.expression;
    else if (ts.isTaggedTemplateExpression(callee)) callee = callee.tag;
    else return undefined;
  }
  return {
    callee: callee.text,
    name: ts.isStringLiteralLike(first) ? first.text : first.getText().replace(/^`|`$/g, ""),
    skipped: words.some((word) => NO_PROOF.has(word)) || optionsSkip(second),
  };
}

function isText(node: ts.Expression): boolean {
  if (ts.isBinaryExpression(node)) return isText(node.left) || isText(node.right);
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}

/** `test(name, { skip: true }, …)`. */
function optionsSkip(options: ts.Expression | undefined): boolean {
  if (options === undefined || !ts.isObjectLiteralExpression(options)) return false;
  return options.properties.some((property) => property.name !== undefined && NO_PROOF.has(property.name.getText()));
}

/** `context.skip()` anywhere in the test's body. */
function skipsItself(node: ts.Node): boolean {
  if (ts.isCallExpression(node) && node.arguments.every((argument) => !ts.isFunctionLike(argument))) {
    const callee = node.expression;
    if (ts.isIdentifier(callee) && callee.text === "skip") return true;
    if (ts.isPropertyAccessExpression(callee) && callee.name.text === "skip") return true;
  }
  return ts.forEachChild(node, (child) => skipsItself(child) || undefined) ?? false;
}

interface Tag {
  readonly pos: number;
  readonly ids: readonly string[];
}

function tagsAbove(node: ts.Node, text: string): Tag[] {
  const tags: Tag[] = [];
  ts.forEachLeadingCommentRange(text, node.getFullStart(), (pos, end) => {
    const ids = TAG.exec(text.slice(pos, end))?.[1];
    if (ids !== undefined) tags.push({ pos, ids: ids.split(", ") });
  });
  return tags;
}

/** Every tag of the file. Comments belong to tokens, so each token is visited too. */
function allTags(source: ts.SourceFile): Tag[] {
  const tags = new Map<number, Tag>();
  const visit = (node: ts.Node): void => {
    for (const tag of tagsAbove(node, source.text)) tags.set(tag.pos, tag);
    for (const child of node.getChildren(source)) visit(child);
  };
  visit(source);
  return [...tags.values()];
}
