import type { PolicyCase } from '../../ontology/policy-cases.ts';

/** What the network's operators ask beyond its approval policies, for `PUT /v1/policies`. They name the carrier, so they are for the network with one. */
export const flightPolicies: Record<string, string> = {
  'everything-else': `@explain("What the approval policies ask is enough.")
permit (principal, action, resource);`,
  'islands-take-three': `@explain("Where nobody comes away by road, three people approve a closure.")
forbid (principal, action == Action::"execute", resource == ActionType::"closeAirport")
when {
  context.approvals < 3 && context.plan.touches has airport.before.state &&
  context.plan.touches.airport.before.state.containsAny(["AK", "HI", "PR", "VI"])
};`,
  'hubs-take-three': `@explain("A closure that cancels more than 1,000 flights takes three people.")
forbid (principal, action == Action::"execute", resource == ActionType::"closeAirport")
when { context.approvals < 3 && context.plan.touches has flight && context.plan.touches.flight.objects > 1000 };`,
  'early-flights-stay': `@explain("A flight that is early already is not delayed by policy alone.")
forbid (principal, action == Action::"execute", resource == ActionType::"delayFlights")
when {
  context.approvals == 0 && context.plan.touches has flight &&
  (context.plan.touches.flight.cut || (context.plan.touches.flight.before has delay && context.plan.touches.flight.before.delay.least < 0))
};`,
  'carrier-alone': `@explain("Nobody but the carrier is told, and nothing that cannot be taken back.")
forbid (principal, action == Action::"execute", resource == ActionType::"rerouteFlight")
when {
  context.plan.effects.irreversible || context.plan.effects.kinds != ["webhook"] ||
  !context.plan.effects.endpoints.contains(Endpoint::"carrier")
};`,
};

const closure = {
  action: 'execute',
  resource: 'closeAirport',
  principal: { id: 'ops-agent', kind: 'agent', roles: ['ops-agent'] },
} as const;
const airport = (state: string) => ({ airport: { objects: 1, ids: ['XYZ'], before: { state: [state] }, after: { state: [state] } } });

export const flightPolicyCases: PolicyCase[] = [
  { name: 'a closure on the mainland', ...closure, context: { approvals: 2, plan: { touches: airport('IL') } }, expect: 'allow' },
  { name: 'a closure on an island', ...closure, context: { approvals: 2, plan: { touches: airport('HI') } }, expect: 'deny' },
  { name: 'the same with three', ...closure, context: { approvals: 3, plan: { touches: airport('HI') } }, expect: 'allow' },
  {
    name: 'a hub',
    ...closure,
    context: { approvals: 2, plan: { touches: { ...airport('IL'), flight: { objects: 2255, cut: true } } } },
    expect: 'deny',
  },
  {
    name: 'a delay of a flight that is early',
    ...closure,
    resource: 'delayFlights',
    context: { plan: { touches: { flight: { objects: 1, before: { delay: { least: -5, most: -5 } } } } } },
    expect: 'deny',
  },
  {
    name: 'a delay of a late one',
    ...closure,
    resource: 'delayFlights',
    context: { plan: { touches: { flight: { objects: 1, before: { delay: { least: 5, most: 5 } } } } } },
    expect: 'allow',
  },
  {
    name: 'a reroute that the carrier is told of',
    ...closure,
    resource: 'rerouteFlight',
    context: { approvals: 1, plan: { effects: { count: 2, kinds: ['webhook'], endpoints: ['carrier'], hosts: ['carrier.example'] } } },
    expect: 'allow',
  },
  {
    name: 'a reroute that nothing takes back',
    ...closure,
    resource: 'rerouteFlight',
    context: { approvals: 1, plan: { effects: { count: 1, irreversible: true, kinds: ['webhook'], endpoints: ['carrier'] } } },
    expect: 'deny',
  },
];
