/**
 * The Shepp-Logan head in three dimensions: ten ellipsoids (Kak and Slaney, Principles of Computerized Tomographic
 * Imaging, table 3.1, with depths) and the intensities of its contrast-enhanced form (Toft 1996), here as Hounsfield
 * units: air -1000, ventricles 5, brain 42, lesions 60 to 80, skull 900.
 */

/** intensity, half axes, centre, rotation about z in degrees: head units, x to the right of the picture, y up, z to the top of the head */
const ellipsoids: readonly (readonly [number, number, number, number, number, number, number, number])[] = [
  [1, 0.69, 0.92, 0.81, 0, 0, 0, 0],
  [-0.8, 0.6624, 0.874, 0.78, 0, -0.0184, 0, 0],
  [-0.2, 0.11, 0.31, 0.22, 0.22, 0, 0, -18],
  [-0.2, 0.16, 0.41, 0.28, -0.22, 0, 0, 18],
  [0.1, 0.21, 0.25, 0.41, 0, 0.35, -0.15, 0],
  [0.1, 0.046, 0.046, 0.05, 0, 0.1, 0.25, 0],
  [0.1, 0.046, 0.046, 0.05, 0, -0.1, 0.25, 0],
  [0.1, 0.046, 0.023, 0.05, -0.08, -0.605, 0, 0],
  [0.1, 0.023, 0.023, 0.02, 0, -0.606, 0, 0],
  [0.1, 0.023, 0.046, 0.02, 0.06, -0.605, 0, 0],
];

const air = -1000;

interface Ellipse {
  intensity: number;
  x: number;
  y: number;
  cos: number;
  sin: number;
  a: number;
  b: number;
}

/** Where the plane at height z cuts the ellipsoids. */
function cut(z: number): Ellipse[] {
  return ellipsoids.flatMap(([intensity, a, b, c, x, y, z0, degrees]) => {
    const left = 1 - ((z - z0) / c) ** 2;
    if (left <= 0) return [];
    const angle = (degrees * Math.PI) / 180;
    const scale = Math.sqrt(left);
    return [{ intensity, x, y, cos: Math.cos(angle), sin: Math.sin(angle), a: a * scale, b: b * scale }];
  });
}

function hounsfieldAt(ellipses: readonly Ellipse[], x: number, y: number): number {
  let intensity = 0;
  let inside = false;
  for (const { intensity: step, x: x0, y: y0, cos, sin, a, b } of ellipses) {
    const u = (x - x0) * cos + (y - y0) * sin;
    const v = (y - y0) * cos - (x - x0) * sin;
    if ((u / a) ** 2 + (v / b) ** 2 > 1) continue;
    intensity += step;
    inside = true;
  }
  if (!inside) return air;
  return intensity > 0.9 ? 900 : 5 + Math.max(0, intensity) * 185;
}

/**
 * One axial slice of `size` × `size` pixels over [-1, 1] in head units, in Hounsfield units, rows from the front of the
 * head to its back. Each pixel is the mean of four points, which softens edges.
 */
export function sheppLoganSlice(z: number, size: number): Int16Array {
  const ellipses = cut(z);
  const pixels = new Int16Array(size * size);
  const step = 2 / size;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      let sum = 0;
      for (const dy of [0.25, 0.75]) {
        for (const dx of [0.25, 0.75]) sum += hounsfieldAt(ellipses, (column + dx) * step - 1, 1 - (row + dy) * step);
      }
      pixels[row * size + column] = Math.round(sum / 4);
    }
  }
  return pixels;
}
