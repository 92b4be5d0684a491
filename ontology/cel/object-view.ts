import type { ObjectState } from '../object-state.ts';

const stateOf = Symbol('state');

/**
 * An object as an expression sees it: its id and those properties that expressions around it mention, absent ones as null. Two views of one object are equal,
 * whatever they carry.
 */
export class ObjectView {
  [property: string]: unknown;
  readonly [stateOf]: ObjectState;

  constructor(state: ObjectState) {
    this[stateOf] = state;
    this.id = state.id;
  }
}

export function objectOf(view: ObjectView): ObjectState {
  return view[stateOf];
}

export function isSameObject(left: ObjectView, right: ObjectView): boolean {
  return left[stateOf].id === right[stateOf].id && left[stateOf].type === right[stateOf].type;
}
