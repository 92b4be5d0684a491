const canonical = /^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$/;
const readable = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?$/;
/** Characters of a decimal's text, sign and point included. Longer ones are refused: multiplying them would be a way to keep a worker busy. */
export const longestDecimal = 100;

/** An exact decimal number: `coefficient` over ten to the `scale`. Canonical text has no exponent, no leading zero, no trailing zero after the point and no `-0`. */
const longestProduct = 10_000; // Digits.
const tooLarge = 10n ** BigInt(longestProduct);

export class Decimal {
  readonly coefficient: bigint;
  readonly scale: number;

  constructor(coefficient: bigint, scale: number) {
    this.coefficient = coefficient;
    this.scale = scale;
  }

  /** Reads plain decimal text, canonical or not (`1.50`); undefined for anything else. */
  static parse(text: string): Decimal | undefined {
    const match = readable.exec(text);
    if (!match || text.length > longestDecimal) {
      return undefined;
    }
    const fraction = match[3] ?? '';
    return new Decimal(BigInt(`${match[1]}${match[2]}${fraction}`), fraction.length);
  }

  static isCanonical(text: string): boolean {
    return text.length <= longestDecimal && canonical.test(text) && text !== '-0';
  }

  plus(other: Decimal): Decimal {
    const scale = Math.max(this.scale, other.scale);
    return new Decimal(this.at(scale) + other.at(scale), scale);
  }

  minus(other: Decimal): Decimal {
    return this.plus(other.negated());
  }

  /** @throws {RangeError} for more digits than any decimal has a use for: a few multiplications of multiplications would fill the memory. */
  times(other: Decimal): Decimal {
    const product = this.coefficient * other.coefficient;
    if (this.scale + other.scale > longestProduct || product >= tooLarge || -product >= tooLarge) {
      throw new RangeError('a decimal grows too long');
    }
    return new Decimal(product, this.scale + other.scale);
  }

  negated(): Decimal {
    return new Decimal(-this.coefficient, this.scale);
  }

  compare(other: Decimal): number {
    const scale = Math.max(this.scale, other.scale);
    const left = this.at(scale);
    const right = other.at(scale);
    return left < right ? -1 : left > right ? 1 : 0;
  }

  toString(): string {
    const sign = this.coefficient < 0n ? '-' : '';
    const digits = (this.coefficient < 0n ? -this.coefficient : this.coefficient).toString().padStart(this.scale + 1, '0');
    const whole = digits.slice(0, digits.length - this.scale);
    const fraction = digits.slice(digits.length - this.scale).replace(/0+$/, '');
    return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
  }

  private at(scale: number): bigint {
    return this.coefficient * 10n ** BigInt(scale - this.scale);
  }
}
