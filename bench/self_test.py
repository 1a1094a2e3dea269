"""
The bench works: its arithmetic on made-up figures, and two rows really run. No verdict by time.

usage: self_test.py BUILD
"""
import json
import os
import subprocess
import sys
import tempfile
import xml.dom.minidom

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import picture
import table
import ways
import workloads

MADE_UP = [
  {'name': 'pair', 'unit': 'ns', 'figures': {
    'bare': [10, 20, 40], 'exact': [20, 30, 200], 'heaptrack': [None, 200, 400]}},
  {'name': 'requests', 'unit': '/s', 'figures': {'bare': [1000, 1000], 'exact': [500, 250]}},
  {'name': 'instructions', 'unit': 'I', 'figures': {'bare': [60], 'exact': [150]}},
]


def check(right, what):
  if not right:
    print('wrong: ' + what)
    sys.exit(1)


def check_arithmetic():
  check(table.ratios(MADE_UP[0]['figures'], 'exact') == [2, 1.5, 5], 'ratios are paired by round')
  lines = table.markdown(MADE_UP).splitlines()
  check(lines[0] == '| | bare | exact | heaptrack |', 'a column for each way with figures: ' + lines[0])
  check(lines[2] == '| pair | 20 ns | 2.00 (1.50–5.00) | 10.0 (10.0–10.0) |', lines[2])
  check(lines[3] == '| requests | 1,000/s | 0.38 (0.25–0.50) |  |', lines[3])
  check(lines[4] == '| instructions | 60 | 150 |  |', lines[4])
  check(picture.costs(MADE_UP[1], ways.BY_NAME['exact']) == [2, 4], 'in the picture more is worse')
  for failures in ([], ['why']):
    text = table.document({'machine': {'date': '', 'versions': {}}, 'rows': MADE_UP, 'failures': failures})
    check(text.endswith('\n') and not text.endswith('\n\n'), 'the document ends in one newline')
  xml.dom.minidom.parseString(picture.svg(MADE_UP))


def check_tables():
  names = [row.name for workload in workloads.WORKLOADS for row in workload.rows]
  check(len(names) == len(set(names)), 'row names are unique')
  check(all(way.base is None or way.base in ways.BY_NAME for way in ways.WAYS), 'each base is a way')
  check([way.name for way in ways.choose(['exact'])] == ['bare', 'exact'], 'a way brings its base')


def check_run(build):
  with tempfile.TemporaryDirectory() as folder:
    out = os.path.join(folder, 'result')
    subprocess.run([os.path.join(HERE, 'run'), build, '--quick', '--rows', '1 frees,start-up',
                    '--ways', 'bare,off,exact', '--out', out], check=True, stdout=subprocess.DEVNULL)
    with open(out + '.json', encoding='utf-8') as file:
      results = json.load(file)
  check(not results['failures'], '%s' % results['failures'])
  check(len(results['rows']) >= 2, 'rows were run')
  for row in results['rows']:
    check(all(row['figures'][way][0] > 0 for way in ('bare', 'off', 'exact')), '%s has no figures' % row['name'])


check_arithmetic()
check_tables()
check_run(sys.argv[1])
print('ok')
