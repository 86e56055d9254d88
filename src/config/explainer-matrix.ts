import type { Capability, Explainer, ExplainerNeed, ModelFacts, Preset } from '../core/contracts/index.ts';
import type { Registry } from '../core/registry.ts';
import { costText, table } from './metric-matrix.ts';

/** How much one explanation costs, in passes of the model forward and backward: none, under 10, 100, 1,000, or more. */
export type CostClass = 'free' | 'fast' | 'moderate' | 'slow' | 'very slow';

/** What one should know of an explainer before choosing it; plain JSON. */
export interface ExplainerFacts {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  /** For whom it is. */
  readonly advice: string;
  /** What the map's values are, at default options. */
  readonly kind: ReturnType<Explainer['kindOf']>;
  readonly role: Explainer['role'];
  /** What the model must offer, at default options; empty: scores are enough. */
  readonly requires: readonly Capability[];
  /** What it must be given besides. */
  readonly needs: readonly ExplainerNeed[];
  /** The explainer whose maps it takes, unless a suite names another. */
  readonly wraps: string | null;
  readonly baseline: string | null;
  readonly dimensions: readonly number[];
  /** Whether the map is the same for every class. */
  readonly classBlind: boolean;
  /** Passes of one explanation at default options, for an image of 224 × 224 pixels and two classes. */
  readonly cost: { readonly forward: number; readonly backward: number; readonly atMost: boolean };
  readonly costClass: CostClass;
  /** Whether a budget of passes can be spent on it. */
  readonly takesBudget: boolean;
  readonly presets: Readonly<Record<string, Preset>>;
  readonly source: string;
}

const IMAGE: ModelFacts = { spatial: [224, 224], channels: 1, classes: 2 };

/** The facts of one explainer. */
export function explainerFacts(e: Explainer, { explainers }: Pick<Registry, 'explainers'>): ExplainerFacts {
  const options = e.options.parse({});
  const inner = e.wraps === undefined ? undefined : explainers.get(e.wraps);
  const { forward, backward, atMost } = e.cost(
    options,
    IMAGE,
    inner?.cost(inner.options.parse(e.innerOptionsOf(options)), IMAGE),
  );
  return {
    name: e.name,
    title: e.title,
    summary: e.summary,
    advice: e.advice,
    kind: e.kindOf(options),
    role: e.role,
    requires: e.requiresOf(options),
    needs: e.needsOf(options),
    wraps: e.wraps ?? null,
    baseline: e.baseline ?? null,
    dimensions: e.dimensions,
    classBlind: e.classBlind,
    cost: { forward, backward, atMost: atMost ?? false },
    costClass: costClass(forward + backward),
    takesBudget: e.spend !== undefined,
    presets: e.presets,
    source: e.cite,
  };
}

function costClass(passes: number): CostClass {
  if (passes === 0) return 'free';
  if (passes < 10) return 'fast';
  if (passes < 100) return 'moderate';
  return passes < 1000 ? 'slow' : 'very slow';
}

/** What an explainer needs, in words. */
export function needsText({ requires, needs, wraps }: Pick<ExplainerFacts, 'requires' | 'needs' | 'wraps'>): string {
  const words: Readonly<Partial<Record<ExplainerNeed, string>>> = { donor: "another patient's map" };
  const all = [
    ...(wraps === null ? [] : [`another explainer (${wraps})`]),
    ...requires,
    ...needs.map(need => words[need] ?? need),
  ];
  return all.join(', ') || 'scores only';
}

/** docs/explainers.md: what `ct-xai list explainers --json` says, as a page. */
export function explainerPage(registry: Pick<Registry, 'explainers'>): string {
  const all = [...registry.explainers.values()].map(e => explainerFacts(e, registry));
  const row = (e: ExplainerFacts) => [
    `\`${e.name}\``,
    e.advice,
    `${e.kind}${e.classBlind ? ', same for every class' : ''}`,
    needsText(e),
    `${e.costClass}: ${costText({ ...e.cost, explanations: 0 })}`,
    e.baseline ?? '–',
  ];
  const head = ['Explainer', 'For whom', 'Kind', 'Needs', 'Cost', 'Baseline'];
  const [methods, controls] = [all.filter(e => e.role === 'method'), all.filter(e => e.role === 'control')];
  return `${[INTRODUCTION, table(head, methods.map(row)), CONTROLS, table(head, controls.map(row))].join('\n\n')}\n`;
}

const INTRODUCTION = `# Explainers

Written by the program from what each explainer declares: \`ct-xai list explainers --json\` gives the same as JSON, with
all options. Do not edit it; \`npx vitest run test/config/explainer-matrix.test.ts -u\` writes it anew.

*Kind*: the pixels of an additive map sum to a difference of scores; a regional map shows the effect of the region that a
pixel lies in; of a ranking map only the order means something. *Needs* is what the network must offer, or what the
explainer must be given, at default options. *Cost* is passes of the network for one image of 224 × 224 pixels at default
options: fast is under 10, moderate under 100, slow under 1,000.`;

const CONTROLS = `## Controls

Maps that know nothing of the model, or the truth where it is known. They are reference lines and are never ranked.`;
