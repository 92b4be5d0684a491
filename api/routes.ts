import type { Route } from './route.ts';
import { activatePolicies } from './routes/activate-policies.ts';
import { breakGlass } from './routes/break-glass.ts';
import { cancelMigration } from './routes/cancel-migration.ts';
import { cancelProposal } from './routes/cancel-proposal.ts';
import { createProposal } from './routes/create-proposal.ts';
import { createProposals } from './routes/create-proposals.ts';
import { createSchedule } from './routes/create-schedule.ts';
import { deleteDelegation } from './routes/delete-delegation.ts';
import { deleteEndpointSecret } from './routes/delete-endpoint-secret.ts';
import { deleteFreezeWindow } from './routes/delete-freeze-window.ts';
import { deleteSchedule } from './routes/delete-schedule.ts';
import { deleteSubscription } from './routes/delete-subscription.ts';
import { diffOntology } from './routes/diff-ontology.ts';
import { erasePrincipal } from './routes/erase-principal.ts';
import { exportAudit } from './routes/export-audit.ts';
import { exportSystemAudit } from './routes/export-system-audit.ts';
import { getActionType } from './routes/get-action-type.ts';
import { getAsyncApi } from './routes/get-async-api.ts';
import { getAuditProof } from './routes/get-audit-proof.ts';
import { getCheckpoint } from './routes/get-checkpoint.ts';
import { getDecisions } from './routes/get-decisions.ts';
import { getDelegation } from './routes/get-delegation.ts';
import { getDocs } from './routes/get-docs.ts';
import { getEvent } from './routes/get-event.ts';
import { getEventSchema } from './routes/get-event-schema.ts';
import { getEvidence } from './routes/get-evidence.ts';
import { getHistory } from './routes/get-history.ts';
import { getLinks } from './routes/get-links.ts';
import { getLiveness } from './routes/get-liveness.ts';
import { getLogCheckpoint } from './routes/get-log-checkpoint.ts';
import { getLogTile } from './routes/get-log-tile.ts';
import { getMetrics } from './routes/get-metrics.ts';
import { getMigration } from './routes/get-migration.ts';
import { getObject } from './routes/get-object.ts';
import { getOntology } from './routes/get-ontology.ts';
import { getOntologySchema } from './routes/get-ontology-schema.ts';
import { getOpenApi } from './routes/get-open-api.ts';
import { getPlan } from './routes/get-plan.ts';
import { getPlanDifference } from './routes/get-plan-difference.ts';
import { getPolicies } from './routes/get-policies.ts';
import { getPrincipal } from './routes/get-principal.ts';
import { getProposal } from './routes/get-proposal.ts';
import { getReadiness } from './routes/get-readiness.ts';
import { getSchedule } from './routes/get-schedule.ts';
import { getSubscription } from './routes/get-subscription.ts';
import { getSystemCheckpoint } from './routes/get-system-checkpoint.ts';
import { getSystemLogCheckpoint } from './routes/get-system-log-checkpoint.ts';
import { getSystemLogTile } from './routes/get-system-log-tile.ts';
import { getTimeline } from './routes/get-timeline.ts';
import { listActionTypes } from './routes/list-action-types.ts';
import { listAuditEntries } from './routes/list-audit-entries.ts';
import { listDeadLetters } from './routes/list-dead-letters.ts';
import { listDelegations } from './routes/list-delegations.ts';
import { listEndpoints } from './routes/list-endpoints.ts';
import { listEvents } from './routes/list-events.ts';
import { listFreezeWindows } from './routes/list-freeze-windows.ts';
import { listHeldEvents } from './routes/list-held-events.ts';
import { listIndexes } from './routes/list-indexes.ts';
import { listMigrations } from './routes/list-migrations.ts';
import { listObjectTypes } from './routes/list-object-types.ts';
import { listObjects } from './routes/list-objects.ts';
import { listOntologyVersions } from './routes/list-ontology-versions.ts';
import { listPolicies } from './routes/list-policies.ts';
import { listPrincipals } from './routes/list-principals.ts';
import { listProposals } from './routes/list-proposals.ts';
import { listReviewers } from './routes/list-reviewers.ts';
import { listSchedules } from './routes/list-schedules.ts';
import { listSubscriptions } from './routes/list-subscriptions.ts';
import { listSwitches } from './routes/list-switches.ts';
import { pauseSchedule } from './routes/pause-schedule.ts';
import { putDelegation } from './routes/put-delegation.ts';
import { putEndpointSecret } from './routes/put-endpoint-secret.ts';
import { putFreezeWindow } from './routes/put-freeze-window.ts';
import { putOntology } from './routes/put-ontology.ts';
import { putPolicies } from './routes/put-policies.ts';
import { putPrincipal } from './routes/put-principal.ts';
import { putSubscription } from './routes/put-subscription.ts';
import { putSubscriptionSecret } from './routes/put-subscription-secret.ts';
import { putSwitch } from './routes/put-switch.ts';
import { redeliverDeadLetter } from './routes/redeliver-dead-letter.ts';
import { replaySubscription } from './routes/replay-subscription.ts';
import { resolveHeldEvent } from './routes/resolve-held-event.ts';
import { resolveProposal } from './routes/resolve-proposal.ts';
import { resumeSchedule } from './routes/resume-schedule.ts';
import { revertProposal } from './routes/revert-proposal.ts';
import { reviewEmergency } from './routes/review-emergency.ts';
import { reviewProposal } from './routes/review-proposal.ts';
import { reviseProposal } from './routes/revise-proposal.ts';
import { simulateAction } from './routes/simulate-action.ts';
import { simulateChangeSet } from './routes/simulate-change-set.ts';
import { testSubscription } from './routes/test-subscription.ts';
import { triggerSchedule } from './routes/trigger-schedule.ts';
import { withdrawProposal } from './routes/withdraw-proposal.ts';

