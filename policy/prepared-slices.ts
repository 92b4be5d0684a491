import type { CedarModule } from './cedar-module.ts';

/** Names under which Cedar has policies that it parsed. It keeps them until others take their name, so there are so many names, and the one that was not used for longest is used again. */
export class PreparedSlices {
  private readonly kind: string;
  private readonly most: number;
  /** Key of what was prepared to the name under which Cedar has it, in the order of use. */
  private readonly names = new Map<string, string>();
  /** Names that nothing has: of what could not be parsed, and of what was thrown away. */
  private free: string[];

  constructor(kind: string, most: number) {
    this.kind = kind;
    this.most = most;
    this.free = this.allNames();
  }

  /** The name under which Cedar has these; null where it cannot have them. The key MUST name these very texts. */
  nameOf(cedar: CedarModule, key: string, policies: Record<string, string>): string | null {
    const known = this.names.get(key);
    if (known !== undefined) {
      this.names.delete(key);
      this.names.set(key, known);
      return known;
    }
    const name = this.freeName();
    if (cedar.preparsePolicySet(name, { staticPolicies: policies }).type === 'failure') {
      this.free.push(name); // Or a name that another has would be given out next.
      return null;
    }
    this.names.set(key, name);
    return name;
  }

  /** Cedar was started anew. */
  forgetAll(): void {
    this.names.clear();
    this.free = this.allNames();
  }

  private freeName(): string {
    const unused = this.free.pop();
    if (unused !== undefined) return unused;
    const oldest = this.names.entries().next();
    if (oldest.done) throw new Error('names of slices were lost');
    const [key, name] = oldest.value;
    this.names.delete(key);
    return name;
  }

  private allNames(): string[] {
    return Array.from({ length: this.most }, (_, at) => `${this.kind}-${at}`);
  }
}
