import { Runtime } from '@temporalio/worker';
import { openLogger } from '../../telemetry/logger.ts';
import { temporalLogger } from '../../telemetry/temporal-logger.ts';

if (process.env.TEST_LOG_LEVEL) process.env.LOG_LEVEL = process.env.TEST_LOG_LEVEL; // To see why a step fails.

export const logger = openLogger('test');

// The SDK allows one per process, and test files share one.
Runtime.install({ logger: temporalLogger(logger), telemetryOptions: { logging: { filter: { core: 'ERROR' } } } });
