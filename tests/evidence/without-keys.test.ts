// The command as somebody runs it who has no key: what it can say of a file then. No database: tests/evidence/signed-log.ts.
import { expect, it } from 'vitest';
import { signedEvidence, signedExport } from './signed-log.ts';
import { commandOn } from './verifier-command.ts';
import { plain } from './written-proposal.ts';

const told = (text: string, kept?: string) => commandOn(text, kept, []);

it('a log or evidence that holds together is not called whole, but unsigned, with a code of its own', async () => {
  for (const text of [(await signedExport(plain)).join('\n'), JSON.stringify(await signedEvidence(plain))]) {
    expect(commandOn(text)).toMatchObject({ code: 0, said: expect.stringMatching(/^whole /) });
    expect(told(text)).toMatchObject({ code: 3, said: expect.stringMatching(/^unsigned: .*"executions":1/) });
  }
});

it('what does not hold together is broken, as with a key', async () => {
  const text = (await signedExport(plain)).join('\n');
  for (const spoilt of [text.replace('approve', 'reject'), text.replace('"executionId', '"other')])
    expect(told(spoilt)).toMatchObject({ code: 1, said: expect.stringMatching(/^BROKEN /) });
});

it('a checkpoint that was kept is compared by its key alone', async () => {
  const lines = await signedExport(plain);
  const { checkpoint } = lines.map((line) => JSON.parse(line)).find((line) => line.checkpoint !== undefined);
  expect(commandOn(lines.join('\n'), checkpoint)).toMatchObject({ code: 0 });
  expect(told(lines.join('\n'), checkpoint)).toMatchObject({ code: 2, said: expect.stringContaining('usage: ') });
});
