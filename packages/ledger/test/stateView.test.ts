import { describe, expect, it } from '@jest/globals';
import { utf8 } from '@radpass/core';
import { leafKey, StateLayer, type StateSource, type ValueForm } from '../dist/stateView.js';

/** Counts how often it is asked. */
function counting() {
  const calls = { decoded: 0, encoded: 0 };
  const form: ValueForm<string> = {
    decode: bytes => {
      calls.decoded++;
      return String.fromCharCode(...bytes);
    },
    encode: text => {
      calls.encoded++;
      return utf8(text);
    },
  };
  return { calls, form };
}
const [a, b, c] = ['a', 'b', 'c'].map(name => leafKey(200, utf8(name))) as [string, string, string];
const below: StateSource = { get: key => (key === a ? utf8('old') : undefined) };

describe('a layer of the state', () => {
  it('decodes a value once, and encodes once what was set many times', () => {
    const { calls, form } = counting();
    const layer = new StateLayer(below);
    expect([layer.value(a, form), layer.value(a, form), layer.value(b, form)]).toEqual(['old', 'old', undefined]);
    for (const text of ['1', '2', '3']) layer.setValue(b, text, form);
    expect(layer.value(b, form)).toBe('3');
    expect(layer.changes).toEqual(new Map([[b, utf8('3')]]));
    expect(layer.get(b)).toEqual(utf8('3'));
    expect(calls).toEqual({ decoded: 1, encoded: 1 });
  });

  it('gives a value that the layer below set, and leaves that layer as it was', () => {
    const { calls, form } = counting();
    const lower = new StateLayer(below);
    lower.setValue(b, 'new', form);
    const upper = new StateLayer(lower);
    expect([upper.value(b, form), upper.value(a, form)]).toEqual(['new', 'old']);
    upper.setValue(b, 'newer', form);
    expect([lower.value(b, form), upper.value(b, form)]).toEqual(['new', 'newer']);
    expect(calls.encoded).toBe(0);
    expect(lower.get(b)).toEqual(utf8('new'));
  });

  it('takes bytes for a value that stood decoded', () => {
    const { form } = counting();
    const layer = new StateLayer(below);
    layer.setValue(a, 'new', form);
    layer.set(a, utf8('bytes'));
    expect(layer.value(a, form)).toBe('bytes');
    layer.set(a, null);
    expect([layer.value(a, form), layer.get(a)]).toEqual([undefined, undefined]);
  });
});

describe('an attempt that throws', () => {
  const fail = (layer: StateLayer, change: () => void): void =>
    expect(() =>
      layer.attempt(() => {
        change();
        throw new Error('refused');
      }),
    ).toThrow('refused');

  it('leaves no change, no value and nothing for the root', () => {
    const { form } = counting();
    const layer = new StateLayer(below);
    layer.setValue(b, 'kept', form);
    const twin = new StateLayer(below);
    twin.setValue(b, 'kept', form);
    fail(layer, () => {
      layer.setValue(a, 'changed', form);
      layer.setValue(a, 'changed again', form);
      layer.setValue(b, 'changed', form);
      layer.set(c, utf8('new'));
    });
    expect([layer.value(a, form), layer.value(b, form), layer.value(c, form)]).toEqual(['old', 'kept', undefined]);
    expect(layer.changes).toEqual(twin.changes);
    expect(layer.commitRoot()).toEqual(twin.commitRoot());
  });

  it('in another takes back its own changes alone; the outer one all', () => {
    const { form } = counting();
    const layer = new StateLayer(below);
    fail(layer, () => {
      layer.setValue(a, 'outer', form);
      fail(layer, () => layer.setValue(b, 'inner', form));
      expect([layer.value(a, form), layer.value(b, form)]).toEqual(['outer', undefined]);
      layer.attempt(() => layer.setValue(c, 'inner', form));
    });
    expect([layer.value(a, form), layer.value(c, form)]).toEqual(['old', undefined]);
    expect(layer.changes.size).toBe(0);
  });
});
