// A chart of one metric: the curves of the runs that are shown, in SVG.

const kHeight = 230;
const kMargin = {
  left: 52,
  right: 12,
  top: 10,
  bottom: 24
};
const kColours = 7;
const kDashes = ['', '7 3', '2 3', '9 3 2 3'];

function svg(name, attributes, parent) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (parent) parent.append(element);
  return element;
}

function html(name, options, parent) {
  const element = document.createElement(name);
  const {text, ...properties} = options || {};
  if (text !== undefined) element.textContent = text;
  Object.assign(element, properties);
  if (parent) parent.append(element);
  return element;
}

// Runs beyond the colours have them again, but dashed.
function strokeOf(index) {
  return {
    stroke: `var(--run-${index % kColours})`,
    'stroke-dasharray': kDashes[Math.floor(index / kColours) % kDashes.length]
  };
}

function swatch(index, parent) {
  const picture =
      svg('svg', {class: 'swatch', viewBox: '0 0 20 10', 'aria-hidden': 'true'}, parent);
  svg('line', {x1: 0, y1: 5, x2: 20, y2: 5, ...strokeOf(index)}, picture);
}

// `state` is the page's: what is shown, and how; `changed` redraws all charts.
class Chart {
  static count = 0;

  constructor(name, runs, state, changed, parent) {
    this.name = name;
    this.id = `area-${++Chart.count}`;
    this.state = state;
    this.changed = changed;
    this.runs = runs.filter((run) => Object.hasOwn(run.metrics, name));
    this.figure = html('figure', {className: 'chart'}, parent);
    this.figure.dataset.metric = name;
    const caption = html('figcaption', {}, this.figure);
    html('h3', {text: name, title: name}, caption);
    this.remark = html('span', {className: 'remark'}, caption);
    const widen =
        html('button', {className: 'widen', type: 'button', title: 'Wider or narrower'}, caption);
    widen.setAttribute('aria-label', 'Wider or narrower');
    const arrows = svg('svg', {width: 16, height: 16, viewBox: '0 0 16 16'}, widen);
    svg('path', {
      d: 'M2 8h12M5 5 2 8l3 3M11 5l3 3-3 3',
      stroke: 'currentColor',
      fill: 'none',
      'stroke-width': 1.4
    },
        arrows);
    widen.addEventListener('click', () => this.figure.classList.toggle('wide'));
    this.plot = svg('svg', {class: 'plot', height: kHeight, role: 'img'}, this.figure);
    this.plot.setAttribute('aria-label', `Chart of ${name}`);
    this.plot.addEventListener('pointermove', (event) => this.point(event));
    this.plot.addEventListener('pointerleave', () => this.unpoint());
    this.plot.addEventListener('pointerdown', (event) => this.beginZoom(event));
    this.plot.addEventListener('pointerup', (event) => this.endZoom(event));
    this.plot.addEventListener('dblclick', () => {
      state.zoom = null;
      changed();
    });
    new ResizeObserver(() => {
      if (this.figure.clientWidth !== this.width) this.draw();
    }).observe(this.figure);
  }

  // The places of a run's columns on the x axis.
  places(run) {
    const {steps, seconds} = run.metrics[this.name].curve;
    if (this.state.axis === 'step') return steps;
    return this.state.axis === 'relative' ? seconds : seconds.map((each) => each + run.started_at);
  }

  // A value's place on the y axis, before it is scaled; null where it has none.
  level(value) {
    if (value === null || !this.state.log) return value;
    return value > 0 ? Math.log10(value) : null;
  }

  draw() {
    this.width = this.figure.clientWidth;
    if (this.width === 0) return;
    const width = this.plot.clientWidth;
    this.plot.setAttribute('viewBox', `0 0 ${width} ${kHeight}`);
    this.plot.replaceChildren();
    this.curves = this.runs.filter((run) => !this.state.hidden.has(run.index))
                      .map((run) => this.curveOf(run));
    const range = this.range();
    const right = width - kMargin.right, bottom = kHeight - kMargin.bottom;
    // Halved, as the difference of two large numbers may be none.
    const scale = (low, high, from, to) => (value) =>
        from + (to - from) * ((value / 2 - low / 2) / (high / 2 - low / 2));
    this.x = scale(...range.x, kMargin.left, right);
    this.y = scale(...range.y, bottom, kMargin.top);
    this.fromX = (pixel) =>
        range.x[0] + (range.x[1] - range.x[0]) * (pixel - kMargin.left) / (right - kMargin.left);
    this.drawAxes(range, right, bottom);
    const area = {
      x: kMargin.left,
      y: 0,
      width: Math.max(0, right - kMargin.left + kMargin.right),
      height: bottom
    };
    svg('rect', area, svg('clipPath', {id: this.id}, this.plot));
    this.lines = svg('g', {'clip-path': `url(#${this.id})`}, this.plot);
    for (const curve of this.curves) this.drawCurve(curve);
    this.marks = svg('g', {}, this.plot);
    const isCut = this.state.log &&
        this.curves.some((curve) => curve.low.some((value) => value !== null && value <= 0));
    this.remark.textContent = isCut ? 'without values of 0 and below' : '';
  }

