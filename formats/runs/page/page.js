// The page: what its controls change, the list of runs, and the tables.

const data = JSON.parse(document.getElementById('data').textContent);
data.runs.forEach((run, index) => {
  run.index = index;
});
const element = (id) => document.getElementById(id);
const namesOf = (member) => [...new Set(data.runs.flatMap((run) => Object.keys(run[member])))];
const metricNames = namesOf('metrics').sort((a, b) => a.localeCompare(b, 'en', {numeric: true}));
const settingNames = namesOf('config');
const state = {
  axis: 'step',
  smoothing: 0,
  log: false,
  hidden: new Set(),
  zoom: null
};

function draw() {
  element('reset-zoom').hidden = state.zoom === null;
  for (const chart of charts) chart.draw();
}

const charts =
    metricNames.map((name) => new Chart(name, data.runs, state, draw, element('charts')));

// ---- the list of runs

const buttons = data.runs.map((run) => {
  const item = html('li', {}, element('runs'));
  const button = html('button', {className: 'run', type: 'button', title: run.name}, item);
  swatch(run.index, button);
  html('span', {className: 'name', text: run.name}, button);
  button.addEventListener('click', () => {
    if (!state.hidden.delete(run.index)) state.hidden.add(run.index);
    showRuns();
  });
  const only = html('button', {className: 'only', type: 'button', text: 'only'}, item);
  only.setAttribute('aria-label', `Show only ${run.name}`);
  only.addEventListener('click', () => {
    state.hidden =
        new Set(data.runs.map((each) => each.index).filter((index) => index !== run.index));
    showRuns();
  });
  return button;
});

function showRuns() {
  buttons.forEach(
      (button, index) => button.setAttribute('aria-pressed', String(!state.hidden.has(index))));
  draw();
}

// ---- the tables

// The index of the column that the results are sorted by, and which way.
let sorting = {column: 0, isDescending: false};

// The columns of the results: a heading, what a run has there to sort by and to show.
const columns = [
  {title: 'Run', key: (run) => run.index, text: (run) => run.name},
  {title: 'Steps', key: (run) => run.steps, text: (run) => String(run.steps)},
  {title: 'Time taken', key: (run) => run.seconds, text: (run) => formatDuration(run.seconds)},
];
for (const name of metricNames) {
  const of = (member) => (run) => {
    const metric = Object.hasOwn(run.metrics, name) ? run.metrics[name] : null;
    return metric && metric[member] ? metric[member].value : null;
  };
  const isHigherBetter = data.runs.some(
      (run) => Object.hasOwn(run.metrics, name) && run.metrics[name].higher_is_better);
  const bests = data.runs.map(of('best')).filter((value) => typeof value === 'number');
  const winner = new Set(bests).size > 1 ?
      bests.reduce((a, b) => (isHigherBetter ? Math.max(a, b) : Math.min(a, b))) :
      null;
  columns.push(
      {title: 'Last', group: name, key: of('last'), text: (run) => formatNumber(of('last')(run))});
  columns.push({
    title: 'Best',
    group: name,
    key: of('best'),
    text: (run) => formatNumber(of('best')(run)),
    isWinner: (run) => winner !== null && of('best')(run) === winner,
    note: (run) => of('best')(run) === null ? '' : `at step ${run.metrics[name].best.step}`
  });
}

