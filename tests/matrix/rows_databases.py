"""Databases and caches: written, read, changed, restarted by signal, and stopped in good order."""
import signal

from row import Row

REDIS = ['SET key%d value%d', 'LPUSH list item%d', 'HSET hash field%d value%d', 'ZADD set %d member%d']
SQL = '''
CREATE TABLE item (id INT PRIMARY KEY, name VARCHAR(80), price INT);
INSERT INTO item SELECT n, CONCAT('item ', n), (n * 7919) %% 1000 FROM (%s) AS numbers;
CREATE INDEX by_price ON item (price);
SELECT COUNT(*), SUM(price), MIN(name), MAX(name) FROM item;
SELECT price, COUNT(*) FROM item GROUP BY price ORDER BY 2 DESC, 1 LIMIT 3;
UPDATE item SET price = price + 1 WHERE id %% 3 = 0;
DELETE FROM item WHERE id %% 10 = 0;
SELECT a.name, b.name FROM item a JOIN item b ON a.price = b.price AND a.id < b.id ORDER BY a.id, b.id LIMIT 3;
SELECT COUNT(*), SUM(price) FROM item;
DROP TABLE item;
'''
POSTGRES_MORE = '''
CREATE FUNCTION twice(n INT) RETURNS INT AS 'BEGIN RETURN n * 2; EXCEPTION WHEN others THEN RETURN 0; END' LANGUAGE plpgsql;
SELECT SUM(twice(n)) FROM generate_series(1, 5000) AS n;
SELECT length(repeat('x', 1000000)), md5(string_agg(n::text, ',' ORDER BY n)) FROM generate_series(1, 20000) AS n;
SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
CREATE TABLE wide AS SELECT n, repeat('y', 100) AS t FROM generate_series(1, 20000) AS n;
ANALYZE wide; VACUUM wide; SELECT COUNT(*), SUM(length(t)) FROM wide; SELECT 1 / 0; DROP TABLE wide;
'''


def redis(place):
  lines = []
  for shape in REDIS:
    for i in range(300):
      place.talk((shape.replace('%d', str(i))) + '\r\nQUIT\r\n')
  for question in ('GET key77', 'LLEN list', 'HGET hash field7', 'ZRANGE set 0 3', 'DBSIZE', 'BGSAVE',
                   'EVAL "local n = 0 for i = 1, 1000 do n = n + redis.call(\'LLEN\', KEYS[1]) end return n" 1 list'):
    lines.append(place.talk(question + '\r\nQUIT\r\n'))
  place.harness.wait_for(lambda: 'rdb_bgsave_in_progress:0' in place.talk('INFO persistence\r\nQUIT\r\n'), 20)
  lines.append(place.talk('CONFIG SET maxmemory 0\r\nMEMORY PURGE\r\nFLUSHALL ASYNC\r\nQUIT\r\n'))
  return lines


def memcached(place):
  lines = []
  for i in range(500):
    lines.append(place.talk('set key%d 0 0 %d\r\n%s\r\nquit\r\n' % (i, i, 'x' * i)))
  for i in range(0, 500, 50):
    lines.append(place.talk('get key%d\r\ndelete key%d\r\nget key%d\r\nquit\r\n' % (i, i, i)))
  return lines + [place.talk('incr nothing 5\r\nflush_all\r\nversion\r\nquit\r\n')]


def postgres_ready(place):
  return place.run('psql', '-h', '@folder@', '-p', '@port@', '-U', 'tester', '-d', 'postgres', '-Atc', 'SELECT 1')[1].strip() == '1'


def postgres(place):
  script = SQL.replace('%%', '%').replace('%s', 'SELECT generate_series(1, 5000) AS n') + POSTGRES_MORE
  answers = [place.run('psql', '-h', '@folder@', '-p', '@port@', '-U', 'tester', '-d', 'postgres', '-At', give=script.encode())]
  place.signal(signal.SIGHUP)
  bench = ['pgbench', '-h', '@folder@', '-p', '@port@', '-U', 'tester', 'postgres']
  # asynchronous, so that it is always the WAL writer that has the log open
  answers += [place.run(*bench, *more, environ={'PGOPTIONS': '-c synchronous_commit=off'})[0]
              for more in (['-iq'], ['-c', '4', '-j', '2', '-t', '100'])]
  # what it must survive: a backend that is killed makes the postmaster restart all of them
  answers.append(place.run('psql', '-h', '@folder@', '-p', '@port@', '-U', 'tester', '-d', 'postgres', '-Atc',
                           'SELECT pg_terminate_backend(pg_backend_pid())'))
  return answers


