/** The works that the report's intervals and tests are of, as BibTeX. */
export const STATISTICS_BIBTEX: readonly string[] = [
  work('book', 'efron1993', {
    author: 'Efron, Bradley and Tibshirani, Robert J.',
    title: 'An Introduction to the Bootstrap',
    publisher: 'Chapman \\& Hall',
    year: '1993',
  }),
  work('book', 'westfall1993', {
    author: 'Westfall, Peter H. and Young, S. Stanley',
    title: 'Resampling-Based Multiple Testing',
    publisher: 'Wiley',
    year: '1993',
  }),
  work('article', 'romano2005', {
    author: 'Romano, Joseph P. and Wolf, Michael',
    title: 'Stepwise multiple testing as formalized data snooping',
    journal: 'Econometrica',
    volume: '73',
    pages: '1237--1282',
    year: '2005',
  }),
  work('article', 'hall1992', {
    author: 'Hall, Peter',
    title: 'On the removal of skewness by transformation',
    journal: 'Journal of the Royal Statistical Society B',
    volume: '54',
    pages: '221--228',
    year: '1992',
  }),
  work('article', 'almohamad2022', {
    author: 'Al Mohamad, Diaa and Goeman, Jelle J. and van Zwet, Erik W.',
    title: 'Simultaneous confidence intervals for ranks with application to ranking institutions',
    journal: 'Biometrics',
    volume: '78',
    pages: '238--247',
    year: '2022',
  }),
  work('article', 'korn1998', {
    author: 'Korn, Edward L. and Graubard, Barry I.',
    title:
      'Confidence intervals for proportions with small expected number of positive counts estimated from survey data',
    journal: 'Survey Methodology',
    volume: '24',
    pages: '193--201',
    year: '1998',
  }),
  work('article', 'obuchowski1997', {
    author: 'Obuchowski, Nancy A.',
    title: 'Nonparametric analysis of clustered ROC curve data',
    journal: 'Biometrics',
    volume: '53',
    pages: '567--578',
    year: '1997',
  }),
  work('article', 'newcombe2006', {
    author: 'Newcombe, Robert G.',
    title:
      'Confidence intervals for an effect size measure based on the Mann--Whitney statistic. Part 2: asymptotic methods and evaluation',
    journal: 'Statistics in Medicine',
    volume: '25',
    pages: '559--573',
    year: '2006',
  }),
];

function work(kind: 'book' | 'article', key: string, fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([name, value]) => `  ${name} = {${value}}`);
  return `@${kind}{${key},\n${lines.join(',\n')}\n}`;
}
