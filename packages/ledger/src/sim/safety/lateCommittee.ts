/**
 * An adversary with a plan, for what blind chance hardly meets: the voters of an ended era are kept from knowing that it
 * ended, so they go on voting in higher and higher slots, for its last block or, if they may, for blocks on top of it that
 * only they see; the new era makes a block final in secret, and is then shown what the old voters justified meanwhile, with
 * a higher branch on the old block.
 *
 * Who is told what, and when, is drawn; the order of the plan is not.
 */
import type { Random } from '../random.js';
import type { Action, Model } from './model.js';

export function lateCommittee(model: Model, random: Random, periodSlots: number, act: (action: Action) => void): void {
  const voters = random.shuffled(Array.from({ length: model.honest }, (_, i) => i));
  const late = voters.slice(0, 2);
  const others = voters.slice(2);
  const see = (who: readonly number[], block: number): void => {
    for (const voter of who) act({ do: 'see', voter, block });
  };
  const learn = (who: readonly number[]): void => {
    for (const link of [...model.certified]) for (const voter of who) act({ do: 'learn', voter, link });
  };
  const vote = (who: readonly number[], slot: number): void => {
    for (const voter of who) act({ do: 'vote', voter, slot });
  };
  let slot = 1;
  let tip = 0;
  const extend = (parent: number, carries: boolean): number => {
    const links = carries ? model.usable({ parent, slot, links: model.certified }).slice(-3) : [];
    act({ do: 'block', parent, slot, links });
    return model.blocks.length - 1;
  };
  // Everybody together up to the block that opens.
  for (; slot <= periodSlots; slot++) {
    tip = extend(tip, true);
    see(voters, tip);
    vote(voters, slot);
    if (slot < periodSlots) learn(voters);
  }
  // It becomes final, and those who are late don't hear of it.
  const opener = tip;
  learn(voters);
  vote(voters, slot++);
  learn(others);
  const secret = extend(opener, false);
  see(others, secret);
  const until = slot + random.between(1, 3);
  for (; slot < until; slot++) {
    vote(others, slot);
    if (slot < until - 1) learn(others);
  }
  const isSecret = random.chance(500_000);
  const known = model.certified.length;
  let lateTip = opener;
  for (const end = slot + random.between(0, 3); slot <= end; slot++) {
    if (isSecret) {
      lateTip = extend(lateTip, false);
      see(late, lateTip);
    }
    vote(late, slot);
    for (const link of model.certified.slice(known)) for (const voter of late) act({ do: 'learn', voter, link });
  }
  // The other branch is higher, and what the old voters say is news.
  tip = opener;
  for (let i = 0; i < 2; i++, slot++) tip = extend(tip, false);
  const told = model.certified.filter(link => link.endsWith('@0') || random.chance(300_000));
  for (const link of told) for (const voter of others) act({ do: 'learn', voter, link });
  see(others, tip);
  for (const end = slot + 3; slot < end; slot++) {
    vote(others, slot);
    for (const link of model.certified.slice(-1)) for (const voter of others) act({ do: 'learn', voter, link });
  }
}
