// Conditions on reviewers, and durations.

/**
 * Whether a condition on reviewers holds for somebody with these of the roles that it names: null where it asks for more than roles in a few words of CEL, which this
 * program does not read. A reviewer is a person, or the review would not count.
 */
export function admits(condition, roles) {
  const tokens = condition.match(/'[^'\\\n]*'|"[^"\\\n]*"|&&|\|\||==|!=|[A-Za-z_][\w.]*|[^ \t\n\f\r]/g) ?? [];
  let at = 0;
  const strange = new Error('not read');
  const isText = (token) => /^['"].*['"]$/.test(token ?? '');
  const any = () => {
    let value = every();
    while (tokens[at] === '||' && ++at) value = [value, every()].includes(true);
    return value;
  };
  const every = () => {
    let value = one();
    while (tokens[at] === '&&' && ++at) value = ![value, one()].includes(false);
    return value;
  };
  const one = () => {
    const [first, verb, last] = tokens.slice(at, at + 3);
    if (['!', '(', 'true'].includes(first)) return simple();
    at += 3;
    if (isText(first) && verb === 'in' && last === 'reviewer.roles') return roles.includes(first.slice(1, -1));
    if (first === 'reviewer.kind' && verb === '==' && isText(last)) return last.slice(1, -1) === 'user';
    throw strange;
  };
  const simple = () => {
    const first = tokens[at++];
    if (first === '!') return !simple(); // It binds closer than `in` and `==`, and there are no texts that are not.
    if (first === 'true') return true;
    if (first !== '(') throw strange;
    const value = any();
    if (tokens[at++] !== ')') throw strange;
    return value;
  };
  try {
    const value = any();
    return at === tokens.length ? value : null;
  } catch (error) {
    if (error === strange || error instanceof RangeError) return null; // The other is one nested deeper than this program goes.
    throw error;
  }
}

/** Of an ISO 8601 duration in weeks, days, hours, minutes and seconds; null of anything else. */
export function durationMs(text) {
  if (typeof text !== 'string') return null;
  const parts =
    /^P(?=.*\d)(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(text);
  if (parts === null) return null;
  return parts.slice(1).reduce((sum, value, unit) => sum + Number(value ?? 0) * [604_800, 86_400, 3_600, 60, 1][unit], 0) * 1_000;
}
