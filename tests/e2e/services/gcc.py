#!/usr/bin/env python3
"""gcc compiling and linking a file, a tree of processes: the same program, an exact report of each process."""
import os

import service

SOURCE = '''
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define F(n) static int f##n(int x) { int i, s = n; for (i = 0; i < x; i++) s += s % (n + 1) * i; return s; }
#define TEN(m, n) m(n##0) m(n##1) m(n##2) m(n##3) m(n##4) m(n##5) m(n##6) m(n##7) m(n##8) m(n##9)
#define CALL(n) s += f##n(s & 15);
TEN(F, 1) TEN(F, 2) TEN(F, 3) TEN(F, 4) TEN(F, 5) TEN(F, 6)
int main(void) { int s = 1; TEN(CALL, 1) TEN(CALL, 2) TEN(CALL, 3) TEN(CALL, 4) TEN(CALL, 5) TEN(CALL, 6)
  printf("%d\\n", s); return 0; }
'''


def main():
  with service.Test(__doc__) as test:
    gcc = test.need('gcc')
    source = test.write('unit.c', SOURCE)
    runs = []
    for what, script in (('a program', f'{gcc} -O2 -c -o unit.o {source} && {gcc} -o unit unit.o && ./unit && cksum unit'),
                         ('an error', f'{gcc} -Dmain=1 -c -o none {source}')):
      bare, report = test.same_as_bare(['/bin/sh', '-c', script])
      names = sorted(os.path.basename(process['exe'] or '?') for process in report['processes'])
      print('%s: status %d, processes %s' % (what, bare.status, ' '.join(names)))
      runs.append((bare, report, names))
    good, bad = runs
    test.check(good[0].status == 0 and bad[0].status == 1, 'statuses are %d, %d' % (good[0].status, bad[0].status))
    test.check(len(good[0].output.split()) == 4, 'output is %r' % good[0].output)
    for wanted in ('gcc', 'cc1', 'as', 'collect2', 'ld', 'unit', 'cksum'):
      test.check(any(wanted in name for name in good[2]), 'no process of %s in the report' % wanted)
    test.check(any('cc1' in name for name in bad[2]), 'no process of cc1 in the report of a failing run')
    for process in good[1]['processes']:
      test.check(process['end']['how'] in ('exit', 'exec'), '%s: end is %s' % (process['exe'], process['end']))
    heavy = [p for p in good[1]['processes'] if 'cc1' in (p['exe'] or '')]
    test.check(heavy and heavy[0]['memory']['allocated_blocks'] > 1000, 'cc1 allocated next to nothing')
    test.finish()


if __name__ == '__main__':
  main()
