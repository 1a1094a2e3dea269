#!/usr/bin/env python3
"""A shell script that starts a hundred programs, in pipes, in the background, in subshells: an exact report of each."""
import os

import service

SCRIPT = '''
for i in 1 2 3 4 5 6 7 8 9 10; do
  ls -la / | sort -k9 | sed -n 's/ .* / /p' | cksum > "$TMPDIR/sum.$i" &
  (date -u -d @$i +%s; exec tr a-z A-Z < /etc/hostname) | cat > /dev/null
  echo "$(seq $i 20 | sort -rn | head -1)"
done
wait
cat "$TMPDIR"/sum.* | sort -u | wc -l
kill -TERM $$
'''
# Of each round: ls sort sed cksum, date tr cat, seq sort head, and the shells in front of them; then cat sort wc.
PROGRAMS = 10 * 10 + 3


def main():
  with service.Test(__doc__) as test:
    script = test.write('script.sh', SCRIPT)
    bare, report = test.same_as_bare(['/bin/sh', script])
    test.check(bare.status == 128 + 15, 'bare run: status %d, expected %d' % (bare.status, 128 + 15))
    images = len(report['processes'])
    names = {os.path.basename(process['exe'] or '?') for process in report['processes']}
    print('%d images of %s' % (images, ' '.join(sorted(names))))
    for name in ('ls', 'sort', 'sed', 'cksum', 'date', 'tr', 'cat', 'seq', 'head', 'wc'):
      test.check(name in names, 'no %s in the report' % name)
    programs = [p for p in report['processes'] if p['end']['how'] in ('exit', 'signal') and 'sh' not in os.path.basename(p['exe'])]
    test.check(len(programs) >= PROGRAMS, '%d programs in the report, expected at least %d' % (len(programs), PROGRAMS))
    first = min(report['processes'], key=lambda process: process['started'], default=None)
    test.check(first and first['end']['signal'] == 'SIGTERM', "the shell's end is %s" % (first and first['end']))
    test.finish()


if __name__ == '__main__':
  main()