/** Every operation there is, in the order in which they are documented. A route that is not here is not served. */
export const routes: readonly Route[] = [
  putOntology,
  getOntology,
  listOntologyVersions,
  diffOntology,
  listIndexes,
  listMigrations,
  getMigration,
  cancelMigration,
  getOntologySchema,
  listObjectTypes,
  listActionTypes,
  getActionType,
  simulateAction,
  createProposal,
  listProposals,
  getProposal,
  getPlan,
  getPlanDifference,
  listReviewers,
  breakGlass,
  reviewEmergency,
  reviewProposal,
  reviseProposal,
  withdrawProposal,
  createProposals,
  simulateChangeSet,
  listEndpoints,
  putEndpointSecret,
  deleteEndpointSecret,
  cancelProposal,
  resolveProposal,
  revertProposal,
  createSchedule,
  listSchedules,
  getSchedule,
  pauseSchedule,
  resumeSchedule,
  triggerSchedule,
  deleteSchedule,
  listEvents,
  getEvent,
  getEventSchema,
  getEvidence,
  exportAudit,
  listAuditEntries,
  getAuditProof,
  getCheckpoint,
  getLogCheckpoint,
  getLogTile,
  exportSystemAudit,
  getSystemCheckpoint,
  getSystemLogCheckpoint,
  getSystemLogTile,
  getTimeline,
  getDecisions,
  listSubscriptions,
  getSubscription,
  putSubscription,
  deleteSubscription,
  putSubscriptionSecret,
  testSubscription,
  replaySubscription,
  listDeadLetters,
  redeliverDeadLetter,
  listObjects,
  getObject,
  getHistory,
  getLinks,
  listPrincipals,
  getPrincipal,
  putPrincipal,
  erasePrincipal,
  listDelegations,
  getDelegation,
  putDelegation,
  deleteDelegation,
  putPolicies,
  listPolicies,
  getPolicies,
  activatePolicies,
  listSwitches,
  putSwitch,
  listHeldEvents,
  resolveHeldEvent,
  listFreezeWindows,
  putFreezeWindow,
  deleteFreezeWindow,
  getLiveness,
  getReadiness,
  getMetrics,
  getOpenApi,
  getAsyncApi,
  getDocs,
];
