import { quotedWords } from '../quoted-words.ts';

/** Who speaks where the library that reads and computes expressions is quoted. */
export const speaker = 'the expression language';

/** Thrown by functions of ours inside an expression. Its message quotes no value that it was given. */
export class ComputationError extends Error {}

/** What the library says, where it quotes the value that could not be used: the same without the value. */
const withoutValue: Readonly<Record<string, string>> = {
  bool_conversion_error: 'bool(): the text is neither true nor false',
  field_type_mismatch: 'a field is not of the type that is expected',
  index_out_of_bounds: 'an index lies outside its list',
  invalid_duration: 'duration(): the text is no duration',
  invalid_regular_expression: 'matches(): the text is no pattern',
  list_item_type_mismatch: 'an item is not of the type that is expected',
  no_such_key: 'a map has no such key',
  numeric_overflow: 'integer overflow',
};

/** Codes whose messages name types and functions alone. */
const speaksOfTypes = new Set([
  'division_by_zero',
  'double_conversion_error',
  'index_out_of_range',
  'int_conversion_error',
  'invalid_comparison_type',
  'invalid_list_element_type',
  'invalid_timestamp',
  'modulo_by_zero',
  'no_such_overload',
  'uint_conversion_error',
]);

/**
 * Why a computation failed, in words without any value of it: they are stored with the proposal and shown to people who may not see what it computed with. So what is
 * not known to be without values is not said.
 */
export function failureWords(error: unknown): string {
  if (error instanceof ComputationError) {
    return error.message;
  }
  const { code = '', summary } = error as { code?: string; summary?: string };
  return withoutValue[code] ?? (speaksOfTypes.has(code) && summary !== undefined ? quotedWords(speaker, summary) : 'cannot be computed');
}
