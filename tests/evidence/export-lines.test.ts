// Where the lines of an export end, for the command as auditors run it: at the byte 0x0A, whatever else text has in it.
import { expect, it } from 'vitest';
import { signedExport } from './signed-log.ts';
import { commandOn } from './verifier-command.ts';
import { created, plain, replaced } from './written-proposal.ts';

const { linesOf } = await import(String(new URL('../../verifier/lines.mjs', import.meta.url)));

/** What other programs take for the end of a line. */
const otherEnds = '\u2028 \u2029 \u0085 \v \f \r';

it('what somebody wrote may hold any character', async () => {
  const lines = await signedExport(replaced(plain, 0, { personal: { ...created.personal, justification: `see below: ${otherEnds}` } }));
  expect(lines.join('\n')).toContain('\u2028');
  expect(commandOn(`${lines.join('\n')}\n`)).toMatchObject({ code: 0, said: expect.stringMatching(/^whole /) });
});

it('a carriage return is white space, at the end of a line and within it', async () => {
  const lines = (await signedExport(plain)).map((line) => `${line.replace('{', '{\r')}\r`);
  expect(commandOn(`${lines.join('\n')}\n`)).toMatchObject({ code: 0, said: expect.stringMatching(/^whole /) });
});

it('they are the same however the bytes come in, and none is behind the last newline', async () => {
  const lines = [`{"a":"${otherEnds}"}`, '{"b":"\u{1f6eb} é \u2029"}\r', '', '{"end":1}'];
  for (const text of [`${lines.join('\n')}\n`, lines.join('\n')]) {
    const bytes = Buffer.from(text);
    for (const width of [1, 2, 3, 5, bytes.length]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / width) }, (_, at) => bytes.subarray(at * width, (at + 1) * width));
      const read: string[] = [];
      for await (const line of linesOf(chunks)) read.push(line);
      expect(read).toEqual(lines);
    }
  }
});
