import { describe, expect, test } from 'vitest';
import { MarkerReader } from './marker-reader.js';

const read = (...parts: string[]) => {
  const reader = new MarkerReader();
  const pieces = [...parts.flatMap((part) => reader.read(part)), ...reader.end()];
  const text = pieces.map((piece) => (piece.type === 'text' ? piece.text : '')).join('');
  return {
    text,
    numbers: pieces.flatMap((piece) => (piece.type === 'marker' ? piece.numbers : [])),
  };
};

describe('MarkerReader', () => {
  test('takes markers out, with the blank before them', () => {
    expect(read('Foxes sleep [1]. Badgers dig. [2, 3] Owls[4][5].')).toEqual({
      text: 'Foxes sleep. Badgers dig. Owls.',
      numbers: [1, 2, 3, 4, 5],
    });
  });

  test('says the same however the text is cut', () => {
    const text = 'Foxes sleep [1]. See [note] and [2, 3]\n[ ] [12';
    const whole = read(text);

    expect(read(...text.split(''))).toEqual(whole);
    expect(whole.numbers).toEqual([1, 2, 3]);
    expect(whole.text).toBe('Foxes sleep. See [note] and\n[ ] [12');
  });

  test('does not hold text back for a bracket that never closes', () => {
    expect(new MarkerReader().read(`[${'1,'.repeat(40)}`)).toHaveLength(1);
  });
});
