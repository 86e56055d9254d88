import { z } from 'zod';

const number = z.number().refine(Number.isFinite, 'it must be finite');
const factor = number.refine(v => v !== 0, 'it must not be 0');
const perChannel = (value: typeof number) => z.union([value, z.array(value).min(1).max(3)]);
const positive = z.int().positive();
const probability = number.gt(0).lt(1);

const step = z.union([
  z.strictObject({ multiply: perChannel(factor) }),
  z.strictObject({ subtract: perChannel(number) }),
  z.strictObject({ divide: perChannel(factor) }),
  z.strictObject({ normalise: z.enum(['min-max', 'z-score']) }),
]);

/** The keys of `model.yaml`; the same stand in a suite where a card is written inline. */
export const cardSchema = z.strictObject({
  id: z.string().min(1).optional().describe('Default: the name of the folder, or of an inline card’s file.'),
  file: z
    .string()
    .min(1)
    .optional()
    .describe('The weights, relative to the card. Default: model.onnx, model.json, .h5 or .keras.'),
  format: z.enum(['onnx', 'tfjs']).optional().describe('Default: by the file’s ending.'),
  task: z
    .enum(['softmax', 'sigmoid', 'multi-label', 'regression'])
    .default('softmax')
    .describe(
      'One softmax over the classes; one sigmoid unit with classes [negative, positive]; or a sigmoid for each finding, ' +
        'where findings do not exclude each other; or a regression, whose outputs are values without probabilities.',
    ),
  emits: z.enum(['logits', 'probabilities']).default('logits').describe('What the file puts out.'),
  explainAt: z
    .enum(['logits', 'output'])
    .default('logits')
    .describe('`output` keeps a softmax or sigmoid tail, so that the model’s own output is explained.'),
  classes: z
    .array(z.string().min(1))
    .min(1)
    .describe('Names of the classes in the order of the model’s output; of a regression, names of its values.'),
  positive: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The class that counts as positive, or the finding or value that is explained. Default: the second class.',
    ),
  measure: z
    .string()
    .min(1)
    .max(20)
    .optional()
    .describe('regression: the unit of its values, such as ml; reports show it.'),
  threshold: z
    .union([probability, z.record(z.string(), probability)])
    .optional()
    .describe(
      'multi-label: the probability from which on a finding counts as predicted, for all or by name. Default: 0.5.',
    ),
  group: z
    .string()
    .min(1)
    .max(80)
    .optional()
    .describe(
      'Models of the same group are trainings of one recipe that differ in their seed alone: the report treats them as a level of their own.',
    ),
  input: z
    .strictObject({
      size: z
        .union([positive, z.tuple([positive, positive])])
        .describe('Pixels: one number for a square, or [rows, columns].'),
      channels: z
        .union([z.literal(1), z.literal(3)])
        .default(1)
        .describe('Grey is repeated to 3 channels.'),
      colour: z
        .boolean()
        .default(true)
        .describe('Whether 3 channels see the colours of a picture that has some; false: its luma, three times.'),
      layout: z.enum(['NCHW', 'NHWC']).optional().describe('Default: NCHW for ONNX, NHWC for TF.js.'),
      name: z.string().optional().describe('The input’s name. Default: the only one.'),
    })
    .describe('What the network eats.'),
  output: z.string().optional().describe('The output’s name. Default: the only one.'),
  intensity: z
    .strictObject({
      unit: z.enum(['HU', 'grey']).default('grey'),
      window: z
        .tuple([number, number])
        .optional()
        .describe('Raw values that become 0 and 1; clipped outside. Default: [0, 255] for grey; HU needs one.'),
      windows: z
        .array(z.tuple([number, number]))
        .length(3)
        .optional()
        .describe('Three windows of the same slice as three channels, for HU. Instead of `window`.'),
      air: number.optional().describe('The raw value of air. Default: −1000 HU, or the window’s lower end.'),
      mean: perChannel(number)
        .optional()
        .describe('Subtracted from 0…1, as torchvision’s Normalize does: one number, or one per channel. With `std`.'),
      std: perChannel(factor).optional().describe('Divided by after `mean` was subtracted. With `mean`.'),
      normalise: z
        .enum(['imagenet', 'min-max', 'z-score'])
        .optional()
        .describe(
          'imagenet: mean [0.485, 0.456, 0.406] and std [0.229, 0.224, 0.225], as torchvision and timm have them. ' +
            'min-max, z-score: by the image’s own values.',
        ),
      steps: z
        .array(step)
        .optional()
        .describe('Pointwise steps on 0…1, in order; numbers or one per channel. Instead of mean, std and normalise.'),
    })
    .prefault({})
    .describe('From raw values to what the network eats.'),
  resize: z
    .strictObject({
      antialias: z.boolean().default(true).describe('As Pillow’s BILINEAR; false: plain bilinear.'),
      fit: z.enum(['stretch', 'crop', 'pad']).default('stretch').describe('What happens to the aspect.'),
      spacing: number
        .positive()
        .optional()
        .describe('Millimetres per pixel that the network sees; cropped or padded in the middle. Instead of `fit`.'),
      region: z
        .enum(['body', 'lungs'])
        .optional()
        .describe(
          'What of the slice the network sees: the rectangle around the body, or around the lungs (HU only). ' +
            'Default: all of it.',
        ),
      margin: number
        .nonnegative()
        .optional()
        .describe('Millimetres around the region; without a known spacing the slice is taken for 350 mm. Default: 0.'),
      round: z.boolean().default(false).describe('Whole grey levels after resizing, as Pillow on 8-bit images.'),
    })
    .prefault({})
    .describe('From the source’s pixels to the model’s grid.'),
  camLayer: z.string().optional().describe('The layer of CAM methods. Default: the last spatial one.'),
  quantisation: z
    .enum(['straight-through'])
    .optional()
    .describe(
      'Lets gradients pass quantisation and rounding as if they were not there. Default: a network that is quantised, or that rounds, has none.',
    ),
  training: z.string().optional().describe('The data and recipe it was trained with.'),
  licence: z.string().optional(),
  performance: z.record(z.string(), number).optional().describe('Measured figures, like auc: 0.91.'),
});

export type CardFile = z.output<typeof cardSchema>;
