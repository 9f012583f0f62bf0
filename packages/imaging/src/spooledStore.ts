/**
 * An image store over an archive across a network: the archive is listed at every question, and read once for each
 * instance and version. Documents are packaged and served from encrypted copies (spool.ts).
 *
 * An instance's version is the archive's together with the SHA-256 of the copy, so that a copy whose time is over is made
 * again and, where its bytes are others, the study is digested again. A copy is replaced, never changed: what streams from
 * a copy that was replaced meets IMAGING_CHANGED at its next instance.
 */
import { fileSource } from './byteSource.js';
import { ImagingError } from './errors.js';
import { type InstanceHeader, readHeaderFrom } from './header.js';
import type { ImageStore, Instance, StudySummary } from './imageStore.js';
import type { RemoteArchive, RemoteInstance } from './remoteArchive.js';
import type { Copy, Spool } from './spool.js';

/** Requests for instances and their lists that the archive has to answer at a time. */
const maxReads = 2;
/** A study that was asked for within this time keeps its copies however full the spool is. */
const keepMs = 60_000;
const sweepMs = 60_000;

interface Held {
  remote: string; // the archive's version
  copy: Copy;
  madeAt: number;
}

interface HeldStudy {
  copies: Map<string, Held>;
  usedAt: number;
  readers: number;
  refreshing: Promise<Instance[]> | undefined;
  next: Promise<Instance[]> | undefined;
}

function changed(sopInstanceUID: string): ImagingError {
  return new ImagingError({ code: 'IMAGING_CHANGED', sopInstanceUID }, 'an instance changed while it was in use');
}

const versionOf = ({ remote, copy }: Held) => `${remote} ${copy.digests.sha256}`;

class SpooledStore implements ImageStore {
  readonly #archive: RemoteArchive;
  readonly #spool: Spool;
  readonly #ttlMs: number;
  readonly #now: () => number;
  readonly #studies = new Map<string, HeldStudy>();
  readonly #waiting: (() => void)[] = [];
  readonly #sweeping: NodeJS.Timeout;
  #reads = 0;
  #closed = false;

  constructor(p: SpooledStoreOptions) {
    this.#archive = p.archive;
    this.#spool = p.spool;
    this.#ttlMs = p.ttlMs;
    this.#now = p.now ?? Date.now;
    this.#sweeping = setInterval(() => void this.#sweep(), sweepMs).unref();
  }

  #checkOpen(): void {
    if (this.#closed) throw new ImagingError({ code: 'IMAGING_CLOSED' }, 'the image store is closed');
  }

  async studies(): Promise<StudySummary[]> {
    this.#checkOpen();
    return this.#archive.studies();
  }

  async findByUid(studyInstanceUID: string): Promise<StudySummary | null> {
    this.#checkOpen();
    return this.#archive.findByUid(studyInstanceUID);
  }

  async findByAccession(accessionNumber: string): Promise<StudySummary[]> {
    this.#checkOpen();
    return this.#archive.findByAccession(accessionNumber);
  }

