// Preloaded into a node by the test of a wrong clock: its wall clock runs an hour ahead, its monotonic one stays.
const right = Date.now;
Date.now = () => right() + 3_600_000;
