import type { JsonValue } from '../ontology/json.ts';

/**
 * What a Rego policy reaches beyond its question, by its syntax tree as OPA parsed it: other packages, and what no list here lets it call. So a policy gets nothing of the
 * network, of files, of the clock, of chance or of OPA's configuration, however a name is spelled. In words, one for each.
 */
export function reachesBeyond(module: JsonValue): string[] {
  const { imports = [], rules = [] } = module as unknown as Module;
  const own = new Set(rules.map(({ head }) => head.ref?.[0]?.value));
  const found = new Set<string>();
  if (imports.length > 1) found.add('a policy imports nothing');
  visit(rules, (node) => {
    const { type, value, terms, with: replaced = [] } = node;
    if (type === 'var' && value === 'data') found.add('reads data, of which a policy has nothing but input');
    const called = type === 'call' ? nameOf(value) : Array.isArray(terms) ? nameOf(terms) : null;
    if (called !== null && !own.has(called) && !callable.has(called)) found.add(`calls ${called}, which a policy must not`);
    if (replaced.some(({ target }) => headOf(target) !== 'input')) found.add('replaces with `with` what is not input');
  });
  return [...found];
}

interface Module {
  imports?: unknown[];
  rules?: { head: { ref?: { value: unknown }[] } }[];
}

interface Node {
  type?: unknown;
  value?: unknown;
  terms?: unknown;
  with?: { target: Node }[];
}

/** The depth is bounded by the length of a policy. */
function visit(value: unknown, on: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) on(value);
  for (const inner of Object.values(value)) visit(inner, on);
}

/** The function of a call or of an expression, whose first term it is, with dots. */
function nameOf(terms: unknown): string | null {
  const [operator] = Array.isArray(terms) ? (terms as Node[]) : [];
  if (operator === undefined) return null;
  const parts = operator.type === 'ref' ? (operator.value as Node[]) : [operator];
  return parts.map(({ value }) => String(value)).join('.');
}

function headOf({ type, value }: Node): unknown {
  return type === 'ref' ? (value as Node[])[0]?.value : value;
}

/**
 * The builtins that a policy may call: what they say follows from what they are given, and what they take is about as much. Not among them are such as go by the clock
 * or by chance, reach outside, write somewhere, or make so much of little in one step that OPA ends, as `bits.lsh` and a chain of `replace` do.
 */
const callable: ReadonlySet<string> = new Set([
  ...['eq', 'assign', 'equal', 'neq', 'lt', 'lte', 'gt', 'gte', 'plus', 'minus', 'mul', 'div', 'rem', 'and', 'or'],
  ...['internal.member_2', 'internal.member_3', 'set_diff', 'union', 'intersection'],
  ...['abs', 'ceil', 'floor', 'round', 'to_number', 'numbers.range', 'numbers.range_step'],
  ...['count', 'sum', 'product', 'max', 'min', 'sort', 'array.concat', 'array.reverse', 'array.slice'],
  ...['object.filter', 'object.get', 'object.keys', 'object.remove', 'object.subset', 'object.union', 'object.union_n'],
  ...['concat', 'contains', 'endswith', 'startswith', 'indexof', 'indexof_n', 'lower', 'upper', 'split', 'substring', 'sprintf'],
  ...['trim', 'trim_left', 'trim_prefix', 'trim_right', 'trim_space', 'trim_suffix', 'format_int'],
  ...['strings.any_prefix_match', 'strings.any_suffix_match', 'strings.count', 'strings.reverse'],
  ...['glob.match', 'glob.quote_meta', 'regex.find_n', 'regex.is_valid', 'regex.match', 'regex.split'],
  ...['is_array', 'is_boolean', 'is_null', 'is_number', 'is_object', 'is_set', 'is_string', 'type_name'],
  ...['time.add_date', 'time.clock', 'time.date', 'time.diff', 'time.format', 'time.weekday'],
  ...['time.parse_duration_ns', 'time.parse_ns', 'time.parse_rfc3339_ns'],
  ...['semver.compare', 'semver.is_valid'],
]);