  /** A list that was asked for after this call; callers that arrive during one share the next. */
  async instances(studyInstanceUID: string): Promise<Instance[]> {
    this.#checkOpen();
    const study = this.#studies.get(studyInstanceUID) ?? {
      copies: new Map(),
      usedAt: this.#now(),
      readers: 0,
      refreshing: undefined,
      next: undefined,
    };
    this.#studies.set(studyInstanceUID, study);
    study.usedAt = this.#now();
    if (study.refreshing === undefined) {
      study.refreshing = this.#refresh(studyInstanceUID, study).finally(() => {
        study.refreshing = undefined;
      });
      return study.refreshing;
    }
    const again = () => {
      study.next = undefined;
      return this.instances(studyInstanceUID);
    };
    study.next ??= study.refreshing.then(again, again);
    return study.next;
  }

  async #refresh(studyInstanceUID: string, study: HeldStudy): Promise<Instance[]> {
    try {
      const listed = await this.#turn(() => this.#archive.instances(studyInstanceUID));
      const current = new Map(listed.map(each => [each.sopInstanceUID, each.version]));
      for (const [uid, held] of study.copies) {
        if (current.get(uid) === held.remote) continue;
        study.copies.delete(uid);
        await held.copy.remove();
      }
      const instances: Instance[] = [];
      for (const each of listed) {
        study.usedAt = this.#now();
        const held = await this.#hold(studyInstanceUID, study, each);
        const { sopInstanceUID, seriesInstanceUID } = each;
        const { size, digests } = held.copy;
        instances.push({ sopInstanceUID, seriesInstanceUID, size, version: versionOf(held), digests });
      }
      return instances;
    } catch (error) {
      if (error instanceof ImagingError && error.code === 'IMAGING_STUDY_UNKNOWN') await this.#forget(studyInstanceUID);
      throw error;
    }
  }

  /** The copy that there is, or one made now. */
  async #hold(studyInstanceUID: string, study: HeldStudy, instance: RemoteInstance): Promise<Held> {
    const { sopInstanceUID } = instance;
    const known = study.copies.get(sopInstanceUID);
    if (known !== undefined && this.#now() - known.madeAt < this.#ttlMs) return known;
    const copy = await this.#turn(() => {
      this.#checkOpen();
      return this.#spool.add(this.#archive.read(studyInstanceUID, instance), () => this.#makeRoom());
    });
    const made = { remote: instance.version, copy, madeAt: this.#now() };
    if (this.#closed) {
      await copy.remove();
      this.#checkOpen();
    }
    if (known !== undefined && known.copy.digests.sha256 === copy.digests.sha256) {
      // whoever is reading the old copy reads on
      await copy.remove();
      known.madeAt = made.madeAt;
      return known;
    }
    study.copies.set(sopInstanceUID, made);
    await known?.copy.remove();
    return made;
  }

  async #turn<T>(work: () => Promise<T>): Promise<T> {
    while (this.#reads >= maxReads) await new Promise<void>(resolve => this.#waiting.push(resolve));
    this.#reads += 1;
    try {
      return await work();
    } finally {
      this.#reads -= 1;
      this.#waiting.shift()?.();
    }
  }

  #isIdle(study: HeldStudy): boolean {
    const resting = study.readers === 0 && study.refreshing === undefined && study.next === undefined;
    return resting && this.#now() - study.usedAt >= keepMs;
  }

  /** Gives up the study that was not asked for the longest, if none needs it now. */
  async #makeRoom(): Promise<boolean> {
    const [oldest] = [...this.#studies]
      .filter(([, study]) => study.copies.size > 0 && this.#isIdle(study))
      .sort(([, a], [, b]) => a.usedAt - b.usedAt);
    if (oldest === undefined) return false;
    await this.#forget(oldest[0]);
    return true;
  }

  /** Copies whose time is over and that nobody uses. */
  async #sweep(): Promise<void> {
    for (const [uid, study] of this.#studies) {
      if (!this.#isIdle(study)) continue;
      for (const [sopInstanceUID, held] of study.copies) {
        if (this.#now() - held.madeAt < this.#ttlMs) continue;
        study.copies.delete(sopInstanceUID);
        try {
          await held.copy.remove();
        } catch {
          // A disk that lets nothing go now: the next sweep tries again.
          study.copies.set(sopInstanceUID, held);
        }
      }
      if (study.copies.size === 0 && this.#isIdle(study)) this.#studies.delete(uid);
    }
  }

  async #forget(studyInstanceUID: string): Promise<void> {
    const copies = [...(this.#studies.get(studyInstanceUID)?.copies.values() ?? [])];
    this.#studies.delete(studyInstanceUID);
    for (const { copy } of copies) await copy.remove();
  }

  #study(studyInstanceUID: string): HeldStudy {
    this.#checkOpen();
    const study = this.#studies.get(studyInstanceUID);
    if (study !== undefined) return study;
    throw new ImagingError({ code: 'IMAGING_STUDY_UNKNOWN' }, 'no copy of the study is held');
  }

  async header(studyInstanceUID: string, sopInstanceUID: string): Promise<InstanceHeader> {
    this.#checkOpen();
    if (!this.#studies.has(studyInstanceUID)) await this.instances(studyInstanceUID);
    const study = this.#study(studyInstanceUID);
    const held = study.copies.get(sopInstanceUID);
    if (held === undefined) throw changed(sopInstanceUID);
    study.usedAt = this.#now();
    const open = await held.copy.open();
    try {
      return await readHeaderFrom(fileSource(open, held.copy.size));
    } finally {
      await open.close();
    }
  }

  async *read(studyInstanceUID: string, instance: Instance): AsyncGenerator<Uint8Array> {
    const { sopInstanceUID, size, version } = instance;
    const study = this.#study(studyInstanceUID);
    const check = (): Held => {
      this.#checkOpen();
      const held = study.copies.get(sopInstanceUID);
      if (held === undefined || versionOf(held) !== version) throw changed(sopInstanceUID);
      return held;
    };
    study.readers += 1;
    try {
      const open = await check().copy.open();
      try {
        let at = 0;
        for await (const chunk of open.blocks()) {
          at += chunk.length;
          study.usedAt = this.#now();
          if (at === size) check();
          yield chunk;
        }
      } finally {
        await open.close();
      }
    } finally {
      study.readers -= 1;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeping);
    for (const uid of [...this.#studies.keys()]) await this.#forget(uid);
  }
}

/**
 * `ttlMs`: how long a copy serves before the archive is read again. `now`: Unix ms.
 */
export interface SpooledStoreOptions {
  archive: RemoteArchive;
  spool: Spool;
  ttlMs: number;
  now?: () => number;
}

export function spooledStore(p: SpooledStoreOptions): ImageStore {
  return new SpooledStore(p);
}
