import { setFlagsFromString } from "node:v8";

/**
 * Has this process and its threads collect garbage sooner instead of letting their heaps grow: with 1,000 servers the
 * bot then takes two thirds of the memory. To be called before anything else is loaded.
 */
export function preferSmallHeap(): void {
  setFlagsFromString("--optimize-for-size");
}
