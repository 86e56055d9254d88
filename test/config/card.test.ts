import { appendFileSync, copyFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCard } from '../../src/config/card.ts';
import { modelDigest } from '../../src/config/model-digest.ts';
import { messageOf } from '../../src/core/errors.ts';
import { put, temporaryFolder } from '../data/images.ts';
import { refusalOf } from './fixtures.ts';

const folder = temporaryFolder();
const CASES = fileURLToPath(new URL('../golden/cases/', import.meta.url));
let cards = 0;

/** A card in a folder of its own, with weights. */
function card(text: string, weights = 'model.onnx'): string {
  const name = `card-${cards++}`;
  put(folder, `${name}/${weights}`, 'weights');
  return put(folder, `${name}/model.yaml`, text);
}

const MINIMAL = 'classes: [well, sick]\ninput: { size: 224 }\n';

describe('a model card', () => {
  it('has defaults that depend on the format and the unit', async () => {
    const path = card(MINIMAL);
    expect(await readCard(path)).toEqual({
      id: 'card-0',
      file: path.replace('model.yaml', 'model.onnx'),
      origin: path,
      format: 'onnx',
      task: 'softmax',
      emits: 'logits',
      explainAt: 'logits',
      classes: ['well', 'sick'],
      input: { size: [224, 224], channels: 1, layout: 'NCHW' },
      intensity: { unit: 'grey', window: [0, 255], air: 0, steps: [] },
      resize: { antialias: true, fit: 'stretch', round: false },
    });
    const hu = await readCard(card(`${MINIMAL}intensity: { unit: HU, window: [-1350, 150] }`, 'model.json'));
    expect(hu).toMatchObject({ format: 'tfjs', input: { layout: 'NHWC' }, intensity: { air: -1000 } });
  });

  it('takes three windows of HU as three channels, and nothing else', async () => {
    const three = 'windows: [[-1350, 150], [-160, 240], [-200, 1300]]';
    const rgb = 'classes: [well, sick]\ninput: { size: 224, channels: 3 }\n';
    const { intensity } = await readCard(card(`${rgb}intensity: { unit: HU, ${three} }`));
    expect(intensity).toMatchObject({
      window: [-1350, 150],
      windows: [
        [-1350, 150],
        [-160, 240],
        [-200, 1300],
      ],
    });
    await expect(readCard(card(`${MINIMAL}intensity: { unit: HU, ${three} }`))).rejects.toThrow(/as many channels/);
    await expect(readCard(card(`${rgb}intensity: { ${three} }`))).rejects.toThrow(/are for HU/);
    const both = `${rgb}intensity: { unit: HU, window: [0, 1], ${three} }`;
    await expect(readCard(card(both))).rejects.toThrow(/both 'window' and 'windows'/);
    const falling = `${rgb}intensity: { unit: HU, windows: [[0, 1], [1, 0], [0, 1]] }`;
    await expect(readCard(card(falling))).rejects.toThrow(/must ascend/);
  });

  it('keeps all that it says; a folder stands for its model.yaml', async () => {
    const text = `
id: densenet
file: weights.onnx
task: sigmoid
emits: probabilities
explainAt: output
classes: ['no', 'yes']
input: { size: [200, 300], channels: 3, layout: NHWC, name: image }
output: scores
intensity:
  window: [10, 250]
  air: 12
  steps:
    - subtract: [0.485, 0.456, 0.406]
    - divide: 0.225
    - normalise: z-score
resize: { antialias: false, fit: pad, round: true }
camLayer: features
training: COVID-CT
licence: MIT
performance: { auc: 0.76 }
`;
    const path = card(text, 'weights.onnx');
    expect(await readCard(path.replace('/model.yaml', ''))).toMatchObject({
      id: 'densenet',
      task: 'sigmoid',
      input: { size: [200, 300], channels: 3, layout: 'NHWC', name: 'image' },
      output: 'scores',
      intensity: { window: [10, 250], air: 12, steps: [{ subtract: [0.485, 0.456, 0.406] }, { divide: 0.225 }, {}] },
      resize: { antialias: false, fit: 'pad', round: true },
      camLayer: 'features',
      licence: 'MIT',
      performance: { auc: 0.76 },
    });
  });

  it.each([
    ['normalise: imagenet', [{ subtract: [0.485, 0.456, 0.406] }, { divide: [0.229, 0.224, 0.225] }]],
    ['mean: 0.5, std: [0.1, 0.2, 0.3]', [{ subtract: 0.5 }, { divide: [0.1, 0.2, 0.3] }]],
    ['normalise: z-score', [{ normalise: 'z-score' }]],
  ])('may have { %s } in place of steps', async (text, steps) => {
    const written = 'classes: [well, sick]\npositive: sick\ninput: { size: [8, 9], channels: 3 }\n';
    const found = await readCard(card(`${written}intensity: { ${text} }\n`));
    expect(found).toMatchObject({ positive: 'sick', input: { size: [8, 9] } });
    expect(found.intensity.steps).toEqual(steps);
  });

  it.each([
    ['a mean without a deviation', `${MINIMAL}intensity: { mean: 0.5 }`, /'mean' without 'std'.*Add std/],
    ['steps and a mean', `${MINIMAL}intensity: { mean: 0.5, std: 1, steps: [] }`, /both 'steps' and 'mean'/],
    [
      'two normalisations',
      `${MINIMAL}intensity: { mean: 0, std: 1, normalise: z-score }`,
      /both 'normalise' and 'mean'/,
    ],
    ['ImageNet on one channel', `${MINIMAL}intensity: { normalise: imagenet }`, /for 3 channels; this input has 1/],
    ['a mean of three channels on one', `${MINIMAL}intensity: { mean: [1, 2, 3], std: 1 }`, /mean has 3 values for 1/],
    ['a deviation of 0', `${MINIMAL}intensity: { mean: 1, std: 0 }`, /std is 0: it must not be 0/],
    ['a positive class that it does not have', `${MINIMAL}positive: ill`, /model\.yaml:3: positive is 'ill'/],
    ['an unknown key', `${MINIMAL}explain_at: output`, /model\.yaml:3: .*'explain_at'.*Did you mean 'explainAt'/],
    [
      'an unknown key further in',
      'classes: [a, b]\ninput: { size: 8, chanels: 1 }',
      /input has.*'chanels'.*'channels'/,
    ],
    [
      'a word that is not allowed',
      `${MINIMAL}task: softmaxx`,
      /task is "softmaxx".*Did you mean 'softmax'\? Allowed: softmax, sigmoid/,
    ],
    ['no classes', 'input: { size: 8 }', /classes is missing/],
    ['one class', 'classes: [a]\ninput: { size: 8 }', /two classes at least.*task: regression/],
    [
      'probabilities of a regression',
      `${MINIMAL}task: regression\nemits: probabilities`,
      /a regression puts out values/,
    ],
    ['a unit of a classifier’s values', `${MINIMAL}measure: ml`, /belongs to 'task: regression'/],
    ['a class twice', 'classes: [a, a]\ninput: { size: 8 }', /model\.yaml:1: the class 'a' stands twice/],
    ['a sigmoid of three classes', 'classes: [a, b, c]\ntask: sigmoid\ninput: { size: 8 }', /2 classes.*not 3/],
    ['a size of 0', 'classes: [a, b]\ninput: { size: 0 }', /input\.size is 0/],
    ['two channels', 'classes: [a, b]\ninput: { size: 8, channels: 2 }', /input\.channels is 2/],
    ['HU without a window', `${MINIMAL}intensity: { unit: HU }`, /'window' is missing; HU need one.*-1350/],
    ['a window that descends', `${MINIMAL}intensity: { window: [255, 0] }`, /window \[255, 0\] must ascend/],
    [
      'a step of several channels',
      `${MINIMAL}intensity: { steps: [{ divide: [1, 2, 3] }] }`,
      /divide has 3 values for 1 channel/,
    ],
    ['division by 0', `${MINIMAL}intensity: { steps: [{ divide: 0 }] }`, /steps\[0\]\.divide is 0: it must not be 0/],
    ['an unknown step', `${MINIMAL}intensity: { steps: [{ divid: 2 }] }`, /steps\[0\].*'divid'.*Did you mean 'divide'/],
    ['an unknown normalisation', `${MINIMAL}intensity: { steps: [{ normalise: minmax }] }`, /Did you mean 'min-max'/],
    [
      'whole levels of HU',
      `${MINIMAL}intensity: { unit: HU, window: [0, 1] }\nresize: { round: true }`,
      /no sense for HU/,
    ],
    ['a window of NaN', `${MINIMAL}intensity: { window: [.nan, 1] }`, /window\[0\]/],
  ])('is refused with %s', async (_, text, message) => {
    const error = await refusalOf(readCard(card(text)));
    expect(error.code).toBe('CARD');
    expect(messageOf(error)).toMatch(message);
  });

  it('is refused where it, or its weights, are missing, empty or of no known kind', async () => {
    const refuse = async (path: string) => {
      const error = await refusalOf(readCard(path));
      return `${error.code}: ${messageOf(error)}`;
    };
    expect(await refuse(`${folder}/none`)).toMatch(/^CARD: there is no model card .*none\. A card is/);
    expect(await refuse(card(`${MINIMAL}file: other.onnx`))).toMatch(
      /^MODEL: .*model\.yaml:3: there is no model file .*other\.onnx/,
    );
    const empty = card(`${MINIMAL}file: empty.onnx`);
    put(empty.replace('/model.yaml', ''), 'empty.onnx', '');
    expect(await refuse(empty)).toMatch(/^MODEL: .*is empty/);
    const torch = card(`${MINIMAL}file: model.pt`, 'model.pt');
    expect(await refuse(torch)).toMatch(/^CARD: .*model\.pt: it is a PyTorch checkpoint.*torch\.onnx\.export/);
    expect(await refuse(torch.replace('model.yaml', 'model.pt'))).toMatch(/^CARD: .*is not a model card.*inline/);
    expect(await refuse(card('- a'))).toMatch(/^CARD: .*must be a map/);
  });
});

