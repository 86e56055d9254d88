/** The contracts between the rooms of the house, one file a subject. */
export * from './card.ts';
export * from './data.ts';
export * from './engine.ts';
export * from './explainer.ts';
export * from './metric.ts';
export * from './model.ts';
export * from './outcome.ts';
