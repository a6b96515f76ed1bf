/** Metadata entries as parallel arrays of keys, texts, numbers and booleans, for `unnest`: each value in the column of its type. */
export function attributeColumns(
  entries: readonly (readonly [key: string, value: string | number | boolean])[],
) {
  return [
    entries.map(([key]) => key),
    entries.map(([, value]) => (typeof value === 'string' ? value : null)),
    entries.map(([, value]) => (typeof value === 'number' ? value : null)),
    entries.map(([, value]) => (typeof value === 'boolean' ? value : null)),
  ] as const;
}
