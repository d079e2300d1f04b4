/** Words by their prefixes. Following a text takes no longer than the longest word, however many words there are. */
export interface WordTree {
  /** Adds a word, which must not be empty. */
  add(word: Buffer): void;
  /** Returns the length of the longest word at a place of a text; 0 for none. */
  longestAt(text: Buffer, start: number): number;
  /** Whether the rest of a text from a place on is a proper prefix of a word. */
  isBeginning(text: Buffer, start: number): boolean;
}

/** A place at which words branch or end, and the bytes that lead to it. */
interface Node {
  label: Buffer;
  /** The label's first byte. */
  readonly first: number;
  isWord: boolean;
  /** By their first bytes, which differ. */
  children: Children;
}

/** Most places have one or two children, for which a list is faster than a map. */
type Children = Node[] | Map<number, Node>;
const MAX_IN_LIST = 4;
const NONE: Node[] = [];

/** Longer labels are compared by the system, which has some overhead. */
const FEW = 16;

/** Creates an empty tree. */
export function wordTree(): WordTree {
  const root: Node = { label: Buffer.alloc(0), first: 0, isWord: false, children: NONE };
  return {
    add: word => {
      insert(root, word);
    },
    longestAt: (text, start) => {
      let longest = 0;
      let at = start;
      for (let node = root; ;) {
        const next = at < text.length ? childOf(node, text[at] ?? 0) : undefined;
        if (!next || !isAt(next.label, next.label.length, text, at)) return longest;
        at += next.label.length;
        node = next;
        if (node.isWord) longest = at - start;
      }
    },
    isBeginning: (text, start) => {
      let at = start;
      for (let node = root; ;) {
        if (at === text.length) return node.children !== NONE;
        const next = childOf(node, text[at] ?? 0);
        if (!next) return false;
        const left = text.length - at;
        if (left < next.label.length) return isAt(next.label, left, text, at);
        if (!isAt(next.label, next.label.length, text, at)) return false;
        at += next.label.length;
        node = next;
      }
    },
  };
}

function insert(root: Node, word: Buffer): void {
  let node = root;
  let rest = word;
  while (rest.length > 0) {
    const [first = 0] = rest;
    const next = childOf(node, first);
    if (!next) {
      node.children = withChild(node.children, { label: rest, first, isWord: true, children: NONE });
      return;
    }
    const same = sameBytes(next.label, rest);
    if (same < next.label.length) part(next, same);
    node = next;
    rest = rest.subarray(same);
  }
  node.isWord = true;
}

/** Splits the label of a node: the rest becomes a new node. */
function part(node: Node, length: number): void {
  const { label, isWord, children } = node;
  const rest: Node = { label: label.subarray(length), first: label[length] ?? 0, isWord, children };
  node.label = label.subarray(0, length);
  node.isWord = false;
  node.children = [rest];
}

function childOf({ children }: Node, first: number): Node | undefined {
  if (children instanceof Map) return children.get(first);
  for (const child of children) if (child.first === first) return child;
  return undefined;
}

function withChild(children: Children, child: Node): Children {
  if (children instanceof Map) return children.set(child.first, child);
  const all = [...children, child];
  return all.length > MAX_IN_LIST ? new Map(all.map(each => [each.first, each])) : all;
}

/** Whether the first `length` bytes of a label are at a place of a text. Usually the first few bytes decide. */
function isAt(label: Buffer, length: number, text: Buffer, start: number): boolean {
  if (start + length > text.length) return false;
  // The first byte is known to match.
  if (length === 1) return true;
  const few = Math.min(length, FEW);
  for (let at = 1; at < few; at++) if (text[start + at] !== label[at]) return false;
  return few === length || text.compare(label, few, length, start + few, start + length) === 0;
}

/** Returns the length of the common prefix of two words. */
function sameBytes(one: Buffer, other: Buffer): number {
  const most = Math.min(one.length, other.length);
  let same = 0;
  while (same < most && one[same] === other[same]) same++;
  return same;
}
