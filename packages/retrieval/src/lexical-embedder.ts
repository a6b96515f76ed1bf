import type { Embedder, EmbedderDescription, EmbedOptions } from './embedder.js';
import { contentWords, searchableText, stem } from './searchable-text.js';

const dimensions = 1_536;

const description: EmbedderDescription = {
  name: 'lexical-hash-1536',
  dimensions,
  kind: 'lexical',
  // Part of the contract with stored vectors: any change to what follows makes other vectors and needs a new number.
  fingerprint: 'lexical-hash-1536/1',
  // Fused one to one with BM25 it takes more than it gives; at 0.3 it does no harm and still catches misspellings.
  fusionWeight: 0.3,
};

// Each family is scaled to length 1 before it is mixed in with its share.
const shares = { word: 1, pair: 0.3, gram: 0.5 };
const seeds = { word: 0x811c9dc5, pair: 0x2f0b4c47, gram: 0x6a09e667 };

/** One feature of a text: how often it occurs, and the weight of the rarest word it comes from. */
interface Feature {
  count: number;
  weight: number;
}
type Features = Map<number, Feature>;

/**
 * The offline embedder: stems, pairs of stems and character grams of 3 to 5, hashed with a sign into 1,536 places. It is
 * lexical: texts are near when they share words or spellings, not when they mean the same. A document's vector depends on
 * its text alone, so nothing is embedded again as a workspace grows; the query carries the workspace's word weights.
 * A text without a word gives the zero vector. No network, no files, no state but caches.
 */
export function createLexicalEmbedder(): Embedder {
  return {
    describe: () => description,
    embed: (texts, options) => {
      options.signal?.throwIfAborted();
      return Promise.resolve(texts.map((text) => embedText(text, options.termWeights)));
    },
  };
}

function embedText(text: string, weights: EmbedOptions['termWeights']): Float32Array {
  const words = contentWords(searchableText(text));
  const vector = new Float32Array(dimensions);
  addFamily(vector, wordFeatures(words, weights), shares.word);
  addFamily(vector, pairFeatures(words, weights), shares.pair);
  addFamily(vector, gramFeatures(words, weights), shares.gram);
  scale(vector, 1);
  return vector;
}

function wordFeatures(words: readonly string[], weights: EmbedOptions['termWeights']): Features {
  const features: Features = new Map();
  for (const word of words) {
    count(features, hash(stem(word), seeds.word), weights?.get(word) ?? 1, 1);
  }
  return features;
}

function pairFeatures(words: readonly string[], weights: EmbedOptions['termWeights']): Features {
  const features: Features = new Map();
  for (let i = 1; i < words.length; i += 1) {
    const [left, right] = [words[i - 1]!, words[i]!];
    const weight = ((weights?.get(left) ?? 1) + (weights?.get(right) ?? 1)) / 2;
    count(features, hash(`${stem(left)} ${stem(right)}`, seeds.pair), weight, 1);
  }
  return features;
}

function gramFeatures(words: readonly string[], weights: EmbedOptions['termWeights']): Features {
  const features: Features = new Map();
  const occurrences = new Map<string, number>();
  for (const word of words) occurrences.set(word, (occurrences.get(word) ?? 0) + 1);
  for (const [word, times] of occurrences) {
    for (const gram of gramHashes(word)) count(features, gram, weights?.get(word) ?? 1, times);
  }
  return features;
}

function count(features: Features, key: number, weight: number, times: number): void {
  const feature = features.get(key);
  if (feature) {
    feature.count += times;
    feature.weight = Math.max(feature.weight, weight);
  } else {
    features.set(key, { count: times, weight });
  }
}

function addFamily(vector: Float32Array, features: Features, share: number): void {
  const family = new Float32Array(dimensions);
  for (const [key, feature] of features) {
    const value = (1 + Math.log(feature.count)) * feature.weight;
    const place = (key >>> 1) % dimensions;
    family[place] = family[place]! + (key & 1 ? value : -value);
  }
  scale(family, share);
  for (let i = 0; i < dimensions; i += 1) vector[i] = vector[i]! + family[i]!;
}

function scale(vector: Float32Array, length: number): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (squares === 0) return;
  const factor = length / Math.sqrt(squares);
  for (let i = 0; i < vector.length; i += 1) vector[i] = vector[i]! * factor;
}

const gramCache = new Map<string, Uint32Array>();
const maxCachedWords = 20_000;
const maxWordLength = 64;

function gramHashes(word: string): Uint32Array {
  let hashes = gramCache.get(word);
  if (!hashes) {
    if (gramCache.size >= maxCachedWords) gramCache.clear();
    hashes = hashGrams(`^${word.slice(0, maxWordLength)}$`);
    gramCache.set(word, hashes);
  }
  return hashes;
}

function hashGrams(marked: string): Uint32Array {
  const hashes: number[] = [];
  for (let size = 3; size <= 5; size += 1) {
    for (let start = 0; start + size <= marked.length; start += 1) {
      hashes.push(hash(marked.slice(start, start + size), seeds.gram));
    }
  }
  return Uint32Array.from(hashes);
}

/** FNV-1a over UTF-16 units with Murmur3's finish, without which the low bits, place and sign, would follow the text. */
function hash(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i += 1) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
