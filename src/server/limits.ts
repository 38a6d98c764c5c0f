import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type FragmentDefinitionNode,
  GraphQLError,
  getOperationAST,
  Kind,
  type SelectionSetNode,
  visit,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { HTTP_STATUS } from './errors.ts';
import { estimateFields } from './query-cost.ts';

export interface QueryLimits {
  readonly tokens: number;
  readonly depth: number;
  readonly aliases: number;
  readonly fields: number;
}

/**
 * Far above what a page, a dashboard or GraphiQL asks for, far below what stalls the gateway for everyone else.
 *
 * - tokens: validation compares fields in pairs, so its time grows with the square of a document's length (at its worst
 *   0.5 s for 10,000). A thousand ids written into the document are a thousand tokens.
 * - depth: GraphiQL's introspection has 15 levels; a job's tasks' attempts' workers with their edges have 13.
 * - aliases: the same field again and again in one request passes by every limit that counts requests.
 * - fields: a hundred jobs with a hundred tasks of eight fields each; three levels of a hundred would be a million.
 */
export const QUERY_LIMITS: QueryLimits = { tokens: 5_000, depth: 20, aliases: 100, fields: 100_000 };

interface ExecutionHook {
  args: ExecutionArgs;
  setResultAndStopExecution(result: ExecutionResult): void;
}

/** Refuses what would cost too much with QUERY_TOO_COMPLEX: by its text before it is validated, by its lists before it runs. */
export function useQueryLimits(limits: QueryLimits = QUERY_LIMITS): Plugin {
  const passed = new WeakSet<DocumentNode>();
  const checkFields = ({ args, setResultAndStopExecution }: ExecutionHook): void => {
    const error = findTooManyFields(args, limits.fields);
    if (error) setResultAndStopExecution({ errors: [error] });
  };

  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source, options) => parseFn(source, { ...options, maxTokens: limits.tokens }));
      return ({ result, replaceParseResult }) => {
        if (result instanceof GraphQLError && /more tha[nt] \d+ tokens/.test(result.message)) {
          replaceParseResult(refuseAsTooComplex(`The document has more than ${limits.tokens} tokens`));
        }
      };
    },
    // Before the standard rules and not as one of them: those must not see what is too large for them.
    onValidate({ params, setResult }) {
      if (passed.has(params.documentAST)) return;
      const error = findExcess(params.documentAST, limits);
      if (error) setResult([error]);
      else passed.add(params.documentAST);
    },
    onExecute: checkFields,
    onSubscribe: checkFields,
  };
}

function findExcess(document: DocumentNode, limits: QueryLimits): GraphQLError | undefined {
  const aliases = countAliases(document);
  if (aliases > limits.aliases) {
    return refuseAsTooComplex(`The document has ${aliases} aliases; at most ${limits.aliases} are allowed`);
  }
  const depth = measureDepth(document);
  if (depth > limits.depth) {
    return refuseAsTooComplex(`The document is ${depth} levels deep; at most ${limits.depth} are allowed`);
  }
  return undefined;
}

function findTooManyFields(args: ExecutionArgs, limit: number): GraphQLError | undefined {
  const { schema, document, operationName, variableValues } = args;
  const operation = getOperationAST(document, operationName);
  if (!operation) return undefined; // execution says so
  const fragments = collectFragments(document);
  const fields = estimateFields({ schema, operation, fragments, variables: variableValues ?? {} });
  if (fields <= limit) return undefined;
  return refuseAsTooComplex(
    `The answer could hold ${fields.toLocaleString('en')} fields; at most ${limit.toLocaleString('en')} are allowed`,
    'ask for shorter lists (first, last) or fewer levels',
  );
}

function refuseAsTooComplex(what: string, remedy = 'send it in parts'): GraphQLError {
  const http = { status: HTTP_STATUS.QUERY_TOO_COMPLEX, spec: false };
  return new GraphQLError(`${what}: ${remedy}.`, { extensions: { code: 'QUERY_TOO_COMPLEX', http } });
}

function countAliases(document: DocumentNode): number {
  let count = 0;
  visit(document, {
    Field(node) {
      if (node.alias) count += 1;
    },
  });
  return count;
}

/** Levels of fields, fragments spread out. Fragments that spread themselves end the count: validation refuses them. */
function measureDepth(document: DocumentNode): number {
  const fragments = collectFragments(document);
  const ofFragment = new Map<string, number>();

  function measure(set: SelectionSetNode | undefined): number {
    let deepest = 0;
    for (const selection of set?.selections ?? []) {
      deepest = Math.max(
        deepest,
        selection.kind === Kind.FIELD
          ? 1 + measure(selection.selectionSet)
          : selection.kind === Kind.INLINE_FRAGMENT
            ? measure(selection.selectionSet)
            : measureFragment(selection.name.value),
      );
    }
    return deepest;
  }

  function measureFragment(name: string): number {
    const known = ofFragment.get(name);
    if (known !== undefined) return known;
    ofFragment.set(name, 0);
    const depth = measure(fragments[name]?.selectionSet);
    ofFragment.set(name, depth);
    return depth;
  }

  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  return Math.max(0, ...operations.map((operation) => measure(operation.selectionSet)));
}

function collectFragments(document: DocumentNode): Record<string, FragmentDefinitionNode> {
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null);
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  return fragments;
}
