import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AccessView } from '@radpass/core';
import { createHttpAccessView, NodeApi } from '../dist/index.js';
import { FakeNode, keyOf } from './fakeNode.js';

const sourceKey = keyOf(1).publicKey;
const patient = keyOf(2).publicKey;
const doctor = keyOf(3).publicKey;
const studyHash = new Uint8Array(32).fill(9);

describe('what a gateway asks of its nodes', () => {
  let nodes: FakeNode[];

  const nodeWithGrant = (): FakeNode => {
    const node = new FakeNode();
    node.sources = [{ sourceKey, url: 'https://h.example/radpass' }];
    node.studies = [{ sourceKey, studyHash, owner: patient }];
    node.grants = [{ sourceKey, studyHash, patientKey: patient, requesterKey: doctor, seq: 60_000 }];
    return node;
  };
  const facts = (now?: number) => {
    const apis = nodes.map(node => new NodeApi({ url: 'http://127.0.0.1:1', fetch: node.fetch }));
    const at = now ?? nodes[0]!.genesisTimeMs + 400_000;
    return createHttpAccessView({ nodes: apis, now: () => at, maxStalenessMs: 60_000 }).facts(
      sourceKey,
      studyHash,
      doctor,
    );
  };

  beforeEach(() => {
    nodes = [nodeWithGrant()];
  });

  it('names the grant that the owner gave, with a bundle of proofs', async () => {
    const answer = await facts();
    expect(answer.grant?.seq).toBe(60_000);
    expect(answer.proof.length).toBeGreaterThan(0);
    expect(answer.revokedSeq).toBe(0);
  });

  it('names no grant by somebody who does not own the study', async () => {
    nodes[0]!.grants[0]!.patientKey = keyOf(4).publicKey;
    expect((await facts()).grant).toBeNull();
  });

  it('names no grant of a former owner once a reassignment took effect', async () => {
    Object.assign(nodes[0]!.studies[0]!, { pendingOwner: keyOf(5).publicKey, effectSlot: 100 });
    const answer = await facts();
    expect(answer.study?.owner).toEqual(keyOf(5).publicKey);
    expect(answer.grant).toBeNull();
  });

  it('names no grant at or below the floor, and none that a revocation replaced', async () => {
    nodes[0]!.grants[0]!.floorSeq = 60_000;
    expect((await facts()).grant).toBeNull();
    nodes[0]!.grants[0]!.floorSeq = 0;
    nodes[0]!.grants[0]!.type = 4;
    expect((await facts()).grant).toBeNull();
  });

  it('counts a revocation that any node has seen, though the newest node has not', async () => {
    nodes = [nodeWithGrant(), nodeWithGrant()];
    nodes[0]!.slot = 101;
    nodes[1]!.revocations = [{ sourceKey, studyHash, patientKey: patient, requesterKey: null, seq: 120_000 }];
    expect((await facts()).revokedSeq).toBe(120_000);
  });

  it("does not count a former owner's or another requester's revocation", async () => {
    nodes[0]!.revocations = [
      { sourceKey, studyHash, patientKey: keyOf(6).publicKey, requesterKey: null, seq: 120_000 },
      { sourceKey, studyHash, patientKey: patient, requesterKey: keyOf(7).publicKey, seq: 120_000 },
    ];
    expect((await facts()).revokedSeq).toBe(0);
  });

  it('goes on with the nodes that answer, and fails when none does', async () => {
    nodes = [nodeWithGrant(), nodeWithGrant()];
    nodes[0]!.down = true;
    expect((await facts()).grant?.seq).toBe(60_000);
    nodes[1]!.down = true;
    await expect(facts()).rejects.toMatchObject({ code: 'CLIENT_UNREACHABLE' });
  });

  it('refuses when fresh nodes disagree on the grant; a stale one has no say', async () => {
    nodes = [nodeWithGrant(), nodeWithGrant()];
    nodes[1]!.grants = [];
    await expect(facts()).rejects.toMatchObject({ code: 'CLIENT_NODES_DISAGREE' });
    nodes[1]!.slot = 50;
    expect((await facts()).grant?.seq).toBe(60_000);
  });

  it('reads again when the final state moved between study and grant, and gives up when it never rests', async () => {
    let moves = 1;
    nodes[0]!.onAsk = path => {
      if (path === '/v1/grants' && moves-- > 0) nodes[0]!.slot++;
    };
    expect((await facts()).checkpoint.slot).toBe(101);
    moves = 100;
    await expect(facts()).rejects.toMatchObject({ code: 'CLIENT_STATE_MOVED' });
  });

  it('does not wait for a node that takes the question and never answers', async () => {
    nodes = [nodeWithGrant(), nodeWithGrant()];
    nodes[0]!.silent = true;
    const begun = Date.now();
    expect((await facts(nodes[1]!.genesisTimeMs + 400_000)).grant?.seq).toBe(60_000);
    expect(Date.now() - begun).toBeLessThan(900);
  });

  it('gives no say to a node whose checkpoint lies in the future', async () => {
    nodes = [nodeWithGrant(), nodeWithGrant()];
    nodes[1]!.slot = 1000;
    nodes[1]!.grants = [];
    const answer = await facts();
    expect(answer.checkpoint.slot).toBe(100);
    expect(answer.grant?.seq).toBe(60_000);
  });

  it("counts the new owner's revocation though the node that saw it still names the former owner", async () => {
    const heir = keyOf(5).publicKey;
    const reassigned = (): FakeNode => {
      const node = nodeWithGrant();
      node.studies[0]!.owner = heir;
      node.grants[0]!.patientKey = heir;
      return node;
    };
    nodes = [reassigned(), nodeWithGrant()];
    nodes[1]!.slot = 50;
    nodes[1]!.revocations = [{ sourceKey, studyHash, patientKey: heir, requesterKey: null, seq: 120_000 }];
    expect((await facts()).revokedSeq).toBe(120_000);
  });

  it('takes the word of any fresh node that a study was withdrawn', async () => {
    nodes = [nodeWithGrant(), nodeWithGrant()];
    nodes[0]!.slot = 101;
    nodes[1]!.studies[0]!.withdrawn = true;
    expect((await facts()).study?.withdrawn).toBe(true);
  });

  it('asks with more digits when others made names that begin alike, down to the one entry', async () => {
    nodes[0]!.crowdedBelow = 256;
    nodes[0]!.onAsk = path => {
      if (path === '/v1/studies') nodes[0]!.crowdedBelow = 128;
      if (path === '/v1/grants') nodes[0]!.crowdedBelow = 256;
    };
    expect((await facts()).grant?.seq).toBe(60_000);
  });

  it('asks for the proof of a grant once a checkpoint', async () => {
    let proofs = 0;
    nodes[0]!.onAsk = path => {
      if (path === '/v1/proof') proofs++;
    };
    const api = new NodeApi({ url: 'http://127.0.0.1:1', fetch: nodes[0]!.fetch });
    const now = (): number => nodes[0]!.genesisTimeMs + 400_000;
    const view = createHttpAccessView({ nodes: [api], now, maxStalenessMs: 60_000 });
    const first = await view.facts(sourceKey, studyHash, doctor);
    expect((await view.facts(sourceKey, studyHash, doctor)).proof).toEqual(first.proof);
    expect(proofs).toBe(3);
    nodes[0]!.slot++;
    await view.facts(sourceKey, studyHash, doctor);
    expect(proofs).toBe(6);
  });

  describe('that were asked before', () => {
    let asked: string[];
    let view: AccessView;
    const node = (): FakeNode => nodes[0]!;

    beforeEach(async () => {
      node().revocationsSeen = 7;
      const api = new NodeApi({ url: 'http://127.0.0.1:1', fetch: node().fetch });
      const now = (): number => node().genesisTimeMs + 400_000;
      view = createHttpAccessView({ nodes: [api], now, maxStalenessMs: 60_000 });
      await view.facts(sourceKey, studyHash, doctor);
      asked = [];
      node().onAsk = path => asked.push(path);
    });
    const ask = (requester = doctor) => view.facts(sourceKey, studyHash, requester);

    it('are asked for their status alone while it names the same final block and revocations', async () => {
      expect((await ask()).grant?.seq).toBe(60_000);
      expect(asked).toEqual(['/status']);
    });

    it('are asked for everything about another requester', async () => {
      expect((await ask(keyOf(7).publicKey)).grant).toBeNull();
      expect(asked).toContain('/v1/grants');
    });

    it.each<[string, () => void]>([
      ['there is a newer final block', () => node().slot++],
      ['a revocation was seen', () => (node().revocationsSeen = 8)],
      ['the node does not say what it has seen', () => (node().revocationsSeen = undefined)],
      ['the node must be replaced', () => (node().upgradeTo = 2)],
    ])('are asked for everything again when %s', async (_, happen) => {
      node().grants = [];
      happen();
      expect((await ask()).grant).toBeNull();
    });

    it('are asked for everything again when something happened while they were asked', async () => {
      node().slot++;
      node().onAsk = path => {
        if (path === '/v1/grants') node().revocationsSeen = 8;
      };
      await ask();
      node().grants = [];
      expect((await ask()).grant).toBeNull();
    });

    it('are believed about nothing while they are silent', async () => {
      node().down = true;
      await expect(ask()).rejects.toMatchObject({ code: 'CLIENT_UNREACHABLE' });
    });
  });
});
