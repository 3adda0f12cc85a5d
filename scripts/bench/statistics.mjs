// What a list of measurements says. Nothing here knows what was measured.

/** @returns the middle one; of an even number, the mean of the two in the middle; NaN of none. */
export function median(numbers) {
  return quantile(numbers, 0.5);
}

/**
 * @param part - 0 the least, 1 the greatest, 0.25 the lower quartile.
 * @returns the value below which `part` of them lie, on the line between the two nearest; NaN of none.
 */
export function quantile(numbers, part) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low === undefined || high === undefined ? Number.NaN : low + (high - low) * (place - Math.floor(place));
}

/**
 * Where the true median of paired ratios lies, at least 99 times of 100, whatever the distribution: the k-th smallest to
 * the k-th greatest, since each ratio is above the true median as often as below. Fewer than 8 are too few for that,
 * and then it is the least and the greatest.
 * @returns `[low, high]`
 */
export function spread(ratios) {
  const sorted = ratios.toSorted((a, b) => a - b);
  const k = outside(sorted.length, 0.01);
  return [sorted[k] ?? Number.NaN, sorted[sorted.length - 1 - k] ?? Number.NaN];
}

/** A change is one that the spread does not explain. */
export function isChanged(ratios) {
  const [low, high] = spread(ratios);
  return low > 1 || high < 1;
}

/** How many of `count` can be left out at each end so that the rest misses the median with a chance of at most `risk`. */
function outside(count, risk) {
  let below = 0;
  let chance = 0.5 ** count;
  let left = 0;
  for (; left < count; left++) {
    below += chance;
    if (2 * below > risk) break;
    chance *= (count - left) / (left + 1);
  }
  return Math.max(left - 1, 0);
}
