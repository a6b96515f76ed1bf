import { defaultTreeAdapter, parse, type DefaultTreeAdapterTypes } from 'parse5';
import type { ExtractedText } from './extract.js';
import { BlockText } from './block-text.js';
import { UnreadableDocument } from './unreadable-document.js';

type Node = DefaultTreeAdapterTypes.Node;
type Element = DefaultTreeAdapterTypes.Element;

const dropped = new Set(
  'head script style template noscript iframe object embed svg canvas audio video select textarea button'.split(
    ' ',
  ),
);
const blockElements = new Set(
  `address article aside blockquote body caption dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5
  h6 header hr html legend li main menu nav ol p pre section summary table tbody td tfoot th thead tr ul`.split(
    /\s+/,
  ),
);

// Browsers stop at 512. Beyond it every further element costs the parser a walk up the whole stack.
const maxDepth = 512;

/** The canonical text of HTML is what a reader sees of it, block by block: nobody could read offsets into the source. */
export function extractHtml(source: string): ExtractedText {
  const document = parse(source, { treeAdapter: depthGuard() });
  const written = new BlockText();
  let pageTitle = '';
  // An own stack instead of recursion: the depth is the document's choice.
  const todo: (Node | { leave: Element })[] = [document];
  for (let item = todo.pop(); item; item = todo.pop()) {
    if ('leave' in item) {
      leave(item.leave, written);
    } else if ('value' in item) {
      written.text(item.value);
    } else if ('tagName' in item) {
      if (item.tagName === 'head') pageTitle = titleOf(item);
      if (isHidden(item)) continue;
      enter(item, written);
      todo.push({ leave: item });
      for (const child of item.childNodes.toReversed()) todo.push(child);
    } else if ('childNodes' in item) {
      for (const child of item.childNodes.toReversed()) todo.push(child);
    }
  }
  const { text, blocks } = written.finish();
  const firstHeading = blocks.find((block) => block.kind === 'heading' && block.level === 1)?.title;
  const title = pageTitle || firstHeading;
  return title ? { text, title, blocks } : { text, blocks };
}

function depthGuard(): typeof defaultTreeAdapter {
  let depth = 0;
  return {
    ...defaultTreeAdapter,
    onItemPush: () => {
      depth += 1;
      if (depth <= maxDepth) return;
      throw new UnreadableDocument(
        'corrupt',
        `The elements are nested more than ${maxDepth} deep.`,
      );
    },
    onItemPop: () => {
      depth -= 1;
    },
  };
}

function enter(element: Element, written: BlockText): void {
  const { tagName } = element;
  if (tagName === 'br') written.lineBreak();
  else if (tagName === 'td' || tagName === 'th') written.cell();
  else if (tagName === 'tr') written.open('table');
  else if (tagName === 'li') written.open('list');
  else if (tagName === 'pre') written.open('code');
  else if (/^h[1-6]$/.test(tagName)) written.open('heading', Number(tagName[1]));
  else if (blockElements.has(tagName)) written.breakBlock();
}

function leave(element: Element, written: BlockText): void {
  const { tagName } = element;
  if (/^(?:tr|li|pre|h[1-6])$/.test(tagName)) written.close();
  else if (blockElements.has(tagName) && tagName !== 'td' && tagName !== 'th') written.breakBlock();
}

function isHidden(element: Element): boolean {
  if (dropped.has(element.tagName)) return true;
  return element.attrs.some(
    ({ name, value }) =>
      name === 'hidden' ||
      (name === 'aria-hidden' && value === 'true') ||
      (name === 'style' && /(?:display\s*:\s*none|visibility\s*:\s*hidden)/i.test(value)),
  );
}

function titleOf(head: Element): string {
  const title = head.childNodes.find((node) => 'tagName' in node && node.tagName === 'title');
  const [text] = title && 'childNodes' in title ? title.childNodes : [];
  return text && 'value' in text ? text.value.replace(/\s+/g, ' ').trim().slice(0, 300) : '';
}
