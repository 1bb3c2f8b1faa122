// Numbers as people read them, the places of an axis' marks, and smoothing.

function formatNumber(value) {
  if (typeof value === 'string') return value;  // "nan", "inf"
  if (value === null || value === undefined) return '\u2013';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return String(value);
  if (size >= 1e6 || size < 1e-3)
    return value.toExponential(3).replace(/\.?0+e/, 'e').replace('e+', 'e');
  return String(Number(value.toPrecision(size >= 1e5 ? 6 : 5)));
}

function formatCount(value) {
  const size = Math.abs(value);
  for (const [unit, letter] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']]) {
    if (size >= unit) return Number((value / unit).toPrecision(7)) + letter;
  }
  return String(Number(value.toPrecision(6)));
}

function formatDuration(seconds) {
  if (typeof seconds !== 'number') return '\u2013';
  if (seconds < 10) return Number(seconds.toFixed(2)) + ' s';
  const rounded = Math.round(seconds);
  const units = [
    [Math.floor(rounded / 86400), 'd'], [Math.floor(rounded / 3600) % 24, 'h'],
    [Math.floor(rounded / 60) % 60, 'min'], [rounded % 60, 's']
  ];
  const first = units.findIndex(([count]) => count > 0);
  return units.slice(first, first + 2)
      .filter(([count]) => count > 0)
      .map(([count, unit]) => count + '\u00a0' + unit)
      .join(' ');
}

function formatTime(seconds) {
  return new Date(seconds * 1000)
      .toLocaleString(undefined, {dateStyle: 'medium', timeStyle: 'short'});
}

// A round number of which about `count` fit into the range, one of `bases` times a power of ten.
function roundStep(range, count, bases = [1, 2, 5, 10]) {
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * bases.find((base) => base * power >= rough * 0.999);
}

// Marks of [low, high] at multiples of a step.
function marksOf(low, high, step) {
  const marks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9 && marks.length < 100;
       ++i) {
    marks.push(i * step);
  }
  return marks;
}

function linearMarks(low, high, count) {
  const step = roundStep(high - low, count);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  // As few digits as tell the marks apart.
  const size = Math.max(Math.abs(low), Math.abs(high));
  const format = (value) => size >= 1e15 || step < 1e-4 ?
      formatNumber(Number(value.toPrecision(12))) :
      size >= 1e4 ? formatCount(value) :
      value === 0 ? '0' :
                    value.toFixed(digits);
  return marksOf(low, high, step).map((value) => ({value, text: format(value)}));
}

// Of the logarithms (of ten) from `low` to `high`.
function logMarks(low, high, count) {
  if (high - low < 1) {
    return linearMarks(10 ** low, 10 ** high, count)
        .filter(({value}) => value > 0)
        .map(({value, text}) => ({value: Math.log10(value), text}));
  }
  const step = Math.max(1, Math.ceil((high - low) / count));
  const digits = high - low < 2.5 ? [1, 2, 5] : [1];
  return marksOf(Math.floor(low), high, step)
      .flatMap(
          (power) => digits.map((digit) => ({
                                  value: power + Math.log10(digit),
                                  text: formatNumber(Number((digit * 10 ** power).toPrecision(6)))
                                })))
      .filter(({value}) => value >= low && value <= high);
}

function stepMarks(low, high, count) {
  const step = Math.max(1, roundStep(high - low, count));
  return marksOf(low, high, step).map((value) => ({value, text: formatCount(Math.round(value))}));
}

const kSpans =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

function spanStep(range, count) {
  const rough = range / count;
  if (rough < 1) return roundStep(range, count);
  return kSpans.find((span) => span >= rough) || 86400 * roundStep(range / 86400, count);
}

function relativeMarks(low, high, count) {
  const step = spanStep(high - low, count);
  return marksOf(low, high, step)
      .map((value) => ({value, text: value < step / 2 ? '0' : formatDuration(value)}));
}

function timeMarks(low, high, count) {
  const step = spanStep(high - low, count);
  // Whole hours and days are those of the reader's place.
  const offset = -60 * new Date(low * 1000).getTimezoneOffset();
  const form = step >= 86400 ?
      {month: 'short', day: 'numeric'} :
      {hour: '2-digit', minute: '2-digit', ...(step < 60 ? {second: '2-digit'} : {})};
  return marksOf(low + offset, high + offset, step)
      .map((value) => ({
             value: value - offset,
             text: new Date((value - offset) * 1000).toLocaleString(undefined, form)
           }));
}

// The mean of what was before, the nearer the heavier, as TensorBoard smooths. What is no number
// stays.
function smoothed(values, weight) {
  let mean = 0, count = 0;
  return values.map((value) => {
    if (value === null) return null;
    ++count;
    mean = mean * weight + (1 - weight) * value;
    return mean / (1 - weight ** count);
  });
}
