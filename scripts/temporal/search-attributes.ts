import { SearchAttributeType } from '@temporalio/common';
import { searchAttributes as declared } from '../../workflows/proposal.contract.ts';

/** What Temporal's command line tool calls a type, and the number its API has for it (IndexedValueType). */
const names = {
  [SearchAttributeType.TEXT]: 'Text',
  [SearchAttributeType.KEYWORD]: 'Keyword',
  [SearchAttributeType.INT]: 'Int',
  [SearchAttributeType.DOUBLE]: 'Double',
  [SearchAttributeType.BOOL]: 'Bool',
  [SearchAttributeType.DATETIME]: 'Datetime',
  [SearchAttributeType.KEYWORD_LIST]: 'KeywordList',
} as const;

export const typeNumbers = { Text: 1, Keyword: 2, Int: 3, Double: 4, Bool: 5, Datetime: 6, KeywordList: 7 } as const;

/** Name -> type of the search attributes the workflows set; a server MUST know them before the first workflow starts, or it refuses the start. */
export const searchAttributes = Object.fromEntries(declared.map(({ name, type }) => [name, names[type]]));
