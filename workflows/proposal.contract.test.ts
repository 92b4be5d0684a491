import { describe, expect, it } from 'vitest';
import { searchAttributes as registered } from '../scripts/temporal/search-attributes.ts';
import * as contract from './proposal.contract.ts';
import { failureTypes } from './proposal-activities.contract.ts';

describe('durable names', () => {
  it('are what workflows that are running were started with', () => {
    expect({
      workflow: contract.proposalWorkflowType,
      id: contract.proposalWorkflowId('p'),
      signal: contract.nudgeSignal.name,
      update: contract.nudgeUpdate.name,
      failureTypes,
    }).toEqual({
      workflow: 'proposal',
      id: 'proposal/p',
      signal: 'nudge',
      update: 'nudge',
      failureTypes: {
        databaseAway: 'DatabaseAway',
        policyEngineAway: 'PolicyEngineAway',
        proposalNotFound: 'ProposalNotFound',
        effectNotDone: 'EffectNotDone',
        historyAway: 'HistoryAway',
        bug: 'Bug',
      },
    });
  });

  it('of search attributes are those that servers are made to know', () => {
    const used = Object.fromEntries(contract.searchAttributes.map(({ name, type }) => [name.toUpperCase(), type]));
    const known = Object.fromEntries(Object.entries(registered).map(([name, type]) => [name.toUpperCase(), type.toUpperCase()]));
    expect(used).toEqual(known);
  });

  it('fit the server: a fairness key holds at most 64 bytes', () => {
    const start = { tenantId: '00000000-0000-4000-8000-000000000000', proposalId: 'p', actionType: 'a' };
    expect(contract.proposalStartOptions(start, 'q').priority.fairnessKey.length).toBeLessThanOrEqual(64);
  });
});