def make_cluster(place):
  status, text = place.run('initdb', '-D', '@folder@/data', '-U', 'tester', '-A', 'trust', '--no-sync', '-N', limit=120, as_host=True)
  return None if status == 0 else text[-300:]


def make_tables(place):
  status, text = place.run('mariadb-install-db', '--no-defaults', '--datadir=@folder@/data', '--auth-root-authentication-method=normal',
                           '--skip-test-db', '--user=@user@', limit=180, as_host=True)
  return None if status == 0 else text[-300:]


def mariadb(place, sql):
  return place.run('mariadb', '--no-defaults', '-S', '@folder@/sql.sock', '-u', 'root', '-N', 'work', give=sql.encode())


def mariadb_ready(place):
  return place.run('mariadb', '--no-defaults', '-S', '@folder@/sql.sock', '-u', 'root', '-Ne',
                   'CREATE DATABASE IF NOT EXISTS work')[0] == 0


Row('redis', ['redis-server', '--port', '@port@', '--bind', '127.0.0.1', '--dir', '@folder@', '--save', '', '--io-threads', '2'],
    work=redis, forgive={'output': 'its log has a picture with numbers of memory'})
Row('memcached', ['memcached', '-l', '127.0.0.1', '-p', '@port@', '-U', '0', '-u', 'nobody', '-t', '4'], work=memcached,
    stop=signal.SIGTERM)
Row('postgresql', ['postgres', '-D', '@folder@/data', '-k', '@folder@', '-h', '', '-p', '@port@', '-c', 'fsync=off'], user=True,
    needs=['initdb', 'psql', 'pgbench'], prepare=make_cluster, ready=postgres_ready, work=postgres, stop=signal.SIGINT,
    forgive={'errors': 'its log depends on what the checkpointer finds to do'})
Row('mariadb', ['mariadbd', '--no-defaults', '--datadir=@folder@/data', '--socket=@folder@/sql.sock', '--skip-networking',
                '--pid-file=@folder@/pid', '--innodb-buffer-pool-size=16M', '--innodb-flush-log-at-trx-commit=0'], user=True,
    needs=['mariadb', 'mariadb-install-db'], prepare=make_tables, ready=mariadb_ready,
    work=lambda place: [mariadb(place, SQL.replace('%%', '%').replace('%s', 'SELECT seq AS n FROM seq_1_to_5000'))],
    forgive={'errors': 'its log has figures of its start', 'threads': 'its pools grow and shrink by load'})
Row('sqlite', ['sqlite3', 'file.db'], stdin=b'''
PRAGMA cache_size = 50; BEGIN;
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price INT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
  INSERT INTO item SELECT i, 'item ' || i, (i * 7919) % 1000 FROM n;
COMMIT; CREATE INDEX by_price ON item (price); PRAGMA integrity_check;
SELECT price, COUNT(*) FROM item GROUP BY price ORDER BY 2 DESC, 1 LIMIT 3;
SELECT COUNT(*) FROM item a JOIN item b ON a.price = b.price; VACUUM; SELECT group_concat(name) FROM (SELECT name FROM item LIMIT 5);
''', after=lambda place: [place.run('md5sum', 'file.db')[0]])
Row('slapd', ['slapd', '-f', '@folder@/slapd.conf', '-h', 'ldap://127.0.0.1:@port@', '-d', '0'], needs=['ldapadd', 'slapd'],
    files={'slapd.conf': 'include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile @folder@/pid\n'
           'database mdb\nsuffix "dc=a"\nrootdn "cn=root,dc=a"\nrootpw secret\ndirectory @folder@/db\nindex objectClass eq\n',
           'db': None, 'data.ldif': 'dn: dc=a\nobjectClass: dcObject\nobjectClass: organization\no: a\ndc: a\n\n' + ''.join(
             'dn: cn=p%d,dc=a\nobjectClass: person\ncn: p%d\nsn: s%d\n\n' % (i, i, i * 3) for i in range(100))},
    work=lambda place: [place.run('ldapadd', '-x', '-H', 'ldap://127.0.0.1:@port@', '-D', 'cn=root,dc=a', '-w', 'secret', '-f', 'data.ldif'),
                        place.run('ldapsearch', '-x', '-LLL', '-H', 'ldap://127.0.0.1:@port@', '-b', 'dc=a', '(sn=s2*)', 'cn'),
                        place.run('ldapdelete', '-x', '-H', 'ldap://127.0.0.1:@port@', '-D', 'cn=root,dc=a', '-w', 'bad', 'cn=p1,dc=a')],
    forgive={'threads': 'its pool grows by load'})
