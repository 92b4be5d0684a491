import { defineOntology, hasRole, property, rule } from '../../ontology/define.ts';

/**
 * US airports, the routes between them and the flights of early 2001. A route is suspended, and a flight cancelled, while its `closedBy` is not empty: so two
 * closures that meet in one flight do not undo each other when one of the airports reopens.
 */
const operations = ['ops-agent', 'dispatcher', 'duty-manager', 'safety-officer', 'operator'];
const closedBy = property.references('airport', {
  required: true,
  default: [],
  title: 'Closed by',
  description: 'Closed airports that keep this from operating.',
});

/** What every closure adds to, on each route and flight that starts or ends at the airport. */
function addClosure(type: 'route' | 'flight') {
  return rule.modify(type, type, { when: `!(airport.id in ${type}.closedBy)`, set: { closedBy: `${type}.closedBy + [airport.id]` } });
}

function removeClosure(type: 'route' | 'flight') {
  return rule.modify(type, type, { set: { closedBy: `${type}.closedBy.filter(closed, closed != airport.id)` } });
}

export const flightNetwork = defineOntology({
  objectTypes: {
    airport: {
      title: 'Airport',
      key: 'iata',
      properties: {
        iata: property.string({ required: true, minLength: 3, maxLength: 4, title: 'IATA code' }),
        name: property.string({ required: true, maxLength: 200, title: 'Name' }),
        city: property.string({ maxLength: 200, title: 'City' }),
        state: property.string({ maxLength: 50, title: 'State', indexed: true }),
        country: property.string({ required: true, maxLength: 100, title: 'Country' }),
        latitude: property.double({ required: true, minimum: -90, maximum: 90, unit: 'degrees', title: 'Latitude' }),
        longitude: property.double({ required: true, minimum: -180, maximum: 180, unit: 'degrees', title: 'Longitude' }),
        status: property.oneOf(['open', 'closed'], { required: true, default: 'open', indexed: true, title: 'Status' }),
        closureReason: property.string({ maxLength: 500, title: 'Why it is closed' }),
        closedUntil: property.timestamp({ title: 'Closed until' }),
      },
    },
    route: {
      title: 'Route',
      key: 'code',
      properties: {
        code: property.string({ required: true, title: 'Code', description: 'ORIGIN-DESTINATION' }),
        origin: property.reference('airport', { required: true, title: 'Origin' }),
        destination: property.reference('airport', { required: true, title: 'Destination' }),
        flightCount: property.integer({
          required: true,
          minimum: 0,
          title: 'Flights',
          description: 'How many flights the source counts on this route.',
        }),
        closedBy,
      },
    },
    flight: {
      title: 'Flight',
      key: 'number',
      properties: {
        number: property.string({ required: true, title: 'Number', description: 'Row number in the source, padded with zeros.' }),
        origin: property.reference('airport', { required: true, title: 'Origin' }),
        destination: property.reference('airport', { required: true, title: 'Destination' }),
        scheduledAt: property.timestamp({ required: true, indexed: true, title: 'Scheduled departure' }),
        delay: property.integer({ required: true, unit: 'minutes', indexed: true, title: 'Delay', description: 'Negative when early.' }),
        delayReason: property.string({ maxLength: 500, title: 'Why it is delayed' }),
        distance: property.integer({ required: true, minimum: 0, unit: 'miles', title: 'Distance' }),
        closedBy,
      },
    },
  },
  linkTypes: {
    departures: { title: 'Departing flights', from: 'airport', to: 'flight', cardinality: 'one-to-many', via: 'origin' },
    arrivals: { title: 'Arriving flights', from: 'airport', to: 'flight', cardinality: 'one-to-many', via: 'destination' },
    routesFrom: { title: 'Routes from here', from: 'airport', to: 'route', cardinality: 'one-to-many', via: 'origin' },
    routesTo: { title: 'Routes to here', from: 'airport', to: 'route', cardinality: 'one-to-many', via: 'destination' },
  },
  approvalPolicies: {
    'two-stage': {
      title: 'Operations, then safety',
      stages: [
        { name: 'operations', thresholds: [{ name: 'duty-manager', needed: 1, reviewers: hasRole('reviewer', 'duty-manager') }] },
        { name: 'safety', thresholds: [{ name: 'safety-officer', needed: 1, reviewers: hasRole('reviewer', 'safety-officer') }] },
      ],
      expiresAfter: 'PT72H',
    },
    'duty-manager': {
      title: 'One duty manager',
      stages: [{ name: 'operations', thresholds: [{ name: 'duty-manager', needed: 1, reviewers: hasRole('reviewer', 'duty-manager') }] }],
      expiresAfter: 'PT72H',
    },
    delays: {
      title: 'Small delays by policy alone, others by one duty manager',
      stages: [{ name: 'operations', thresholds: [{ name: 'duty-manager', needed: 1, reviewers: hasRole('reviewer', 'duty-manager') }] }],
      expiresAfter: 'PT24H',
      automatic: { condition: 'minutes <= 30 && size(flights) <= 10', ceilings: { edits: 10, parameters: { minutes: 30 } } },
    },
    'second-admin': {
      title: 'Another ontology admin',
      stages: [
        { name: 'administration', thresholds: [{ name: 'ontology-admin', needed: 1, reviewers: hasRole('reviewer', 'ontology-admin') }] },
      ],
      expiresAfter: 'PT72H',
    },
  },
  actionTypes: {
    importNetwork: {
      title: 'Import the network',
      description:
        'Creates airports, routes and flights. At most 10,000 objects at a time; airports before what refers to them, or along with it.',
      proposers: hasRole('proposer', 'ontology-admin'),
      parameters: {
        airports: {
          type: 'array',
          maxItems: 10_000,
          items: {
            type: 'struct',
            properties: {
              iata: property.string({ required: true }),
              name: property.string({ required: true }),
              city: property.string(),
              state: property.string(),
              country: property.string({ required: true }),
              latitude: property.double({ required: true }),
              longitude: property.double({ required: true }),
            },
          },
        },
        // Origins and destinations are plain text here, since they may name airports that the same import creates.
        routes: {
          type: 'array',
          maxItems: 10_000,
          items: {
            type: 'struct',
            properties: {
              origin: property.string({ required: true }),
              destination: property.string({ required: true }),
              flightCount: property.integer({ required: true }),
            },
          },
        },
        flights: {
          type: 'array',
          maxItems: 10_000,
          items: {
            type: 'struct',
            properties: {
              number: property.string({ required: true }),
              origin: property.string({ required: true }),
              destination: property.string({ required: true }),
              scheduledAt: property.timestamp({ required: true }),
              delay: property.integer({ required: true }),
              distance: property.integer({ required: true }),
            },
          },
        },
      },
      rules: [
        rule.forEach(
          'row',
          { list: 'airports' },
          rule.create('airport', {
            iata: 'row.iata',
            name: 'row.name',
            city: 'row.city',
            state: 'row.state',
            country: 'row.country',
            latitude: 'row.latitude',
            longitude: 'row.longitude',
          }),
        ),
        rule.forEach(
          'row',
          { list: 'routes' },
          rule.create('route', {
            code: 'row.origin + "-" + row.destination',
            origin: 'row.origin',
            destination: 'row.destination',
            flightCount: 'row.flightCount',
          }),
        ),
        rule.forEach(
          'row',
          { list: 'flights' },
          rule.create('flight', {
            number: 'row.number',
            origin: 'row.origin',
            destination: 'row.destination',
            scheduledAt: 'row.scheduledAt',
            delay: 'row.delay',
            distance: 'row.distance',
          }),
        ),
      ],
      approvalPolicy: 'second-admin',
      limits: { edits: 10_000 },
      riskTier: 'medium',
    },
    closeAirport: {
      title: 'Close an airport',
      description: 'Suspends every route and cancels every flight that starts or ends there.',
      proposers: hasRole('proposer', ...operations),
      parameters: {
        airport: property.reference('airport', { required: true, title: 'Airport' }),
        reason: property.string({ required: true, minLength: 1, maxLength: 500, title: 'Reason' }),
        until: property.timestamp({ title: 'Until', description: 'When it is expected to reopen, if known.' }),
      },
      criteria: [
        { condition: 'airport.status == "open"', message: 'The airport is closed already.' },
        { condition: 'until == null || until > evaluatedAt', message: 'A closure must end in the future.' },
      ],
      rules: [
        rule.modify('airport', 'airport', { set: { status: '"closed"', closureReason: 'reason', closedUntil: 'until' } }),
        rule.forEach('route', { link: 'routesFrom', of: 'airport' }, addClosure('route')),
        rule.forEach('route', { link: 'routesTo', of: 'airport' }, addClosure('route')),
        rule.forEach('flight', { link: 'departures', of: 'airport' }, addClosure('flight')),
        rule.forEach('flight', { link: 'arrivals', of: 'airport' }, addClosure('flight')),
      ],
      approvalPolicy: 'two-stage',
      limits: { edits: 10_000, objects: { airport: 1 } },
      riskTier: 'high',
    },
    reopenAirport: {
      title: 'Reopen an airport',
      description: 'What another closed airport still closes stays closed.',
      proposers: hasRole('proposer', ...operations),
      parameters: { airport: property.reference('airport', { required: true, title: 'Airport' }) },
      criteria: [{ condition: 'airport.status == "closed"', message: 'The airport is open already.' }],
      rules: [
        rule.modify('airport', 'airport', { set: { status: '"open"' }, unset: ['closureReason', 'closedUntil'] }),
        // By query, not along the links: a flight rerouted since the closure is no longer linked to this airport, but still closed by it.
        rule.forEach('route', { query: { type: 'route', where: 'airport.id in route.closedBy' } }, removeClosure('route')),
        rule.forEach('flight', { query: { type: 'flight', where: 'airport.id in flight.closedBy' } }, removeClosure('flight')),
      ],
      approvalPolicy: 'duty-manager',
      limits: { edits: 10_000, objects: { airport: 1 } },
      riskTier: 'medium',
    },
    delayFlights: {
      title: 'Delay flights',
      proposers: hasRole('proposer', ...operations),
      parameters: {
        flights: {
          type: 'array',
          items: { type: 'reference', to: 'flight' },
          required: true,
          minItems: 1,
          maxItems: 1000,
          title: 'Flights',
        },
        minutes: property.integer({ required: true, minimum: 1, maximum: 1440, unit: 'minutes', title: 'Minutes' }),
        reason: property.string({ required: true, minLength: 1, maxLength: 500, title: 'Reason' }),
      },
      criteria: [{ condition: 'flights.all(flight, flight.closedBy == [])', message: 'A cancelled flight cannot be delayed.' }],
      rules: [
        rule.forEach(
          'flight',
          { list: 'flights' },
          rule.modify('flight', 'flight', { set: { delay: 'flight.delay + minutes', delayReason: 'reason' } }),
        ),
      ],
      approvalPolicy: 'delays',
      limits: { edits: 1000, objects: { flight: 1000 } },
      riskTier: 'low',
    },
    rerouteFlight: {
      title: 'Reroute a flight',
      description: 'Sends a flight to another destination; the distance becomes that of the great circle.',
      proposers: hasRole('proposer', ...operations),
      parameters: {
        flight: property.reference('flight', { required: true, title: 'Flight' }),
        destination: property.reference('airport', { required: true, title: 'New destination' }),
      },
      criteria: [
        { condition: 'destination.status == "open"', message: 'The new destination is closed.' },
        { condition: 'destination.id != flight.origin', message: 'A flight cannot end where it starts.' },
        { condition: 'destination.id != flight.destination', message: 'The flight goes there already.' },
      ],
      rules: [rule.call('rerouteFlight', 1, [{ type: 'flight', operations: ['modify'], properties: ['destination', 'distance'] }])],
      approvalPolicy: 'duty-manager',
      limits: { edits: 1 },
      riskTier: 'low',
    },
  },
});
