import type { OntologyDocument } from '../ontology/definition.ts';
import type { JsonObject } from '../ontology/json.ts';
import type { Fault, Simulation } from '../ontology/plan.ts';
import { type Loosening, type Setting, settingRequirement, settingTypes } from '../ontology/setting-actions.ts';

/** A change of what governs, worked out against what is in force. */
export interface SettingChange {
  setting: Setting;
  /** Which switch; of what there is one of, its name. */
  id: string;
  /** What has to be in force still when it is executed: the door compares it. */
  before: JsonObject;
  /** What the door puts in force, as it takes it. */
  set: JsonObject;
  loosens: Loosening[];
  revertible: boolean;
  /** What was looked at and may have moved when it is executed: freshness, and no part of the digest. */
  counters: Record<string, number>;
}

export type PlannedSetting = { kind: 'planned'; change: SettingChange } | { kind: 'invalid'; faults: Fault[] };

export interface SettingHeader {
  tenant: string;
  actionType: string;
  actionTypeVersion: number;
  parametersText: string;
  revertOf: string | null;
}

/** The change as a plan of one edit, with who must approve it. `document` is the one in force, which may ask more than the built-in rule. */
export function settingSimulation(
  header: SettingHeader,
  change: SettingChange,
  document: OntologyDocument | null,
  asksPeople = false,
): Simulation {
  const { parametersText, revertOf, ...names } = header;
  const requirement = settingRequirement(change.setting, change.loosens, document, asksPeople);
  const type = settingTypes[change.setting];
  const loosens = change.loosens as unknown as JsonObject[];
  return {
    plan: {
      header: {
        format: 1,
        ...names,
        functions: {},
        ...(revertOf === null ? {} : { revertOf }),
        effects: [],
        requirement,
        policies: [requirement.policy],
      },
      parametersText,
      edits: [{ op: 'modify', type, id: change.id, before: change.before, set: { ...change.set, loosens } }],
    },
    readSet: { counters: change.counters, reads: [], queries: [] },
    summary: {
      edits: { create: 0, modify: 1, delete: 0, link: 0, unlink: 0 },
      objectTypes: { [type]: 1 },
      effects: 0,
      riskTier: change.loosens.length > 0 ? 'high' : 'low',
      revertible: change.revertible,
      verdicts: [],
    },
  };
}
