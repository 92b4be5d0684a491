import { isOpen, isoTime } from './proposal-row.ts';

export type Reverted = 'none' | 'partial' | 'full';

/** An executed revert of a family: of an execution, of a revert of it, and so on. */
export interface FamilyMember {
  proposalId: string;
  /** The execution that it took back. */
  revertOf: string;
  number: number;
  depth: number;
  executedAt: string;
  /** That it left what others had changed since. */
  skipped: boolean;
  /** That it left an effect which nothing takes back. */
  lasting: boolean;
}

/** Of one execution of a family: how many parts of the world it changed, how many are still as it left them, and whether any of those can be taken back. */
export interface StandingRow {
  proposalId: string;
  did: number;
  stands: number;
  isLeft: boolean;
}

export interface Family {
  /** In the order in which they were executed. */
  reverts: readonly FamilyMember[];
  /** Null where there is at most one revert, whose plan then says it all, and none that failed, of which an operator may have left something. */
  standing: readonly StandingRow[] | null;
}

export interface RevertView {
  proposalId: string;
  executedAt: string;
  /** Whether it left something of what stood when it was executed. */
  partial: boolean;
  /** What became of it since. */
  reverted: Reverted;
}

export interface WhatStands {
  reverted: Reverted;
  /** The newest revert by which something of it does not stand. */
  revertedBy: string | null;
  /** Of this execution itself, those that were executed, oldest first. */
  reverts: RevertView[];
  /** Whether nothing of it stands that could be taken back. */
  isTakenBack: boolean;
}

const mostShown = 100; // Each was approved by somebody; nobody goes back and forth that often.

/**
 * What of an execution still stands. Whatever its reverts took back does not, until reverts of these do it again; so an execution whose revert was reverted stands as it did before, and can be
 * taken back anew, and one that was reverted in part stands with the rest.
 */
export function whatStands(own: { proposalId: string; executionId: string } | null, { reverts, standing }: Family): WhatStands {
  if (own === null) return { reverted: 'none', revertedBy: null, reverts: [], isTakenBack: false };
  const of = (proposalId: string) => revertedOf(proposalId, { reverts, standing });
  const me = reverts.find(({ proposalId }) => proposalId === own.proposalId) ?? { number: 0, depth: 0 };
  const reverted = of(own.proposalId);
  const against = reverts.filter(
    ({ proposalId, number, depth }) => number > me.number && depth % 2 !== me.depth % 2 && of(proposalId) !== 'full',
  );
  return {
    reverted,
    revertedBy: reverted === 'none' ? null : (against.at(-1)?.proposalId ?? null),
    reverts: reverts
      .filter(({ revertOf }) => revertOf === own.executionId)
      .slice(-mostShown)
      .map(({ proposalId, executedAt, skipped, lasting }) => {
        return { proposalId, executedAt, partial: skipped || lasting, reverted: of(proposalId) };
      }),
    isTakenBack: reverted !== 'none' && !isLeft(own.proposalId, { reverts, standing }),
  };
}

function revertedOf(proposalId: string, { reverts, standing }: Family): Reverted {
  if (standing === null) {
    const [only] = reverts;
    if (only === undefined || only.proposalId === proposalId) return 'none';
    return only.skipped || only.lasting ? 'partial' : 'full';
  }
  const row = standing.find((one) => one.proposalId === proposalId);
  if (row === undefined || row.stands === row.did) return 'none';
  return row.stands === 0 ? 'full' : 'partial';
}

function isLeft(proposalId: string, { reverts, standing }: Family): boolean {
  if (standing === null) return reverts.some(({ skipped }) => skipped);
  return standing.find((one) => one.proposalId === proposalId)?.isLeft ?? false;
}

/** SQL for the family of an executed proposal row `p` with its execution `x`; of any other, an empty one. What stands is counted only where no single plan says it. */
export const familyJson = (p: string, x: string): string => `CASE WHEN ${x}.id IS NOT NULL AND ${p}.status = 'executed' THEN (
  SELECT jsonb_build_object('reverts', coalesce(f.reverts, '[]'), 'standing', CASE WHEN jsonb_array_length(f.reverts) > 1 OR f.failed THEN (
           SELECT jsonb_agg(jsonb_build_object('proposalId', c.proposal_id, 'did', c.did, 'stands', c.stands, 'isLeft', c.is_left)) FROM exequatur.count_standing(coalesce(${p}.revert_root, ${x}.id)) c) END)
    FROM (SELECT jsonb_agg(jsonb_build_object('proposalId', v.id, 'revertOf', v.revert_of, 'number', v.revert_number, 'depth', v.revert_depth, 'executedAt', ${isoTime('y.executed_at')},
                                              'skipped', w.summary ? 'skipped', 'lasting', w.summary ? 'lasting') ORDER BY v.revert_number) FILTER (WHERE v.status = 'executed') AS reverts,
                 coalesce(bool_or(v.status = 'failed'), false) AS failed
            FROM exequatur.proposal v LEFT JOIN exequatur.execution y ON y.tenant_id = v.tenant_id AND y.proposal_id = v.id LEFT JOIN exequatur.plan w ON w.tenant_id = v.tenant_id AND w.id = v.plan_id
           WHERE v.tenant_id = ${p}.tenant_id AND v.revert_root = coalesce(${p}.revert_root, ${x}.id) AND v.status IN ('executed', 'failed')) f)
  ELSE '{"reverts": [], "standing": null}' END`;

/** SQL for a revert that is open in the family of `p` with its execution `x`. */
export const openRevertOf = (p: string, x: string): string => `(
  SELECT v.id FROM exequatur.proposal v WHERE v.tenant_id = ${p}.tenant_id AND v.revert_root = coalesce(${p}.revert_root, ${x}.id) AND v.id <> ${p}.id
     AND ${isOpen('v')} LIMIT 1)::text`;
