const isHigh = /[\ud800-\uffff]/;

/**
 * A text whose UTF-16 units sort as the code points of the given one do, and so as PostgreSQL sorts its bytes; any other value as it is. Only where a character
 * beyond the basic plane meets one of its last do the two orders differ: surrogates move behind those, which move down into their place.
 */
export function orderedText(value: unknown): unknown {
  return typeof value === 'string' && isHigh.test(value) ? value.replace(/[\ud800-\uffff]/g, moved) : value;
}

function moved(unit: string): string {
  const code = unit.charCodeAt(0);
  return String.fromCharCode(code <= 0xdfff ? code + 0x2000 : code - 0x800);
}
