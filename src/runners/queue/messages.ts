import { z } from 'zod';
import { CtXaiError } from '../../core/errors.ts';
import type { Row } from '../../results/rows.ts';

/** Changes when workers and coordinators of different versions would misunderstand each other. */
const FORMAT = 1;

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const key = z.string().regex(/^[0-9a-f]{32}$/);
const name = z.string().min(1).max(1000);
const index = z.int().nonnegative();

/** What a coordinator tells workers of a run, so that each resolves the same plan on its machine. */
const noticeSchema = z.strictObject({
  format: z.literal(FORMAT),
  id: z.string().regex(/^[0-9a-f]{16}$/),
  name,
  version: name,
  planDigest: digest,
  /** The suite, with the folder on the coordinator's machine that its paths start from. */
  suite: z.record(z.string(), z.unknown()),
  folder: name,
  overrides: z.strictObject({
    limit: z.int().positive().optional(),
    seed: z.union([z.number(), z.string()]).optional(),
    device: name.optional(),
    data: name.optional(),
  }),
  models: z.array(z.strictObject({ id: name, digest })).min(1),
  data: name,
  plugins: z.array(z.strictObject({ name, source: name, digest })),
  /** Whether arrays go through a folder that all machines see, and not through Redis. */
  files: z.boolean(),
});

/** Arrays that lie elsewhere, by what they are of a row: digests of their content. */
const refsSchema = z.partialRecord(
  z.enum(['map', 'standardErrors', 'regions', 'layerMap', 'view', 'slice', 'mask', 'film']),
  digest,
);

/** Of a row only its names are looked at here; values are checked where they are made. */
const rowSchema = z.looseObject({
  kind: z.enum(['sample', 'map', 'score', 'item']),
  job: key,
  model: name,
  sample: z.string(),
  status: z.enum(['ok', 'undefined', 'skipped', 'failed']),
  reason: z.string().optional(),
});

const heldSchema = z.strictObject({ row: rowSchema, arrays: refsSchema });

const donorSchema = z.union([z.strictObject({ sample: z.string() }), z.strictObject({ reason: z.string() })]);

/** A block: jobs of some images on one model with some weights. They are named by their keys. */
const blockSchema = z.strictObject({
  format: z.literal(FORMAT),
  model: name,
  /** As `variantName` calls the weights. */
  weights: name,
  images: z
    .array(
      z.strictObject({
        sample: z.string(),
        index,
        keys: z.array(key).min(1),
        /** Whose map an explainer borrows for this image, by the id of the explainer that made it. */
        donors: z.record(z.string(), donorSchema),
        /** Results of earlier jobs that these jobs need. */
        held: z.array(heldSchema),
      }),
    )
    .min(1),
});

/** What a worker returns of a block. */
const doneSchema = z.strictObject({
  format: z.literal(FORMAT),
  worker: name,
  rows: z.array(heldSchema),
  /** Why it did not come to the block's end. */
  problem: z
    .strictObject({
      kind: z.enum(['stopped', 'model', 'job']),
      reason: z.string(),
      /** Jobs that were in hand. */
      keys: z.array(key),
    })
    .optional(),
});

/** A worker as the coordinator sees it. */
const presenceSchema = z.strictObject({
  worker: name,
  host: z.string(),
  pid: z.int(),
  cpu: z.string(),
  /** When it was last heard of, in ms since 1970. */
  seen: z.number(),
  /** Why it does not work for this run. */
  refused: z.string().optional(),
});

/** How a model runs, agreed on by all workers: what the first that opened it measured. */
const runtimeSchema = z.looseObject({
  engine: name,
  engineVersion: name,
  device: name,
  microBatch: z.int().positive(),
  workers: z.int().positive(),
  threads: z.int().positive(),
});

export type Notice = z.output<typeof noticeSchema>;
export type Block = z.output<typeof blockSchema>;
export type BlockDone = z.output<typeof doneSchema>;
export type Held = z.output<typeof heldSchema>;
export type ArrayRefs = z.output<typeof refsSchema>;
export type Presence = z.output<typeof presenceSchema>;

/**
 * What came through Redis, checked: whoever can write there can write anything.
 * @throws CtXaiError QUEUE naming the first field that is wrong.
 */
function reader<T>(schema: z.ZodType<T>, what: string): (value: unknown) => T {
  return value => {
    const read = schema.safeParse(value);
    if (read.success) return read.data;
    const issue = read.error.issues[0];
    const place = issue?.path.length ? `'${issue.path.join('.')}': ` : '';
    throw new CtXaiError('QUEUE', `${what} in Redis is not valid: ${place}${issue?.message ?? 'unknown'}.`);
  };
}

export const readNotice = reader(noticeSchema, 'the description of a run');
export const readBlock = reader(blockSchema, 'a block of jobs');
export const readDone = reader(doneSchema, 'what a worker returned');
export const readPresence = reader(presenceSchema, "a worker's entry");

export const readRuntime = reader(runtimeSchema, 'how a model runs');

/** @throws CtXaiError QUEUE where it is no JSON. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CtXaiError('QUEUE', `${what} in Redis is not JSON.`, { cause });
  }
}

/** The row without paths: where its arrays lie is decided by whoever keeps them. */
export function pathless(row: Held['row']): Row {
  const { file: _, files: __, view: ___, slice: ____, mask: _____, ...rest } = row;
  const { film } = rest as { film?: { file?: string } };
  if (film) {
    const { file: ______, ...kept } = film;
    return { ...rest, film: kept } as unknown as Row;
  }
  return rest as unknown as Row;
}

export { FORMAT };
