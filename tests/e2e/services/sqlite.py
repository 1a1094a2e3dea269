#!/usr/bin/env python3
"""sqlite3: a database in memory and one in a file; same output, same status, an exact report."""
import service

SCRIPT = '''
.bail on
ATTACH DATABASE '{folder}/data.db' AS file;
CREATE TABLE numbers(n INTEGER PRIMARY KEY, square INTEGER, text TEXT);
WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < 60000)
  INSERT INTO numbers SELECT n, n * n, printf('%d is a number', n) FROM count;
CREATE INDEX by_text ON numbers(text);
CREATE TABLE file.copy AS SELECT * FROM numbers WHERE n % 3 = 0;
SELECT count(*), sum(square), max(text) FROM numbers;
SELECT n % 7, count(*), group_concat(text, ',') FROM numbers WHERE n < 2000 GROUP BY n % 7 ORDER BY 2 DESC, 1;
DELETE FROM numbers WHERE n % 2;
SELECT count(*), (SELECT count(*) FROM file.copy) FROM numbers;
SELECT json_group_array(n) FROM (SELECT n FROM numbers ORDER BY text LIMIT 500);
DROP TABLE file.copy;
SELECT no_such_column FROM numbers;
'''


def main():
  with service.Test(__doc__) as test:
    sqlite = test.need('sqlite3')
    script = test.write('script.sql', SCRIPT.replace('{folder}', test.folder))
    bare, report = test.same_as_bare([sqlite, '-init', '/dev/null', ':memory:', '.read ' + script])
    test.check(bare.status == 1, 'bare run: status %d, expected 1' % bare.status)
    test.check(len(bare.output) > 10000, 'bare run: only %d bytes of output' % len(bare.output))
    if test.check(len(report['processes']) == 1, '%d processes in the report, expected 1' % len(report['processes'])):
      process = report['processes'][0]
      test.check(process['memory']['allocated_blocks'] > 10000, 'only %(allocated_blocks)d allocations' % process['memory'])
      test.check(process['end']['status'] == 1, 'end is %s' % process['end'])
      test.check(any(service.books.in_module(frame, 'sqlite3') or 'sqlite' in (frame['module'] or '')
                     for callsite in process['callsites'] for frame in callsite['frames']), 'no frame in sqlite')
    test.finish()


if __name__ == '__main__':
  main()