  curveOf(run) {
    const curve = run.metrics[this.name].curve;
    const means =
        this.state.smoothing > 0 ? smoothed(curve.means, this.state.smoothing) : curve.means;
    const nonFinite = new Set(curve.nonFinite);
    return {
      run,
      x: this.places(run),
      means,
      low: curve.lowest || curve.means,
      high: curve.highest || curve.means,
      nonFinite
    };
  }

  range() {
    let left = Infinity, right = -Infinity, low = Infinity, high = -Infinity;
    for (const curve of this.curves) {
      curve.x.forEach((x, i) => {
        if (this.state.zoom && (x < this.state.zoom[0] || x > this.state.zoom[1])) return;
        left = Math.min(left, x);
        right = Math.max(right, x);
        for (const value of [this.level(curve.low[i]), this.level(curve.high[i])]) {
          if (value === null) continue;
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      });
    }
    if (this.state.zoom) [left, right] = this.state.zoom;
    if (!(left <= right)) [left, right] = [0, 1];
    if (left === right) [left, right] = [left - 0.5, right + 0.5];
    if (!(low <= high)) [low, high] = [0, 1];
    const room = low === high ? Math.abs(low) * 0.1 || 1 : (high / 2 - low / 2) * 0.1;
    const fit = (value) => Math.max(-1.7e308, Math.min(1.7e308, value));
    return {x: [left, right], y: [fit(low - room), fit(high + room)]};
  }

  drawAxes(range, right, bottom) {
    const yMarks = this.state.log ? logMarks(...range.y, 5) : linearMarks(...range.y, 5);
    for (const mark of yMarks) {
      const y = this.y(mark.value);
      svg('line', {class: 'grid', x1: kMargin.left, x2: right, y1: y, y2: y}, this.plot);
      svg('text', {x: kMargin.left - 7, y: y + 4, 'text-anchor': 'end'}, this.plot).textContent =
          mark.text;
    }
    svg('line', {class: 'base', x1: kMargin.left, x2: right, y1: bottom, y2: bottom}, this.plot);
    const marksFor = {step: stepMarks, relative: relativeMarks, time: timeMarks}[this.state.axis];
    for (const mark of marksFor(...range.x, Math.max(2, Math.floor((right - kMargin.left) / 70)))) {
      const x = this.x(mark.value);
      svg('line', {class: 'base', x1: x, x2: x, y1: bottom, y2: bottom + 4}, this.plot);
      const text = svg(
          'text', {x, y: bottom + 17, 'text-anchor': x > right - 16 ? 'end' : 'middle'}, this.plot);
      text.textContent = mark.text;
    }
  }

  // A path through points [x, y], broken where y is null. A point alone is a dot.
  pathOf(points) {
    let path = '', length = 0;
    for (const [x, y] of points) {
      if (y === null) {
        if (length === 1) path += 'h0.01';
        length = 0;
        continue;
      }
      path += `${length === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
      ++length;
    }
    return length === 1 ? path + 'h0.01' : path;
  }

  // Of the columns that fall on one pixel, the lowest and the highest value, so that no spike is
  // lost.
  extremes(curve) {
    const points = [];
    let pixel = null, low = null, high = null;
    const flush = () => {
      if (pixel === null) return;
      if (low === null || low === high) points.push([pixel, low]);
      // The end that is nearer to the last point comes first.
      else {
        const last = points.length > 0 ? points[points.length - 1][1] : null;
        const isUp = last === null || Math.abs(last - low) <= Math.abs(last - high);
        points.push([pixel, isUp ? low : high], [pixel, isUp ? high : low]);
      }
    };
    curve.x.forEach((x, i) => {
      const [left, right] = this.state.zoom || [-Infinity, Infinity];
      // One beyond either end leads the line out of the picture.
      if (curve.x[i + 1] < left || curve.x[i - 1] > right) return;
      const place = curve.x.length > 300 ? Math.round(this.x(x) * 2) / 2 : this.x(x);
      const [lowest, highest] = [this.level(curve.low[i]), this.level(curve.high[i])];
      if (place !== pixel || lowest === null || low === null) {
        flush();
        [pixel, low, high] = [place, null, null];
      }
      if (lowest === null) return;
      const [bottom, top] = [this.y(lowest), this.y(highest)];
      low = low === null ? bottom : Math.max(low, bottom);
      high = high === null ? top : Math.min(high, top);
    });
    flush();
    return points;
  }

  drawCurve(curve) {
    const stroke = strokeOf(curve.run.index);
    const isSmooth = this.state.smoothing > 0;
    const raw = svg(
        'path', {d: this.pathOf(this.extremes(curve)), class: isSmooth ? 'raw' : 'line', ...stroke},
        this.lines);
    raw.dataset.run = curve.run.name;
    if (isSmooth) {
      const points = curve.x.map((x, i) => {
        const level = this.level(curve.means[i]);
        return [this.x(x), level === null ? null : this.y(level)];
      });
      const line = svg('path', {d: this.pathOf(points), class: 'line', ...stroke}, this.lines);
      line.dataset.run = curve.run.name;
    }
    for (const i of curve.nonFinite) {
      // One where such values begin.
      if (curve.nonFinite.has(i - 1)) continue;
      const x = this.x(curve.x[i]), y = kHeight - kMargin.bottom - 6;
      svg('path', {class: 'cross', d: `M${x - 3} ${y - 3}l6 6m0 -6l-6 6`, stroke: stroke.stroke},
          this.lines);
    }
  }

  // What the runs have nearest to a place on the x axis.
  nearest(place) {
    return this.curves.filter((curve) => curve.x.length > 0).map((curve) => {
      let best = 0;
      curve.x.forEach((x, i) => {
        if (Math.abs(x - place) < Math.abs(curve.x[best] - place)) best = i;
      });
      return {
        curve,
        i: best,
        x: curve.x[best],
        value: curve.means[best],
        isNonFinite: curve.nonFinite.has(best)
      };
    });
  }

  point(event) {
    if (!this.curves || this.curves.length === 0) return;
    const pixel = event.clientX - this.plot.getBoundingClientRect().left;
    this.marks.replaceChildren();
    if (this.zoomFrom !== undefined) {
      const [from, to] = [Math.min(this.zoomFrom, pixel), Math.max(this.zoomFrom, pixel)];
      svg('rect', {
        class: 'zoom',
        x: from,
        width: to - from,
        y: kMargin.top,
        height: kHeight - kMargin.top - kMargin.bottom
      },
          this.marks);
    }
    const found = this.nearest(this.fromX(pixel));
    // Runs that are not there yet, or no more, say nothing about this place.
    const closest = Math.min(...found.map((each) => Math.abs(this.x(each.x) - pixel)));
    const shown = found.filter((each) => Math.abs(this.x(each.x) - pixel) <= closest + 12);
    const at = shown.find((each) => Math.abs(this.x(each.x) - pixel) === closest);
    const x = this.x(at.x);
    svg('line', {class: 'pointer', x1: x, x2: x, y1: kMargin.top, y2: kHeight - kMargin.bottom},
        this.marks);
    for (const {curve, value, x: place} of shown) {
      const level = this.level(value);
      if (level === null) continue;
      svg('circle', {
        class: 'dot',
        cx: this.x(place),
        cy: this.y(level),
        r: 4,
        fill: strokeOf(curve.run.index).stroke
      },
          this.marks);
    }
    showTooltip(event, this.state.axis, at, shown);
  }

  unpoint() {
    if (this.marks) this.marks.replaceChildren();
    this.zoomFrom = undefined;
    document.getElementById('tooltip').hidden = true;
  }

  beginZoom(event) {
    if (event.pointerType === 'touch' || event.button !== 0) return;
    this.zoomFrom = event.clientX - this.plot.getBoundingClientRect().left;
    event.preventDefault();
  }

  endZoom(event) {
    if (this.zoomFrom === undefined) return;
    const to = event.clientX - this.plot.getBoundingClientRect().left;
    const ends = [this.zoomFrom, to].sort((a, b) => a - b).map(this.fromX);
    const isDrag = Math.abs(to - this.zoomFrom) > 6;
    this.zoomFrom = undefined;
    if (!isDrag) return;
    this.state.zoom = ends;
    this.changed();
  }
}

function showTooltip(event, axis, at, shown) {
  const tooltip = document.getElementById('tooltip');
  tooltip.replaceChildren();
  const place = {
    step: (x) => `Step ${x}`,
    relative: (x) => `After ${formatDuration(x)}`,
    time: formatTime
  }[axis](at.x);
  html('div', {className: 'at', text: place}, tooltip);
  const table = html('table', {}, tooltip);
  shown.sort(
      (a, b) =>
          (b.value === null ? -Infinity : b.value) - (a.value === null ? -Infinity : a.value));
  for (const {curve, i, value, isNonFinite} of shown.slice(0, 20)) {
    const row = html('tr', {}, table);
    swatch(curve.run.index, html('td', {}, row));
    html('td', {className: 'name', text: curve.run.name}, row);
    html(
        'td', {className: 'value', text: value === null ? 'not finite' : formatNumber(value)}, row);
    const [low, high] = [curve.low[i], curve.high[i]];
    const range = low === high ? '' : `${formatNumber(low)} to ${formatNumber(high)}`;
    html(
        'td',
        {className: 'quiet', text: isNonFinite && value !== null ? `${range}, not finite` : range},
        row);
  }
  if (shown.length > 20)
    html('div', {className: 'at', text: `and ${shown.length - 20} more`}, tooltip);
  tooltip.hidden = false;
  const box = tooltip.getBoundingClientRect();
  const left = event.clientX + 18 + box.width > window.innerWidth ? event.clientX - 18 - box.width :
                                                                    event.clientX + 18;
  tooltip.style.left = `${Math.max(4, left)}px`;
  tooltip.style.top =
      `${Math.max(4, Math.min(event.clientY + 14, window.innerHeight - box.height - 4))}px`;
}
