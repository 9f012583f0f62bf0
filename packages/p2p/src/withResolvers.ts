/** Promise.withResolvers (ECMA-262, 2024) for Node 20: libp2p 3 calls it. Imported before anything of libp2p. */
if (!('withResolvers' in Promise)) {
  Object.defineProperty(Promise, 'withResolvers', {
    configurable: true,
    writable: true,
    value: function withResolvers<T>(this: PromiseConstructor) {
      let settle: { resolve: (value: T | PromiseLike<T>) => void; reject: (reason: unknown) => void } | undefined;
      const promise = new this<T>((resolve, reject) => {
        settle = { resolve, reject };
      });
      return { promise, ...settle };
    },
  });
}
