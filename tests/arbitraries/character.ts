import fc from "fast-check";

const FIRST_SURROGATE = 0xd800;
const SURROGATE_COUNT = 0x800;
const LAST_CODE_POINT = 0x10ffff;

/**
 * Any character but halves of surrogate pairs, as the unit of `fc.string`. Its own `"binary"` is the same, but makes a
 * table of all of them first, which takes a second and a hundred megabytes.
 */
export const anyCharacter = fc
  .nat({ max: LAST_CODE_POINT - SURROGATE_COUNT })
  .map((index) => String.fromCodePoint(index < FIRST_SURROGATE ? index : index + SURROGATE_COUNT));
