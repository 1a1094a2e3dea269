#!/usr/bin/env python3
"""A process that ends without its agent's last word is judged by what it left: growth, the callsite first."""
import os

import service
from service import harness, books

OPTIONS = ('--set', 'interval=50ms', '--set', 'start_delay=0s')


def judge(test, what, process):
  """Is this the report of growth, held no more?"""
  verdict = process['verdict']
  print('%s: %s, score %.2f, %s' % (what, verdict['state'], verdict['score'], process['end']))
  test.check(verdict['state'] == 'growth', '%s: verdict %s: %s' % (what, verdict['state'], verdict['reasons']))
  test.check(not any('hold' in reason for reason in verdict['reasons']), '%s: held: %s' % (what, verdict['reasons']))
  first = process['callsites'][0]
  test.check(first['frames'] and books.plain(first['frames'][0]['function'] or '') == 'leak_here',
             '%s: the first callsite is %s' % (what, first['frames'][:1]))
  test.check(first['verdict']['state'] == 'growth', '%s: its verdict is %s' % (what, first['verdict']))


def main():
  with service.Test(__doc__) as test:
    for how, end in (('kill', 'signal'), ('_exit', 'exit'), ('exec', 'exec')):
      recording = test.path('recording.guard')
      again = test.path('again.json')
      harness.run(test.guarded([test.options.program, how, '6'], OPTIONS + ('-o', recording)), test.environment)
      ended = [p for p in test.report()['processes'] if os.path.basename(p['exe']) == 'e2e_leaks']
      if not test.check(len(ended) == 1 and ended[0]['end']['how'] == end, '%s: the ends are %s' % (how, ended)):
        continue
      judge(test, how, ended[0])
      harness.run([test.guardctl, 'report', '--report', 'json:' + again, recording], test.environment)
      read = [p for p in test.report(again)['processes'] if p['pid'] == ended[0]['pid'] and p['exe'] == ended[0]['exe']]
      test.check(len(read) == 1 and read[0]['verdict'] == ended[0]['verdict'], '%s: the recording tells otherwise' % how)
    test.finish()


if __name__ == '__main__':
  main()
