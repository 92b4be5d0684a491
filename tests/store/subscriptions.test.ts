// Who decides where events go, on a clone from tests/support/database.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SecretBox } from '../../store/secret-box.ts';
import { WebhookScene } from '../events/webhook-scene.ts';
import { executePastTheGate } from './execute-past-the-gate.ts';
import { admin, caller, expectDone, keeper1, simulated } from './fixture.ts';
import { admin2, carriedOut } from './govern.ts';
import { simulatedFalsely } from './simulated-falsely.ts';

let scene: WebhookScene;
beforeEach(async () => {
  scene = await WebhookScene.open();
});
afterEach(() => scene?.close());

const wish = (more = {}) => scene.wish('shop', { filter: { types: ['proposal.*'] }, ...more });

describe('a subscription', () => {
  it('that is new waits for another administrator, and is nowhere until then; its secret is told once', async () => {
    const first = expectDone(await scene.put(wish()));
    expect(first).toMatchObject({ view: null, secret: expect.stringMatching(/^whsec_/), loosens: [{ pointer: '/url' }] });
    expect(expectDone(await scene.put(wish()))).toMatchObject({
      view: null,
      secret: null,
      proposed: { proposalId: first.proposed?.proposalId },
    });
    const plan = await simulated(scene.fixture, first.proposed?.proposalId ?? '');
    expect(plan.status).toBe('awaiting_approval');
    expect(await scene.fixture.review(plan, admin)).toMatchObject({ refused: 'self_review' });
    expect(await scene.fixture.review(plan, keeper1)).toMatchObject({ refused: 'not_eligible' });
    expect(await carriedOut(scene.fixture, plan.proposalId, admin2)).toMatchObject({ status: 'executed' });
    expect(await scene.view('shop')).toMatchObject({ enabled: true, createdBy: admin.id });
  });

  it('that says less is in force by itself; more, elsewhere, or on again is not', async () => {
    await scene.subscribe('shop', { filter: { types: ['proposal.*'] } });
    const pointers = async (more: object) => expectDone(await scene.put(wish(more))).loosens.map(({ pointer }) => pointer);
    expect(await pointers({ filter: { types: ['proposal.approved'] } })).toEqual([]);
    expect(await pointers({ filter: {} })).toEqual(['/filter/types']);
    expect(await pointers({ url: 'https://elsewhere.example/hook' })).toEqual(['/url']);
    const off = expectDone(await scene.put(wish({ enabled: false }), admin2));
    expect(off.loosens).toEqual([]);
    expect(await simulated(scene.fixture, off.proposed?.proposalId ?? '')).toMatchObject({ status: 'approved' });
    expect(await carriedOut(scene.fixture, off.proposed?.proposalId ?? '')).toMatchObject({ status: 'executed' });
    expect(await pointers({})).toEqual(['/enabled']);
  });

  it('that says less is, whatever a worker makes of it, no other one that says more', async () => {
    const { fixture } = scene;
    await scene.subscribe('shop', { filter: { types: ['proposal.*'] } });
    await scene.subscribe('watch', { filter: { types: ['proposal.executed'] } });
    const { proposed } = expectDone(await scene.put(wish({ filter: { types: ['proposal.approved'] } })));
    const stampOf = (name: string) =>
      fixture.inApi((tx) =>
        tx.rows<{ at: string }>('SELECT exequatur.stamp(changed_at) AS at FROM exequatur.subscription WHERE name = $1', [name]),
      );
    const [watch] = await stampOf('watch');
    await simulatedFalsely(fixture, proposed?.proposalId ?? '', 'subscriptions', (_set, edit) =>
      Object.assign(edit, { id: 'watch', before: { ...edit.before, changedAt: watch?.at ?? '' } }),
    );
    await expect(executePastTheGate(fixture, proposed?.proposalId ?? '')).rejects.toMatchObject({ code: 'XQ002' });
  });

  it('is set by ontology administrators alone, and where there is a key for its secret', async () => {
    expect(await scene.put(wish(), keeper1)).toMatchObject({ refused: 'forbidden' });
    expect(await scene.put(wish(), caller('robot', ['ontology-admin'], { kind: 'agent' }))).toMatchObject({ refused: 'forbidden' });
    expect(await scene.put(wish(), admin, new SecretBox([]))).toMatchObject({ refused: 'secrets_unavailable' });
    expect(await scene.put(wish({ filter: { condition: 'nobody.knows' } }))).toMatchObject({ refused: 'invalid_filter' });
  });
});
