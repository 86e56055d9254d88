import type { ModelAnalysis } from '../analysis/analysis.ts';
import { leadersOf, type TrainingsAnalysis } from '../analysis/trainings.ts';
import { listed } from './format.ts';
import { networksOf } from './subject-words.ts';
import { named } from './verdict-words.ts';

/** Which explainers are best over trainings, as a clause. */
export function trainingsText(entry: TrainingsAnalysis): string {
  const { pairs } = entry;
  if (!pairs.some(pair => pair.significant))
    return 'no explainer is shown to be better than another; they may still differ';
  const leaders = leadersOf(entry);
  const [only] = leaders;
  return leaders.length === 1 ? `${only} is best` : `${named(leaders)} are not separated for best`;
}

/** Whether conclusions go beyond the trained models of the run, as a sentence. */
export function scopeText(
  trainings: readonly TrainingsAnalysis[],
  models: readonly Pick<ModelAnalysis, 'model'>[],
): string {
  const groups = trainings.filter(entry => entry.enough);
  const entries = models.map(({ model }) => model);
  const seen = entries.filter(({ id }) => groups.some(entry => entry.models.includes(id)));
  const covered = networksOf(seen);
  const recipes = listed(groups.map(entry => entry.group));
  if (seen.length === entries.length && covered > 0)
    return `Conclusions are about trainings of ${recipes}, of which ${covered} were seen.`;
  const one =
    networksOf(entries) === 1
      ? 'One network is one training: conclusions are about this model, not about its architecture.'
      : 'Each network is one training: conclusions are about these models, not about their architectures.';
  return covered === 0
    ? one
    : `Of ${recipes} several trainings were seen. Each other network is one training: conclusions are about that model.`;
}
