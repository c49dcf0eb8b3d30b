// Properties draw the same cases in each run of the suite, so that it says something about a change and not about the day.
// `PROPERTY_SEED=7 npm test` draws others; the long forms of `npm run torture` take a seed of their own.
import fc from 'fast-check';

const given = process.env.PROPERTY_SEED;
fc.configureGlobal({ seed: given === undefined || given === '' ? 20_261_122 : Number(given) });
