import { type ASTNode, type ExecutionArgs, getOperationAST, Kind, visit } from 'graphql';

/**
 * The variables on which the answers of a subscription depend, with their values: those below its root field. The root
 * field's own arguments choose the events, and nothing in the answer to an event: so clients that came back at different
 * cursors share their answers again.
 */
export function readAnswerVariables({
  document,
  operationName,
  variableValues,
}: ExecutionArgs): Record<string, unknown> {
  const names = new Set<string>();
  const collect = (node: ASTNode) => visit(node, { Variable: ({ name }) => void names.add(name.value) });
  for (const selection of getOperationAST(document, operationName)?.selectionSet.selections ?? []) {
    if (selection.kind !== Kind.FIELD) collect(selection);
    else for (const node of [selection.selectionSet, ...(selection.directives ?? [])]) if (node) collect(node);
  }
  for (const definition of document.definitions) if (definition.kind === Kind.FRAGMENT_DEFINITION) collect(definition);
  return Object.fromEntries([...names].sort().map((name) => [name, variableValues?.[name]]));
}
