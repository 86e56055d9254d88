import { z } from 'zod';
import type { Explainer, Metric } from '../core/contracts/index.ts';
import type { Registry } from '../core/registry.ts';
import { cardSchema } from './card-schema.ts';
import { suiteSchema } from './schema.ts';

type Json = Record<string, unknown>;

const DRAFT = 'http://json-schema.org/draft-07/schema#';

/**
 * The JSON Schema (draft 7) by which editors check and complete suites: the suite's own keys, and the names, options,
 * presets and baselines of what the registry holds. Names that plugins add are let through.
 */
export function suiteJsonSchema(registry: Registry): Json {
  const schema = toJson(suiteSchema);
  const properties = schema['properties'] as Record<string, Json>;
  const explainers = [...registry.explainers.values()];
  const byRole = (role: Explainer['role']) => explainers.filter(e => e.role === role);
  completeList(properties['explainers']!, byRole('method'), registry);
  completeList(properties['controls']!, byRole('control'), registry);
  const [set, list] = properties['metrics']!['anyOf'] as [Json, Json];
  suggest(set, [...registry.metricSets.keys()]);
  completeList(list, [...registry.metrics.values()], registry, [...registry.metricSets.keys()]);
  const data = properties['data']!;
  suggest((data['properties'] as Record<string, Json>)['use']!, [...registry.readers.keys()]);
  data['allOf'] = [...registry.readers.values()].map(reader => {
    const options = toJson(reader.options as z.ZodType);
    const shared = Object.fromEntries(Object.keys(data['properties'] as Json).map(key => [key, true]));
    return ifUsed(reader.name, { ...options, properties: { ...shared, ...(options['properties'] as Json) } });
  });
  return { $schema: DRAFT, ...schema, title: 'ct-xai-bench suite' };
}

/** The JSON Schema of `model.yaml`. */
export function cardJsonSchema(): Json {
  return { $schema: DRAFT, ...toJson(cardSchema), title: 'ct-xai-bench model card' };
}

function toJson(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
  return json;
}

/**
 * Names, and for each its options, presets and whether it takes a baseline, in a list of explainers or metrics.
 * @param sets names that stand for several metrics, and take no options
 */
function completeList(
  list: Json,
  parts: readonly (Explainer | Metric)[],
  registry: Registry,
  sets: readonly string[] = [],
): void {
  const [name, object] = (list['items'] as { anyOf: [Json, Json] }).anyOf;
  const names = parts.map(part => part.name);
  suggest(name, [...sets, ...names]);
  suggest((object['properties'] as Record<string, Json>)['use']!, names);
  object['allOf'] = parts.map(part =>
    ifUsed(part.name, {
      properties: {
        options: toJson(part.options as z.ZodType),
        preset: oneOf(Object.keys(part.presets)),
        baseline: oneOf(part.baseline === undefined ? [] : [...registry.baselines.keys()]),
      },
    }),
  );
}

/** Completes by these names, without refusing others. */
function suggest(string: Json, names: readonly string[]): void {
  delete string['type'];
  string['anyOf'] = [{ enum: names }, { type: 'string' }];
}

/** One of these names; where there are none, the key is refused. */
function oneOf(names: readonly string[]): Json | false {
  return names.length > 0 && { enum: names };
}

function ifUsed(name: string, then: Json): Json {
  return { if: { properties: { use: { const: name } }, required: ['use'] }, then };
}