describe('the digest of a model', () => {
  it('changes with the weights, their companions and the intensity, not with prose or place', async () => {
    const digest = async (text: string, change?: (folder: string) => void) => {
      const path = card(text);
      change?.(path.replace('/model.yaml', ''));
      return modelDigest(await readCard(path));
    };
    const original = await digest(MINIMAL);
    expect(await digest(`id: other\n${MINIMAL}licence: MIT`)).toBe(original);
    expect(await digest(`${MINIMAL}intensity: { window: [0, 254] }`)).not.toBe(original);
    expect(await digest(MINIMAL, at => appendFileSync(`${at}/model.onnx`, '.'))).not.toBe(original);
    // Weights in a file of any name, which only the model tells.
    const external = (at: string) => {
      for (const name of ['model.onnx', 'weights.bin']) copyFileSync(`${CASES}extdata/${name}`, `${at}/${name}`);
    };
    const outside = await digest(MINIMAL, external);
    expect(await digest(MINIMAL, external)).toBe(outside);
    const retrained = (at: string) => {
      external(at);
      appendFileSync(`${at}/weights.bin`, '.');
    };
    expect(await digest(MINIMAL, retrained)).not.toBe(outside);
    const tfjs = async (shard: string) => {
      const path = card(MINIMAL, 'model.json');
      const at = path.replace('/model.yaml', '');
      put(at, 'model.json', JSON.stringify({ weightsManifest: [{ paths: ['shard.bin'] }] }));
      put(at, 'shard.bin', shard);
      return modelDigest(await readCard(path));
    };
    expect(await tfjs('a')).toBe(await tfjs('a'));
    expect(await tfjs('a')).not.toBe(await tfjs('b'));
  });
});
