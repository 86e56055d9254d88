import { beforeAll, describe, expect, it } from 'vitest';
import { analyse } from '../../src/reports/analysis/analyse.ts';
import { type ReportVerdict, verdictOf } from '../../src/reports/analysis/verdict.ts';
import { everyOf, networkNames, subjectsOf, together } from '../../src/reports/text/subject-words.ts';
import { scopeText } from '../../src/reports/text/trainings-words.ts';
import { type FixtureOptions, fixture } from './fixture.ts';

async function verdict(options: FixtureOptions): Promise<ReportVerdict> {
  const run = await fixture(options);
  return verdictOf(run.manifest, analyse(run));
}

const CASES: Readonly<Record<string, FixtureOptions>> = {
  'a usual run': {},
  'five patients': { patients: 5, images: 12 },
  'no image at all': { images: 0 },
  'every map failed': { broken: `the layer is missing: ${'x '.repeat(300)}`, images: 8 },
  'no labels, no controls': { labels: false, controls: false },
  'names that want to be markup': { hostile: true, images: 24, patients: 24 },
  'three classes, four models': { classes: ['normal', 'covid', 'other'], models: ['a', 'b', 'c', 'd'], images: 24 },
  'a run that was cut': { state: 'interrupted', images: 40 },
  'a classifier at chance': { skill: 0 },
};

describe('the verdict', () => {
  it.each(Object.entries(CASES))('of %s is at most six sentences of 120 words', async (_, options) => {
    const { sentences } = await verdict(options);
    expect(sentences.length).toBeGreaterThan(0);
    expect(sentences.length).toBeLessThanOrEqual(6);
    expect(sentences.join(' ').split(/\s+/).length).toBeLessThanOrEqual(120);
  });

  describe('of a study that can tell', () => {
    let found: ReportVerdict;
    beforeAll(async () => {
      found = await verdict({ images: 120, patients: 60 });
    });

    it('asks the question, and names who is best or not separated for best by the primary metric', () => {
      expect(found.question).toBe('Which map shows what densenet121 uses to call COVID?');
      expect(found.conclusive).toBe(true);
      expect(found.sentences[0]).toMatch(
        /^By Symmetric relevance gain, (occlusion is best|.*occlusion.* are not separated for best)\.$/,
      );
    });

    it('says n, and what so many patients find', () => {
      const text = found.sentences.join(' ');
      expect(text).toMatch(
        /\d+\u00a0patients with label COVID [^;]*; differences of [A-Z][\w ]* below about 0\.\d\d go unseen\./,
      );
      expect(text).not.toContain('too few');
    });

    it('never praises what is not separated', () => {
      expect(found.sentences.join(' ')).not.toMatch(/no method is better|no explainer is better/);
    });
  });

  it('says first that nothing can be said, where it cannot', async () => {
    const few = await verdict({ patients: 5, images: 12 });
    expect(few.conclusive).toBe(false);
    expect(few.sentences[0]).toMatch(
      /^Nothing can be said: an order by .* needs 12\u00a0patients with label COVID, and 2 have values of all explainers\.$/,
    );
    expect((await verdict({ images: 0 })).sentences[0]).toBe('Nothing can be said: no image was classified.');
    const cut = await verdict({ state: 'interrupted', images: 10 });
    expect(cut.sentences[0]).toMatch(/^The run was interrupted at 10 of 10\u00a0images\.$/);
    expect(cut.sentences[1]).toMatch(/^Nothing can be said/);
  });

  it('takes the primary metric that the suite declares', async () => {
    const run = await fixture({ analysis: { primary: ['insertion'], strata: ['outcome'], least: 0.8 } });
    const [model] = analyse(run).models;
    expect(model!.primaryMetric).toBe('insertion');
    expect(verdictOf(run.manifest, analyse(run)).sentences[0]).toMatch(/^By Insertion, /);
  });
});

describe('what the entries of a run are', () => {
  const model = { digest: 'a', task: 'multi-label', classes: ['Effusion', 'Mass', 'Nodule'] };
  const findings = ['Effusion', 'Mass', 'Nodule'].map(positive => ({ ...model, id: `net: ${positive}`, positive }));
  const others = ['a', 'b'].map(id => ({ ...model, id, digest: id, task: 'softmax' }));

  it('findings of one network are called findings, and the network by its name', () => {
    expect(subjectsOf(findings)).toBe('findings');
    expect(everyOf(findings)).toBe('all 3 findings');
    expect(together(findings.slice(1), findings)).toBe('Mass and Nodule');
    expect(networkNames(findings)).toBe('net');
    expect(
      scopeText(
        [],
        findings.map(entry => ({ model: entry })),
      ),
    ).toMatch(/^One network is one training/);
  });

  it('networks are called models', () => {
    expect(together(others, others)).toBe('both models');
    expect(networkNames(others)).toBe('a and b');
    expect(
      scopeText(
        [],
        others.map(entry => ({ model: entry })),
      ),
    ).toMatch(/^Each network is one training/);
  });
});
