/**
 * What every Temporal server here is set to, that of docker-compose.yml too. One task-queue partition: with more, a task may wait for a forward between
 * partitions, from which a small host gains nothing. Fair: without these two, servers take no notice of fairness keys. Eager: an activity's task rides on the
 * answer to the workflow task that scheduled it.
 */
export const dynamicConfig = {
  'system.enableActivityEagerExecution': true,
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'matching.useNewMatcher': true,
  'matching.enableFairness': true,
} as const;
