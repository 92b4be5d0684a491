// The lines of an export.

const newline = 0x0a;

/**
 * Of chunks of bytes the lines, each ended by the byte 0x0A and by no other: JSON text may hold whatever else ends lines elsewhere, such as U+2028, as it is. A line is read as
 * UTF-8 once it is whole, so that no character is cut, and only one is held.
 */
export async function* linesOf(chunks) {
  let begun = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      yield textOf(begun, chunk.subarray(start, end));
      begun = [];
      start = end + 1;
    }
    if (start < chunk.length) begun.push(chunk.subarray(start));
  }
  if (begun.length > 0) yield textOf(begun);
}

const textOf = (begun, ...last) => Buffer.concat([...begun, ...last]).toString('utf8');
