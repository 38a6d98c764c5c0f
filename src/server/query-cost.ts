import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  valueFromASTUntyped,
} from 'graphql';

/** As many items as a connection gives when it is not told otherwise and declares no default. */
const DEFAULT_PAGE = 50;
/** No field gives more (statusChanges: 1,000); a wish beyond that is the resolver's to refuse, by its own name. */
const LARGEST_PAGE = 1_000;
/** For lists that take no size: a job's commands, a worker's attempts. */
const TYPICAL_LIST = 10;

export interface CostedOperation {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * How many fields the operation could answer with (of a subscription: per message), if every list is as long as it may
 * be. Expects a valid document. Alternatives of a union are added up.
 */
export function estimateFields({ schema, operation, fragments, variables }: CostedOperation): number {
  const values = withDefaults(operation, variables);
  const ofFragment = new Map<string, number>();

  function countSelections(set: SelectionSetNode, type: GraphQLCompositeType, isPage: boolean): number {
    let count = 0;
    for (const selection of set.selections) {
      switch (selection.kind) {
        case Kind.FIELD:
          count += countField(selection, type, isPage);
          break;
        case Kind.INLINE_FRAGMENT:
          count += countSelections(selection.selectionSet, narrow(type, selection.typeCondition?.name.value), isPage);
          break;
        case Kind.FRAGMENT_SPREAD:
          count += countFragment(selection.name.value, type, isPage);
          break;
      }
    }
    return count;
  }

  /** Counted once: fragments that spread each other twice would double with each level. */
  function countFragment(name: string, type: GraphQLCompositeType, isPage: boolean): number {
    const fragment = fragments[name];
    if (fragment === undefined) return 0;
    const key = `${name} ${isPage}`;
    const known = ofFragment.get(key);
    if (known !== undefined) return known;
    const { selectionSet, typeCondition } = fragment;
    const count = countSelections(selectionSet, narrow(type, typeCondition.name.value), isPage);
    ofFragment.set(key, count);
    return count;
  }

  function countField(node: FieldNode, parent: GraphQLCompositeType, isPage: boolean): number {
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[node.name.value] : undefined;
    const type = field && getNamedType(field.type);
    // Introspection is bounded by its depth.
    if (!node.selectionSet || !field || !isCompositeType(type)) return 1;
    const pageSize = readPageSize(field, node, values);
    const items = pageSize ?? (isPage || !isListType(getNullableType(field.type)) ? 1 : readListSize(node, values));
    return 1 + items * countSelections(node.selectionSet, type, pageSize !== undefined);
  }

  function narrow(type: GraphQLCompositeType, name: string | undefined): GraphQLCompositeType {
    const narrowed = name === undefined ? undefined : schema.getType(name);
    return isCompositeType(narrowed) ? narrowed : type;
  }

  const root = schema.getRootType(operation.operation);
  return root ? countSelections(operation.selectionSet, root, false) : 0;
}

/** Undefined for a field that is not asked for by the page. The lists right beneath one are the page. */
function readPageSize(field: GraphQLField<unknown, unknown>, node: FieldNode, values: Values): number | undefined {
  const sizes = field.args.filter((argument) => argument.name === 'first' || argument.name === 'last');
  if (sizes.length === 0) return undefined;
  const given = sizes.map(({ name }) => readArgument(node, name, values)).filter((value) => typeof value === 'number');
  const wished = given.length > 0 ? given : sizes.map(readDefault);
  return Math.min(Math.max(0, ...wished), LARGEST_PAGE);
}

/** Declared in code or, where the schema was read from text, as a literal. */
function readDefault({ default: declared, defaultValue }: GraphQLArgument): number {
  const size = declared?.literal ? valueFromASTUntyped(declared.literal) : (declared?.value ?? defaultValue);
  return typeof size === 'number' ? size : DEFAULT_PAGE;
}

/** As many as there are ids, given as an argument or in `input`. */
function readListSize(node: FieldNode, values: Values): number {
  const input = readArgument(node, 'input', values) as { ids?: unknown } | null | undefined;
  const ids = readArgument(node, 'ids', values) ?? input?.ids;
  return Array.isArray(ids) ? Math.min(ids.length, LARGEST_PAGE) : TYPICAL_LIST;
}

type Values = Readonly<Record<string, unknown>>;

function readArgument(node: FieldNode, name: string, values: Values): unknown {
  const argument = node.arguments?.find((candidate) => candidate.name.value === name);
  return argument && valueFromASTUntyped(argument.value, values);
}

function withDefaults(operation: OperationDefinitionNode, variables: Values): Values {
  const values: Record<string, unknown> = {};
  for (const { variable, defaultValue } of operation.variableDefinitions ?? []) {
    if (defaultValue) values[variable.name.value] = valueFromASTUntyped(defaultValue);
  }
  return { ...values, ...variables };
}
