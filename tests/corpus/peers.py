"""
LeakSanitizer (preloaded) and valgrind on the programs of cases.py: what looks only at reachability says of them.

A leak counts as found when a report has a lost block under an expected function; a control counts as accused when
there is a lost block at all.
"""
import glob
import os
import re
import tempfile

import cases
import hosts
from trial import Failed

LSAN = '/usr/lib/x86_64-linux-gnu/liblsan.so.0'
# Name, the words before the program, and what begins a record of lost blocks.
PEERS = (
  ('LeakSanitizer', ['env', 'LD_PRELOAD=' + LSAN,
                     'LSAN_OPTIONS=exitcode=0:fast_unwind_on_malloc=0:log_path={folder}/peer'], r'^Direct leak of'),
  ('valgrind', ['valgrind', '-q', '--leak-check=full', '--show-leak-kinds=definite', '--trace-children=yes',
                '--log-file={folder}/peer.%p'], r'definitely lost in loss record'),
)


def records(folder, begin):
  """The texts of all records of lost blocks."""
  found = []
  for path in glob.glob(os.path.join(folder, 'peer*')):
    with open(path, encoding='utf-8', errors='replace') as file:
      for paragraph in re.split(r'\n(?:==\d+== )?\s*\n', file.read()):
        lines = [line for line in paragraph.splitlines() if line]
        if any(re.search(begin, line) for line in lines):
          found.append(paragraph)
  return found


def judge(case, seconds):
  """{peer: 'leak' when it names the leak or accuses the control, else '-'; 'crashed' when the program did not live}"""
  said = {}
  for name, words, begin in PEERS:
    with tempfile.TemporaryDirectory(prefix='corpus.') as folder:
      try:
        case.run(cases.fill(words, folder, seconds), hosts.environment(folder), folder, seconds)
      except Failed:
        said[name] = 'crashed'
        continue
      texts = records(folder, begin)
      named = [text for text in texts if not case.expected or case.expected == cases.ANYTHING or
               any(function in text for function in case.expected)]
      said[name] = 'leak' if named else '-'
  return {'name': case.name, 'leaks': bool(case.expected), 'said': said}


def text(rows):
  names = [name for name, _, _ in PEERS]
  lines = ['| program | truth | %s |' % ' | '.join(names), '|---' * (2 + len(names)) + '|']
  for row in rows:
    words = ' | '.join(row['said'][name] for name in names)
    lines.append('| %s | %s | %s |' % (row['name'], 'leak' if row['leaks'] else 'control', words))
  for name in names:
    leaks, controls = [[row['said'][name] for row in rows if row['leaks'] == is_leak] for is_leak in (True, False)]
    crashed = (leaks + controls).count('crashed')
    lines.append('\n%s: %d of %d leaks found, %d of %d controls accused, %d programs crashed' % (
      name, leaks.count('leak'), len(leaks), controls.count('leak'), len(controls), crashed))
  return '\n'.join(lines)
