import { Histogram, type Registry } from 'prom-client';

export type StepDurations = Histogram<'step' | 'outcome'>;

export function measureSteps(registry: Registry): StepDurations {
  return new Histogram({
    name: 'exequatur_step_duration_seconds',
    help: 'Duration of the steps of proposals, by step and outcome.',
    labelNames: ['step', 'outcome'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [registry],
  });
}
