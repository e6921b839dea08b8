/** Where each box stands in the picture of the mesh. Pure. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** More than these are counted, and not drawn. */
export const MOST_DRAWN = 48;
const INNER = 12;
/** The picture's half, and the circles that boxes stand on. */
export const HALF = 200;
const NEAR = 105;
const FAR = 170;

/** How far from the middle the picture of so many boxes goes. */
export const reachOf = (count: number): number => (count <= INNER ? NEAR + 35 : HALF);

/** Places for `count` boxes round the middle: on one circle while they are few, else on two. */
export function places(count: number): Point[] {
  const drawn = Math.min(count, MOST_DRAWN);
  const inner = drawn <= INNER ? drawn : Math.ceil(drawn / 3);
  return [...onCircle(inner, NEAR, 0), ...onCircle(drawn - inner, FAR, 0.5)];
}

function onCircle(count: number, radius: number, turn: number): Point[] {
  return Array.from({ length: count }, (_, index) => {
    const angle = (2 * Math.PI * (index + turn)) / count - Math.PI / 2;
    return {
      x: Math.round(HALF + radius * Math.cos(angle)),
      y: Math.round(HALF + radius * Math.sin(angle)),
    };
  });
}
