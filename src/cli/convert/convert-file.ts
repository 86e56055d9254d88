import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { readCard } from '../../config/card.ts';
import type { ModelCard } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { CONVERSION_TOLERANCE, type ConversionCheck, convertModel } from '../../engines/tfjs/export/convert-model.ts';
import { ExitCode, note, print } from '../shared/output.ts';

interface Arguments {
  readonly model: string;
  readonly to: string;
  readonly size?: number | undefined;
  readonly force: boolean;
}

/** `ct-xai convert`. @returns 0 if the .onnx file gives the scores that TF.js gives. */
export async function convert({ model, to, size, force }: Arguments): Promise<number> {
  if (!to.endsWith('.onnx')) throw new CtXaiError('USAGE', `--to ${to}: an .onnx file is written.`);
  const card = await cardAt(model);
  if (card && card.format !== 'tfjs') throw new CtXaiError('USAGE', `${card.origin}: the model is ONNX already.`);
  const file = card?.file ?? weightsAt(model);
  const done = await convertModel(file, to, {
    ...(card ? { card } : {}),
    ...(size === undefined ? {} : { size: [size, size] as const }),
    overwrite: force,
  });
  print(`${to}: ${done.megabytes.toFixed(1)} MB`);
  if ('impossible' in done.compared) print(`not compared with TF.js: ${done.compared.impossible}`);
  else if (!tellComparison(done.compared)) {
    rmSync(to);
    note(`The two differ by more than ${CONVERSION_TOLERANCE}, so ${to} was removed. Run the model by engine: tfjs.`);
    return ExitCode.rowsFailed;
  }
  const beside = join(dirname(to), 'model.yaml');
  if (existsSync(beside)) print(`${beside} is there and was left alone; its 'file' may need to be ${basename(to)}.`);
  else if (card) writeCard(card, to, beside);
  else advise(done.card, to, beside);
  return ExitCode.ok;
}

/** @returns whether the two give the same scores */
function tellComparison({ difference, milliseconds: [tfjs, onnx], device }: ConversionCheck): boolean {
  print(`largest difference of logits on random images: ${difference.toExponential(1)} of the largest logit`);
  print(
    `an image takes ${tfjs.toFixed(1)} ms on TF.js (${device}), ${onnx.toFixed(1)} ms on ONNX Runtime (cpu): ` +
      `${(tfjs / onnx).toFixed(1)} times as fast`,
  );
  return difference <= CONVERSION_TOLERANCE;
}

function weightsAt(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  const files = ['model.h5', 'model.keras', 'model.json'].map(name => join(path, name));
  return files.find(file => existsSync(file)) ?? files.at(-1)!;
}

/** The card that a path stands for, if it does. */
async function cardAt(path: string): Promise<ModelCard | undefined> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    return existsSync(join(path, 'model.yaml')) ? readCard(path) : undefined;
  }
  if (!/\.(json|h5|hdf5|keras)$/i.test(path)) return readCard(path);
  const beside = join(dirname(path), 'model.yaml');
  if (!existsSync(beside)) return undefined;
  const card = await readCard(beside);
  return resolve(card.file) === resolve(path) ? card : undefined;
}

/** The same card for the new file. */
function writeCard(card: ModelCard, to: string, beside: string): void {
  const { output: _, ...written } = parse(readFileSync(card.origin, 'utf8')) as Record<string, unknown>;
  const { name: __, ...input } = written.input as Record<string, unknown>;
  const changed = { ...written, file: basename(to), format: 'onnx', input: { ...input, layout: 'NHWC' } };
  writeFileSync(beside, stringify(changed));
  print(`${beside}: its card, from ${relative('.', card.origin)}`);
}

function advise({ task, emits, classes, input }: ModelCard, to: string, beside: string): void {
  print(
    `\nIt needs a card before it can be explained. Save this as ${beside}, with the classes' names, in the order of`,
  );
  print('the output, and with what brings images to what the network eats (window, steps):\n');
  const intensity = { unit: 'grey', window: [0, 255], steps: [] };
  const skeleton = { file: basename(to), task, emits, classes, input: { ...input }, intensity };
  print(stringify(skeleton, { collectionStyle: 'any', flowCollectionPadding: false }).trimEnd());
}
