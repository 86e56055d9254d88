export const FORMATS: Readonly<Record<string, object>>;
export function fuzz(
  format: string,
  options: { readonly files: number; readonly seed: string | number; readonly folder: string },
): Promise<{ readonly number: number; readonly path: string; readonly error: string }[]>;
