/** The content of an answer, of which no more is read than this. @throws TooLong where there is more */
export async function boundedJson(answer: Response, mostBytes: number): Promise<unknown> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.byteLength;
    if (bytes > mostBytes) throw new TooLong(`the answer has more than ${mostBytes} bytes`); // Leaving the loop closes the connection.
    parts.push(part);
  }
  return JSON.parse(Buffer.concat(parts).toString('utf8'));
}

export class TooLong extends Error {}
