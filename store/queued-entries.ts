import { randomUUID } from 'node:crypto';
import { type AuditEntry, type AuditEntryInput, auditEntry } from '../audit/entry.ts';

/** The audit entries of one transaction, until they are appended: only then are they written as text, since what was decided may be known after what was done was told. */
export class QueuedEntries {
  private readonly inputs: { id: string; input: AuditEntryInput }[] = [];
  private readonly decisions = new Map<string, string[]>();

  /** @returns the id that the entry will have. */
  add(input: AuditEntryInput): string {
    const id = randomUUID();
    this.inputs.push({ id, input });
    return id;
  }

  decided(proposalId: string, commitment: string): void {
    this.decisions.set(proposalId, [...(this.decisions.get(proposalId) ?? []), commitment]);
  }

  /** All so far, in order. The first of a proposal commits to what was decided on it. */
  take(): AuditEntry[] {
    return this.inputs.splice(0).map(({ id, input }) => {
      const decisions = input.proposalId === undefined ? undefined : this.decisions.get(input.proposalId);
      if (decisions === undefined || input.proposalId === undefined) return auditEntry(input, id);
      this.decisions.delete(input.proposalId);
      return auditEntry({ ...input, decisions }, id);
    });
  }

  /** The same of the last, behind which nothing may be left. */
  takeLast(): AuditEntry[] {
    const entries = this.take();
    if (this.decisions.size > 0) throw new Error('a decision was recorded that no entry of its proposal tells');
    return entries;
  }
}