function drawResults() {
  const table = element('results');
  table.replaceChildren();
  const head = html('thead', {}, table);
  const groups = html('tr', {}, head), titles = html('tr', {}, head);
  columns.forEach((column, index) => {
    if (!column.group)
      html('th', {}, groups);
    else if (column.title === 'Last')
      html('th', {className: 'group', colSpan: 2, scope: 'colgroup', text: column.group}, groups);
    const kind = index === 0 ? '' : column.title === 'Last' ? 'number first' : 'number';
    const cell = html('th', {className: kind, scope: 'col'}, titles);
    if (sorting.column === index)
      cell.setAttribute('aria-sort', sorting.isDescending ? 'descending' : 'ascending');
    html('button', {type: 'button', text: column.title}, cell).addEventListener('click', () => {
      sorting = {column: index, isDescending: sorting.column === index && !sorting.isDescending};
      drawResults();
    });
  });
  const {key} = columns[sorting.column];
  const sign = sorting.isDescending ? -1 : 1;
  // What is no number comes last, either way.
  const isNumber = (run) => typeof key(run) === 'number';
  const sorted = [...data.runs].sort(
      (a, b) => isNumber(a) && isNumber(b) ? sign * (key(a) - key(b)) : isNumber(b) - isNumber(a));
  const body = html('tbody', {}, table);
  for (const run of sorted) {
    const row = html('tr', {}, body);
    columns.forEach((column, index) => {
      const kind = (column.title === 'Last' ? 'number first' : 'number') +
          (column.isWinner && column.isWinner(run) ? ' winner' : '');
      html(
          index === 0 ? 'th' : 'td', {
            className: index === 0 ? '' : kind,
            text: column.text(run),
            title: index === 0 ? run.path :
                column.note    ? column.note(run) :
                                 ''
          },
          row);
    });
  }
}

const settingOf = (run, name) => (Object.hasOwn(run.config, name) ? run.config[name] : null);
const differs = (name) =>
    data.runs.some((run) => settingOf(run, name) !== settingOf(data.runs[0], name));

function drawSettings() {
  const table = element('settings');
  const shown = settingNames.filter((name) => !element('differing').checked || differs(name));
  table.replaceChildren();
  table.parentElement.hidden = shown.length === 0;
  element('no-settings').hidden = shown.length > 0;
  element('no-settings').textContent = settingNames.length === 0 ?
      'No run has a config.json with settings.' :
      'All runs have the same settings.';
  const head = html('tr', {}, html('thead', {}, table));
  html('th', {text: 'Setting', scope: 'col'}, head);
  for (const run of data.runs) html('th', {text: run.name, scope: 'col'}, head);
  const body = html('tbody', {}, table);
  for (const name of shown) {
    const row = html(
        'tr', {className: !element('differing').checked && differs(name) ? 'differs' : ''}, body);
    html('th', {text: name, title: name, scope: 'row'}, row);
    for (const run of data.runs) {
      const value = settingOf(run, name);
      html(
          'td', {className: 'setting', text: value === null ? '\u2013' : value, title: value || ''},
          row);
    }
  }
}

// ---- the controls

const count = (number, word) => `${number} ${word}${number === 1 ? '' : 's'}`;
element('summary').textContent = `${data.folder} \u00b7 ${count(data.runs.length, 'run')} \u00b7 ${
    count(metricNames.length, 'metric')}`;
document.title = `Training runs in ${data.folder}`;
const remarks = data.runs.flatMap(
    (run) =>
        [...Object.entries(run.metrics)
             .filter(([, metric]) => metric.first_non_finite)
             .map(
                 ([name, metric]) =>
                     `${run.name}: ${name} was ${metric.first_non_finite.value} at step ${
                         metric.first_non_finite.step}, for the first time.`),
         ...run.remarks]);
for (const remark of remarks) html('p', {text: remark}, element('remarks'));
element('remarks').hidden = remarks.length === 0;
if (!settingNames.some(differs)) element('differing').checked = false;

for (const input of document.querySelectorAll('#axis input')) {
  input.addEventListener('change', () => {
    state.axis = input.value;
    state.zoom = null;
    draw();
  });
}
element('smoothing').addEventListener('input', (event) => {
  state.smoothing = Number(event.target.value);
  element('smoothing-value').textContent = event.target.value;
  draw();
});
element('log').addEventListener('change', (event) => {
  state.log = event.target.checked;
  draw();
});
element('filter').addEventListener('input', (event) => {
  const part = event.target.value.trim().toLowerCase();
  for (const chart of charts) chart.figure.hidden = !chart.name.toLowerCase().includes(part);
  element('no-charts').hidden = charts.some((chart) => !chart.figure.hidden);
  draw();
});
element('reset-zoom').addEventListener('click', () => {
  state.zoom = null;
  draw();
});
element('show-all').addEventListener('click', () => {
  state.hidden.clear();
  showRuns();
});
element('show-none').addEventListener('click', () => {
  state.hidden = new Set(data.runs.map((run) => run.index));
  showRuns();
});
element('differing').addEventListener('change', drawSettings);

showRuns();
drawResults();
drawSettings();
