// Lines drawn from a table: <div data-chart="id of the table">. Months stand in the table's head, a line in each row.
// On a canvas, with words drawn there too: the pages' policy allows no inline styles.
import { LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TooltipComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'

use([LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer])

// Far enough apart on white for everybody, 3 to 1 at the least.
const COLORS = ['#0b6b78', '#b3261e', '#8a5300', '#1b6e3c', '#6a4fa0', '#2659a6', '#8c1d63', '#4b5f65', '#a34a00', '#3d6b00', '#00668a', '#7a4b2a']
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond']

function read(table) {
  const months = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent.trim())
  const lines = [...table.tBodies[0].rows].filter((row) => !row.hasAttribute('data-no-chart')).map((row) => {
    const [name, ...cells] = [...row.cells].map((cell) => cell.textContent.trim())
    return { name, values: cells.map((text) => (text === '—' ? null : Number(text.replaceAll(',', '')))) }
  })
  return { months, lines }
}

function draw(box) {
  const { months, lines } = read(document.getElementById(box.dataset.chart))
  const font = getComputedStyle(document.body).fontFamily
  const chart = init(box, null, { renderer: 'canvas' })
  chart.setOption({
    animation: false,
    textStyle: { fontFamily: font, fontSize: 12, color: '#17262a' },
    color: COLORS,
    grid: { left: 40, right: 16, top: 12, bottom: lines.length > 1 ? 64 : 28 },
    legend: { show: lines.length > 1, type: 'scroll', bottom: 0, itemWidth: 18, itemHeight: 8, textStyle: { fontFamily: font } },
    tooltip: { trigger: 'axis', renderMode: 'richText', order: 'valueDesc', textStyle: { fontFamily: font, fontSize: 12 } },
    xAxis: { type: 'category', data: months, boundaryGap: false, axisLabel: { color: '#4b5f65' } },
    yAxis: { type: 'value', scale: true, max: 100, axisLabel: { color: '#4b5f65' }, splitLine: { lineStyle: { color: '#e9eef0' } } },
    series: lines.map((line, n) => ({ type: 'line', name: line.name, data: line.values, symbol: SYMBOLS[n % 4], symbolSize: 7, lineStyle: { width: 2 } })),
  })
  new ResizeObserver(() => chart.resize()).observe(box)
  box.dataset.drawn = '1'
}

document.addEventListener('DOMContentLoaded', () => document.querySelectorAll('[data-chart]').forEach(draw))
