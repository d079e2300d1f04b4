import { distance } from 'fastest-levenshtein';

/** Returns `; did you mean …?` for the end of a message, or an empty string if no candidate is close enough. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

/** Returns the candidate that a mistyped word most likely means, if one is close enough. Letter case is ignored. */
function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  // Two swapped letters count as two changes. If more than a third of the letters differ, it is another word.
  let bestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const between = distance(wanted, candidate.toLowerCase());
    if (between < bestDistance) {
      best = candidate;
      bestDistance = between;
    }
  }
  return best;
}
