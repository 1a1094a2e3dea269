#!/usr/bin/env python3
"""python3 with PYTHONMALLOC=malloc: same output, same status, an exact report; threads, subprocesses, exceptions."""
import os
import sys

import service

SCRIPT = '''
import hashlib, json, re, subprocess, sys, threading, zlib
digest = hashlib.sha256()

def work(seed):
  table = {}
  for i in range(3000):
    table["key %d" % i] = {"n": i * seed, "text": "x" * (i % 300), "list": list(range(i % 20))}
    if i % 10 == 0:
      text = json.dumps(table)
      table = dict(list(json.loads(text).items())[-50:])
    try:
      re.compile("(" * (i % 5) + "a" + ")" * (i % 4))
    except re.error:
      pass
  results[seed] = zlib.crc32(json.dumps(table, sort_keys=True).encode())

results = {}
threads = [threading.Thread(target=work, args=(seed,)) for seed in range(1, 5)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(results.items()))
print(subprocess.run([sys.executable, "-c", "print(sum(range(1000)))"], capture_output=True, text=True).stdout)
sys.exit(3)
'''


def main():
  with service.Test(__doc__) as test:
    python = '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else sys.executable
    script = test.write('script.py', SCRIPT)
    bare, report = test.same_as_bare([python, script], environment={
      'PYTHONMALLOC': 'malloc', 'PYTHONDONTWRITEBYTECODE': '1', 'PYTHONHASHSEED': '0'})
    test.check(bare.status == 3, 'bare run: status %d, expected 3' % bare.status)
    ours = sorted(report['processes'], key=lambda process: process['started'])
    if test.check(len(ours) == 2, '%d processes in the report, expected 2' % len(ours)):
      first, second = ours
      test.check(first['end']['status'] == 3 and second['end']['status'] == 0,
                 'ends are %s and %s' % (first['end'], second['end']))
      test.check(first['memory']['allocated_blocks'] > 100000, 'only %d allocations' % first['memory']['allocated_blocks'])
      # Frees nearly everything but what the interpreter keeps.
      test.check(first['memory']['live_bytes'] < 0.2 * first['memory']['peak_live_bytes'] + (4 << 20),
                 '%(live_bytes)d live of a peak of %(peak_live_bytes)d' % first['memory'])
      test.check(any(len(callsite['frames']) > 10 for callsite in first['callsites']), 'no stack deeper than 10 frames')
    test.finish()


if __name__ == '__main__':
  main()
