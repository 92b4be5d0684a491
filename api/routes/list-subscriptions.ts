import { listSubscriptions as readSubscriptions } from '../../store/subscriptions.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { subscriptionsSchema } from '../schemas/subscription-schema.ts';

export const listSubscriptions = route({
  name: 'listSubscriptions',
  method: 'get',
  path: '/v1/subscriptions',
  tag: 'events',
  summary: 'List where events are sent',
  permission: 'read',
  responses: { 200: { description: 'By name.', schema: subscriptionsSchema } },
  async handle({ caller }, context) {
    const found = await context.readAs(caller, async (tx) => ({ subscriptions: await readSubscriptions(tx) }));
    return answered(found, (body) => ({ status: 200, body }));
  },
});
