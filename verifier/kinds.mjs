// Of which kinds of JSON things are, asked before anything of them is used: nothing is taken for another kind than it is, so that nothing has two readings.
import { Mismatch, madeOf } from './formats.mjs';

export const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isLike = (form) => (value) => typeof value === 'string' && form.test(value);
export const isText = (value) => typeof value === 'string';
export const isUuid = isLike(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
export const isHash = isLike(/^[0-9a-f]{64}$/);
/** One of another length could be taken out of the value, or the value out of it. */
export const isSalt = isLike(/^[0-9a-f]{32}$/);
/** The number of an entry. */
export const isPlace = (value) => Number.isSafeInteger(value) && value > 0;
/** Of a requirement that is told by its digest alone. */
export const isDigest = isLike(/^sha256:[0-9a-f]{64}$/);
const isTime = (value) => isLike(/^(?:0|[1-9][0-9]{0,18})$/)(value) && BigInt(value) < 2n ** 63n;
export const areHashes = (value) => Array.isArray(value) && value.every(isHash);
export const isBase64 = (value) => isText(value) && Buffer.from(value, 'base64').toString('base64') === value;

/** The first member that is not of its kind, in words; null where all are. Members of other names are passed over. */
export function faultIn(kinds, item) {
  if (!isObject(item)) return 'it is no object';
  const name = Object.keys(kinds).find((one) => !kinds[one](item[one]));
  return name === undefined ? null : `${name} is not as it has to be`;
}

const disclosureKinds = { name: isText, salt: isSalt, value: isText };
const areDisclosures = (value) =>
  Array.isArray(value) &&
  value.every((one) => faultIn(disclosureKinds, one) === null) &&
  new Set(value.map(({ name }) => name)).size === value.length;
const entryKinds = { seq: isPlace, at: isTime, previousHash: isHash, payload: isText, disclosures: areDisclosures };
const factKinds = {
  type: isText,
  commitments: (value) => value === undefined || (isObject(value) && Object.values(value).every(isHash)),
  decisions: (value) => value === undefined || areHashes(value),
};

/** An entry of an export or, with `more` kinds, of evidence, and as `facts` what its payload says. @throws {Mismatch} */
export function readEntry(item, more = {}) {
  const seq = isPlace(item?.seq) ? item.seq : null;
  const fault = faultIn({ ...entryKinds, ...more }, item);
  if (fault !== null) throw new Mismatch(seq, `is not made as entries are: ${fault}`);
  const facts = madeOf(seq, () => JSON.parse(item.payload));
  const said = faultIn(factKinds, facts);
  if (said !== null) throw new Mismatch(seq, `is not made as entries are: of its payload ${said}`);
  const { at, previousHash, payload, disclosures, proof } = item;
  return { seq, at, previousHash, payload, disclosures, proof, facts };
}
